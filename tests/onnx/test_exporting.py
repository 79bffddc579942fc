"""From a spec and weights to a file, and from raw rows to predictions."""

import json
import sys

import numpy as np
import onnx
import polars as pl
import pytest
from click.testing import CliRunner
from onnx_cases import random_weights
from torch_reference import evaluate

from nnspec.backend import get_backend
from nnspec.cli import main
from nnspec.data.preprocessing import KEY
from nnspec.data.rows import load_data
from nnspec.deploy.exporting import export
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError, UnsupportedError, UsageError, WeightsError
from nnspec.network.loader import load, loads
from nnspec.weights.canonical import save_weights

SPEC = """
nnspec: 1
name: Irises
inputs: {features: {shape: [3]}}
layers:
  - {name: hidden, type: dense, units: 8, activation: gelu}
  - {name: out, type: dense, units: UNITS, activation: HEAD}
data: {source: rows.csv, features: {features: "f*"}, target: kind, standardize: true}
training: {task: TASK}
"""
TASKS = {
    "multiclass": ("3", "softmax", ["a", "b", "c"]),
    "binary": ("1", "sigmoid", ["no", "yes"]),
    "regression": ("1", "linear", [0.5, 1.5]),
}


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


@pytest.fixture
def trained(tmp_path, task):
    """Return a spec and a weights file as training leaves it."""
    units, head, targets = TASKS[task]
    text = SPEC.replace("UNITS", units).replace("HEAD", head).replace("TASK", task)
    (tmp_path / "irises.yaml").write_text(text)
    rng = np.random.default_rng(0)
    table = {f"f{i}": rng.normal(10 * i, 3, 50).round(3) for i in range(3)}
    table["kind"] = [targets[i % len(targets)] for i in range(50)]
    pl.DataFrame(table).write_csv(tmp_path / "rows.csv")
    spec = load(tmp_path / "irises.yaml")
    weights = random_weights(spec.graph, 3)
    data = load_data(spec)
    path = save_weights(tmp_path / "w.safetensors", weights, {KEY: data.preprocessing.to_json()})
    return spec, path, weights, data.preprocessing


def test_raw_rows_to_predictions(tmp_path, trained, task):
    spec, path, weights, preprocessing = trained
    report = export(spec, tmp_path / "m.onnx", weights=path)
    assert report.bytes == (tmp_path / "m.onnx").stat().st_size
    rows = pl.read_csv(tmp_path / "rows.csv").drop("kind")
    predictions = predict(tmp_path / "m.onnx", rows)
    feeds = preprocessing.apply(rows)
    wanted = evaluate(spec.graph, weights, feeds)["out"]
    np.testing.assert_allclose(predictions.outputs["out"], wanted, rtol=1e-4, atol=1e-6)
    table = predictions.table()
    if task == "multiclass":
        assert table.columns == ["kind", "out_a", "out_b", "out_c"]
        assert table["kind"].to_list() == [preprocessing.labels[i] for i in wanted.argmax(1)]
    elif task == "binary":
        assert table.columns == ["kind", "out"]
        assert table["kind"].to_list() == [["no", "yes"][int(i)] for i in wanted[:, 0] > 0.5]
    else:
        assert table.columns == ["kind"]
    assert table.height == 50


def test_batches_do_not_matter(tmp_path, trained, task, monkeypatch):
    spec, path, _, _ = trained
    export(spec, tmp_path / "m.onnx", weights=path)
    whole = predict(tmp_path / "m.onnx", tmp_path / "rows.csv").outputs["out"]
    monkeypatch.setattr("nnspec.deploy.batching.LARGEST_BATCH", 7)
    parts = predict(tmp_path / "m.onnx", tmp_path / "rows.csv").outputs["out"]
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("task", ["binary"])
def test_logits_answer_yes_above_zero(tmp_path, trained):
    spec, path, _, _ = trained
    text = (tmp_path / "irises.yaml").read_text().replace("activation: sigmoid", "use_bias: true")
    (tmp_path / "logits.yaml").write_text(text)
    export(tmp_path / "logits.yaml", tmp_path / "l.onnx", weights=path)
    export(spec, tmp_path / "p.onnx", weights=path)
    logits, answers = (predict(tmp_path / f"{n}.onnx", tmp_path / "rows.csv") for n in "lp")
    assert logits.table()["kind"].to_list() == answers.table()["kind"].to_list()
    assert (logits.outputs["out"] < 0).any()


@pytest.mark.parametrize("task", ["multiclass"])
def test_command_line(tmp_path, trained):
    run = CliRunner().invoke
    spec, weights, model = (str(tmp_path / n) for n in ("irises.yaml", "w.safetensors", "m.onnx"))
    done = run(main, ["export", spec, "-o", model, "--weights", weights, "--json"])
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert set(report) == {"path", "opset", "nodes", "bytes", "seconds"}
    assert (report["path"], report["opset"], report["nodes"]) == (model, 21, 4)
    rows = str(tmp_path / "rows.csv")
    done = run(main, ["predict", model, "--data", rows, "--json"])
    answers = json.loads(done.stdout)
    assert (answers["rows"], len(answers["predictions"])) == (50, 50)
    done = run(main, ["predict", model, "--data", rows, "-o", str(tmp_path / "p.csv")])
    assert done.exit_code == 0
    assert pl.read_csv(tmp_path / "p.csv")["kind"].to_list() == [
        row["kind"] for row in answers["predictions"]
    ]
    done = run(main, ["predict", model, "--data", rows])
    assert done.stdout.splitlines()[0] == "kind,out_a,out_b,out_c"
    assert run(main, ["export", spec, "-o", model, "--opset", "12"]).exit_code == 2
    assert run(main, ["predict", spec, "--data", rows]).exit_code == 2
    assert run(main, ["predict", model, "--data", rows, "-o", "p.txt"]).exit_code == 2


