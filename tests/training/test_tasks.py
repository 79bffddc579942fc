"""Each task of the language: its targets are read, learnt, served and scripted in each backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import first_weights, require_weights_of_train, run, script_of, trained

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.data.rows import load_data, read_rows
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError, SpecError, UsageError
from nnspec.network.loader import Spec, loads
from tests.formatting import assert_clean

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]
ROWS, TIME, WORDS = 24, 3, 5
SUFFIX = {"torch": "safetensors", "keras": "keras"}
VECTOR = {"x": {"shape": [4]}}
TEXT = {"text": {"shape": [TIME], "dtype": "int32"}}


def _dense(units: int, *more: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "dense", "units": 5, "activation": "tanh"},
        {"type": "dense", "units": units},
        *more,
    ]


LANGUAGE = [
    {"type": "embedding", "input_dim": WORDS, "output_dim": 4},
    {"type": "gru", "units": 6, "return_sequences": True},
    {"type": "dense", "units": WORDS},
    {"type": "softmax"},
]
COLUMNS = {"x": "x_*"}
CASES: dict[str, dict[str, Any]] = {
    # The pattern of the features takes the columns of the target too, which it leaves out.
    "labels of columns": {
        "inputs": VECTOR, "layers": _dense(3, {"type": "sigmoid"}), "task": "multilabel",
        "data": {"source": "rows.csv", "features": {"x": "*_?"}, "target": ["is_*", "no_0"],
                 "validation": 0.25},
    },
    "labels of a table with types": {
        "inputs": VECTOR, "layers": _dense(2), "task": "multilabel",
        "data": {"source": "rows.parquet", "features": COLUMNS, "target": ["is_*"],
                 "standardize": True},
    },
    "labels of an array": {
        "inputs": VECTOR, "layers": _dense(2, {"type": "sigmoid"}), "task": "multilabel",
        "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "is"},
    },
    "numbers of columns": {
        "inputs": VECTOR, "layers": _dense(2), "task": "regression",
        "data": {"source": "rows.csv", "features": COLUMNS, "target": ["y_0", "y_1"],
                 "standardize_target": True, "test": 0.1},
    },
    "words of an array": {
        "inputs": TEXT, "layers": LANGUAGE, "task": "language",
        "data": {"source": "rows.npz", "features": {"text": "text"}, "target": "next"},
    },
    "words of columns": {
        "inputs": TEXT, "layers": LANGUAGE[:-1], "task": "language",
        "data": {"source": "rows.csv", "features": {"text": "text_*"}, "target": ["next_*"]},
    },
    "its input": {
        "inputs": VECTOR, "layers": _dense(4), "task": "autoencoder",
        "data": {"source": "rows.csv", "features": COLUMNS, "standardize": True, "test": 0.1},
    },
    "its input as shares": {
        "inputs": {"image": {"shape": [1, 2, 2]}}, "task": "autoencoder",
        "layers": [
            {"type": "conv2d", "filters": 2, "kernel_size": 1, "activation": "relu"},
            {"type": "conv2d", "filters": 1, "kernel_size": 1},
            {"type": "sigmoid"},
        ],
        "loss": "binary_cross_entropy",
        "data": {"source": "rows.npz", "features": {"image": "image"}, "validation": 0},
    },
    "its input of bytes": {
        "inputs": {"image": {"shape": [2, 2], "dtype": "uint8"}}, "task": "autoencoder",
        "layers": [
            {"type": "cast", "dtype": "float32"}, {"type": "flatten"}, *_dense(4),
            {"type": "reshape", "shape": [2, 2]},
        ],
        "data": {"source": "rows.npz", "features": {"image": "bytes"}},
    },
    "an input without its noise": {
        "inputs": VECTOR, "layers": _dense(4), "task": "autoencoder",
        "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "clean",
                 "standardize_target": True},
    },
}  # fmt: skip

RARE = {
    "labels of a table with types", "labels of an array", "words of columns",
    "its input of bytes", "an input without its noise",
}  # fmt: skip


def _rows() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(4)
    x = draw.normal(3, 2, size=(ROWS, 4)).round(3)
    text = draw.integers(0, WORDS, size=(ROWS, TIME + 1))
    return {
        "x": x,
        "clean": np.rint(x),
        "is": (x[:, :2] > 3).astype(np.int64),
        "y": np.stack([x[:, 0] - x[:, 1], 100 * x[:, 2]], axis=1),
        "text": text[:, :-1],
        "next": text[:, 1:],
        "image": draw.random((ROWS, 1, 2, 2)),
        "bytes": draw.integers(0, 255, (ROWS, 2, 2)).astype(np.uint8),
    }


def _spec(case: dict[str, Any], folder: Path, **more: Any) -> Spec:
    arrays = _rows()
    source = case["data"]["source"]
    if source.endswith("npz"):
        np.savez(folder / source, **arrays)
    else:
        columns = {
            f"{name}_{i}": values[:, i]
            for name, values in arrays.items()
            if name not in ("image", "bytes")
            for i in range(values.shape[1])
        }
        if case["data"]["features"] == {"x": "*_?"}:
            columns = {name: columns[name] for name in ("is_0", "x_0", "x_1", "is_1", "x_2", "x_3")}
            columns["no_0"] = columns["is_0"] * columns["is_1"]
        table = pl.DataFrame(columns)
        (table.write_csv if source.endswith("csv") else table.write_parquet)(folder / source)
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": case["inputs"],
        "layers": case["layers"],
        "data": case["data"] | more.pop("data", {}),
        "training": {
            "task": case["task"],
            "loss": case.get("loss"),
            "optimizer": {"type": "sgd", "learning_rate": 0.05},
            "epochs": 2,
            "batch_size": 8,
            "seed": 1,
            **more,
        },
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


def test_the_emitted_scripts_are_clean(tmp_path: Path) -> None:
    emitted = tmp_path / "emitted"
    emitted.mkdir()
    for number, case in enumerate(CASES.values()):
        for backend in ("torch", "keras"):
            compiled = get_backend(backend).compile(_spec(case, tmp_path), Options(training=True))
            (emitted / f"{backend}_{number}.py").write_text(compiled.source)
    assert_clean(emitted)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_spec_of_each_task_is_verified(name: str, tmp_path: Path) -> None:
    report = nnspec.verify(_spec(CASES[name], tmp_path))
    assert report.passed, report.to_json()


def test_metrics_of_numbers_are_of_what_the_network_gives_not_of_its_logits(tmp_path: Path) -> None:
    spec = _spec(CASES["its input as shares"], tmp_path)
    data, _ = script_of(spec, "torch").load_data(tmp_path / "rows.npz")
    inputs, target = data["train"]
    program = get_backend("torch").compile(spec, Options(training=True)).build()
    output = program.forward({"image": inputs})[spec.graph.outputs[0]]
    measured = program.measured({"image": inputs}, target)
    assert measured["mae"] == pytest.approx(np.abs(output - target).mean(), rel=1e-5)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow if each in RARE else ()) for each in CASES]
)
def test_a_script_ends_with_the_weights_of_train_and_serves_raw_rows(
    name: str, backend: str, tmp_path: Path
) -> None:
    spec = _spec(CASES[name], tmp_path)
    assert not [each for each in spec.advice if each.code == "not-trainable"]
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    values, answers = module.predict(output, tmp_path / spec.model.data.source)
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    found = predict(tmp_path / "net.onnx", tmp_path / spec.model.data.source)
    (wanted,) = found.outputs.values()
    assert np.abs(values - wanted).max() <= 1e-4 * max(1, np.abs(wanted).max())
    if spec.model.training.kind != "regression":
        assert (answers == found.answer).all()


def test_answers_are_called_as_the_columns_of_the_target(tmp_path: Path) -> None:
    spec = _spec(CASES["labels of columns"], tmp_path)
    trained(spec, "torch")
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    table = predict(tmp_path / "net.onnx", tmp_path / "rows.csv").table()
    assert table.columns[:3] == ["is_0", "is_1", "no_0"]
    assert table.columns[3:] == ["sigmoid_1_is_0", "sigmoid_1_is_1", "sigmoid_1_no_0"]


def test_an_autoencoder_learns_and_gives_what_it_takes_in_its_units(tmp_path: Path) -> None:
    spec = _spec(
        CASES["its input"],
        tmp_path,
        epochs=60,
        optimizer={"type": "adam", "learning_rate": 0.02},
        batch_size=4,
    )
    data = load_data(spec)
    assert (data.train.target == data.train.inputs["x"]).all()
    _, target = read_rows(spec, tmp_path / "rows.csv")
    assert target is not None
    run_ = nnspec.train(spec, "torch", tmp_path / "run")
    x = _rows()["x"]
    # The metric has the units of the rows, of which none is nearer to its mean than this.
    assert run_.history[0].values["val_mae"] > 0.5
    nnspec.export(spec, tmp_path / "net.onnx", weights=run_.best)
    (given,) = predict(tmp_path / "net.onnx", tmp_path / "rows.csv").outputs.values()
    assert np.abs(given - x).mean() < 0.5 * np.abs(x - x.mean(axis=0)).mean()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("labels of columns", {"target": ["is_*", "nowhere"]}, 'no column "nowhere"'),
        (
            "labels of columns",
            {"target": ["is_0", "x_0", "is_1"], "features": {"x": ["no_0", "x_1", "x_2", "x_3"]}},
            'column "x_0", row 1: .* nor',
        ),
        ("labels of an array", {"target": ["is", "y"]}, "one array of an .npz file"),
        ("words of an array", {"target": "y"}, r"gives \(2,\) for each row"),
    ],
)
def test_a_target_that_does_not_fit_is_named(
    name: str, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        load_data(_spec(CASES[name], tmp_path, data=change))


def test_shares_beyond_0_to_1_are_refused_by_train_and_by_scripts(tmp_path: Path) -> None:
    case = CASES["its input"] | {"loss": "binary_cross_entropy"}
    spec = _spec(case, tmp_path)
    with pytest.raises(DataError, match=r"row .*: (it|the target) has the element .* from 0 to 1"):
        load_data(spec)
    module = script_of(spec, "torch")
    with pytest.raises(ValueError, match="the loss takes numbers from 0 to 1"):
        module.load_data(tmp_path / "rows.csv")


SHARES: dict[str, Any] = {
    "nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [4, 1]}},
    "layers": [{"type": "flatten"}, {"type": "dense", "units": 1}],
    "data": {"source": "rows.csv", "features": {"x": "a"}, "target": "y", "windows": {}},
    "training": {"task": "regression", "loss": {"type": "binary_cross_entropy"}},
}  # fmt: skip


def test_a_share_is_told_by_its_row_and_column_of_windows_too(tmp_path: Path) -> None:
    numbers = np.linspace(0, 1, 30)
    numbers[17] = 1.5
    pl.DataFrame({"a": numbers, "y": numbers}).write_csv(tmp_path / "rows.csv")
    spec = loads(json.dumps(SHARES), path=tmp_path / "net.json")
    message = r'rows.csv, line 19: the target "y", row 18: it has the element 1.5'
    with pytest.raises(DataError, match=message):
        load_data(spec)


def test_a_share_that_counts_for_nothing_may_be_any_number(tmp_path: Path) -> None:
    numbers = np.linspace(0, 1, 30)
    numbers[::7] = 255
    pl.DataFrame({"a": np.linspace(0, 1, 30), "y": numbers}).write_csv(tmp_path / "rows.csv")
    loss = {"type": "binary_cross_entropy", "ignore_index": 255}
    training = {"task": "regression", "loss": loss, "epochs": 1, "keep": {"metric": "loss"}}
    spec = loads(json.dumps({**SHARES, "training": training}), path=tmp_path / "net.json")
    for backend in ("torch", "keras"):
        run = nnspec.train(spec, backend, tmp_path / backend)
        assert 0 < run.history[0].values["loss"] < 2
        script_of(spec, backend).load_data(tmp_path / "rows.csv")


def test_a_script_takes_no_list_of_arrays(tmp_path: Path) -> None:
    spec = _spec(CASES["labels of an array"], tmp_path, data={"target": ["is", "y"]})
    with pytest.raises(UsageError, match=r"the target is one array"):
        script_of(spec, "torch")


CONTRADICTIONS = {
    "softmax over labels": (CASES["labels of columns"], [{"type": "softmax"}], "loss-activation"),
    "one class for a text": (
        CASES["words of an array"],
        [{"type": "flatten"}, {"type": "dense", "units": WORDS}],
        "task-output",
    ),
    "another shape than its input's": (
        CASES["its input"], [{"type": "dense", "units": 3}], "task-output",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_network_that_contradicts_its_task_is_refused(name: str, tmp_path: Path) -> None:
    case, more, code = CONTRADICTIONS[name]
    with pytest.raises(SpecError) as caught:
        _spec(case | {"layers": [*case["layers"][:-1], *more]}, tmp_path)
    (problem,) = caught.value.problems
    assert problem.code == code


def test_a_target_is_needed_but_by_an_autoencoder(tmp_path: Path) -> None:
    case = CASES["labels of columns"]
    data = {key: value for key, value in case["data"].items() if key != "target"}
    with pytest.raises(SpecError, match="`data` needs `target`"):
        _spec(case | {"data": data}, tmp_path)