@pytest.mark.parametrize("task", ["multiclass"])
def test_without_a_record_only_arrays_will_do(tmp_path, trained):
    spec, *_ = trained
    export(spec, tmp_path / "m.onnx")
    with pytest.raises(UsageError, match="training run"):
        predict(tmp_path / "m.onnx", tmp_path / "rows.csv")
    predictions = predict(tmp_path / "m.onnx", {"features": np.ones((4, 3))})
    assert predictions.table().columns == ["out_0", "out_1", "out_2"]
    with pytest.raises(DataError, match="features"):
        predict(tmp_path / "m.onnx", {"other": np.ones((4, 3))})


@pytest.mark.parametrize("task", ["multiclass"])
def test_wrong_calls(tmp_path, trained):
    spec, path, weights, _ = trained
    with pytest.raises(UsageError, match="no exporter"):
        export(spec, tmp_path / "m.onnx", via="jax")
    with pytest.raises(UsageError, match="no such file"):
        export(spec, tmp_path / "m.onnx", weights=tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match="folder"):
        export(spec, tmp_path / "none" / "m.onnx", weights=path)
    with pytest.raises(UsageError, match="folder"):
        export(spec, tmp_path, weights=path)
    del weights["out.bias"]
    with pytest.raises(WeightsError, match=r"out\.bias"):
        export(spec, tmp_path / "m.onnx", weights=weights)
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("task", ["multiclass"])
def test_missing_packages_are_named(tmp_path, trained, monkeypatch):
    spec, *_ = trained
    for package, module in (("onnxruntime", "runtime"), ("onnx", "module")):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            patch.delitem(sys.modules, f"nnspec_onnx.{module}", raising=False)
            patch.delattr(f"nnspec_onnx.{module}", raising=False)
            with pytest.raises(Exception, match=rf'{package} is not.*"nnspec\[onnx\]"'):
                get_backend("onnx").compile(spec).build()


@pytest.mark.parametrize("external_data", [False, True])
@pytest.mark.parametrize("task", ["multiclass"])
def test_torch_exports_the_same_function(tmp_path, trained, external_data, monkeypatch):
    spec, path, *_ = trained
    path_of = {via: tmp_path / f"{via}.onnx" for via in ("direct", "torch")}
    # The smallest tensor that goes to a file of its own, so that this small network has one.
    monkeypatch.setattr("nnspec_onnx.module.SMALLEST_EXTERNAL", 16)
    for via, model in path_of.items():
        report = export(spec, model, weights=path, via=via, opset=20, external_data=external_data)
        assert report.opset == 20
        assert (tmp_path / f"{via}.onnx.data").exists() == external_data
        assert report.nodes == len(onnx.load(model).graph.node)
        onnx.checker.check_model(str(model), full_check=True)
    assert {file.name for file in tmp_path.glob(".*")} == set()
    direct, torch = (predict(model, tmp_path / "rows.csv") for model in path_of.values())
    np.testing.assert_allclose(torch.outputs["out"], direct.outputs["out"], rtol=1e-5, atol=1e-7)
    assert torch.table().columns == direct.table().columns


@pytest.mark.parametrize("task", ["multiclass"])
def test_a_failed_foreign_export_leaves_nothing(tmp_path, trained):
    spec, path, *_ = trained
    with pytest.raises(UsageError):
        export(spec, tmp_path / "m.onnx", weights=path, via="torch", opset=99)
    assert not list(tmp_path.glob("*.onnx*"))
    assert not list(tmp_path.glob(".*"))


def test_an_exporter_that_fixes_a_dynamic_axis_is_refused(tmp_path):
    spec = loads(
        "{nnspec: 1, name: R, inputs: {x: {shape: [time, 2]}}, "
        "layers: [{name: states, type: lstm, units: 3, return_sequences: true}]}"
    )
    with pytest.raises(UnsupportedError, match='fixed the axis "time" of the output'):
        export(spec, tmp_path / "m.onnx", via="torch")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("task", ["multiclass"])
def test_a_file_that_takes_no_predictions_is_refused_before_they_are_made(tmp_path, trained):
    spec, weights, _, _ = trained
    export(spec, tmp_path / "m.onnx", weights=weights)
    words = ["predict", str(tmp_path / "m.onnx"), "--data", str(tmp_path / "none.csv"), "-o"]
    done = CliRunner().invoke(main, [*words, str(tmp_path / "out.json")])
    assert done.exit_code == 2
    assert "predictions go to a .csv or a .parquet file" in done.output
    words[3] = str(tmp_path / "rows.csv")
    assert CliRunner().invoke(main, [*words, str(tmp_path / "out.CSV")]).exit_code == 0
    assert pl.read_csv(tmp_path / "out.CSV").height == 50
