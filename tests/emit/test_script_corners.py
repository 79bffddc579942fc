"""Scripts of data that are rare: each reads, refuses and keeps what `nnspec train` does."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import zarr
from PIL import Image
from script_cases import first_weights, run, script_of

import nnspec
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.rows import load_data
from nnspec.errors import DataError, UsageError
from nnspec.network.loader import Spec, loads
from nnspec.weights.canonical import load_weights
from nnspec_keras.defined import LOCAL
from nnspec_torch.naming import _LOCAL

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]
GOLDEN = Path(__file__).parents[1] / "golden"
BACKENDS = ("torch", "keras")


def spec_of(folder: Path, data: dict[str, Any], layers: list[Any], **more: Any) -> Spec:
    document = {
        "nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [2]}}, "layers": layers,
        "data": data, "training": {"task": "regression", "epochs": 1, "seed": 1}, **more,
    }  # fmt: skip
    return loads(json.dumps(document), path=folder / "net.json")


def table(folder: Path, name: str = "rows.csv", **columns: Any) -> None:
    draw = np.random.default_rng(1)
    own = {"a": draw.normal(size=20).round(3), "b": draw.normal(size=20).round(3)}
    pl.DataFrame({**own, "y": draw.normal(size=20).round(3), **columns}).write_csv(folder / name)


def require_same_rows(spec: Spec, backend: str = "torch", source: Path | None = None) -> None:
    """Fail unless the script has the rows of training in each part."""
    found, file = load_data(spec), spec.folder / spec.model.data.source  # type: ignore[union-attr]
    parts, *_ = script_of(spec, backend).load_data(source or file)
    for part, values in parts.items():
        own = getattr(found, part)
        arrays = [*own.inputs.values()]
        for array, wanted in zip(values, arrays, strict=False):
            np.testing.assert_allclose(array, wanted, rtol=1e-6)
        target = values[len(arrays)]
        for output in target if isinstance(target, dict) else ():
            np.testing.assert_allclose(target[output], own.target[output], rtol=1e-6)
        if not isinstance(target, dict):
            wanted = own.target
            (wanted,) = wanted.values() if isinstance(wanted, dict) else (wanted,)
            np.testing.assert_allclose(target, wanted, rtol=1e-6)


DENSE = [{"name": "out", "type": "dense", "units": 1}]
PLAIN = {"source": "rows.csv", "features": {"x": ["a", "b"]}, "target": "y"}


@pytest.mark.parametrize("has_files", [False, True])
def test_a_category_beyond_its_table_is_told_with_its_row(has_files: bool, tmp_path: Path) -> None:
    ports = ["p", "q", "r", "s"] * 5
    table(tmp_path, port=ports)
    table(tmp_path, "val.csv", port=ports)
    spec = spec_of(
        tmp_path,
        {"source": "rows.csv", "features": {"x": "port"}, "target": "y",
         "prepare": {"port": {"categories": "index"}},
         **({"split": {"validation": "val.csv"}} if has_files else {})},
        [{"type": "embedding", "input_dim": 3, "output_dim": 2}, *DENSE],
        inputs={"x": {"shape": [], "dtype": "int64"}},
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"rows\.csv: row 4, element 0: 3 is no number from 0 to"):
        script_of(spec, "torch").load_data(tmp_path / "rows.csv")


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_autoencoder_of_prepared_columns_trains(backend: str, tmp_path: Path) -> None:
    table(tmp_path)
    spec = spec_of(
        tmp_path,
        {"source": "rows.csv", "features": {"x": ["a", "b"]}, "standardize": True,
         "prepare": {"a": {"missing": "mean"}}},
        [{"type": "dense", "units": 2}],
        training={"task": "autoencoder", "epochs": 1, "seed": 1},
    )  # fmt: skip
    require_same_rows(spec, backend)
    output = tmp_path / f"out.{'safetensors' if backend == 'torch' else 'keras'}"
    run(script_of(spec, backend), "--weights", first_weights(spec, backend), "--output", output)
    assert output.exists()


def test_classes_on_another_axis_of_an_output_are_measured_along_it(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    np.savez(
        tmp_path / "rows.npz",
        x=draw.normal(size=(40, 1, 4, 5)).astype("float32"),
        mask=draw.integers(0, 3, (40, 4, 5)),
        area=draw.normal(size=40).astype("float32"),
    )
    spec = spec_of(
        tmp_path,
        {"source": "rows.npz", "features": {"x": "x"}, "target": {"mask": "mask", "area": "area"}},
        [
            {"name": "seen", "type": "conv2d", "filters": 3, "kernel_size": 3, "padding": "same"},
            {"name": "mask", "type": "softmax", "axis": 0},
            {"type": "flatten", "name": "flat", "inputs": "seen"},
            {"name": "area", "type": "dense", "units": 1},
        ],
        inputs={"x": {"shape": [1, 4, 5]}},
        outputs=["mask", "area"],
        training={
            "task": {"mask": "multiclass", "area": "regression"}, "epochs": 1, "seed": 1,
            "loss": {"mask": {"type": "categorical_cross_entropy", "axis": 0}, "area": "mse"},
        },
    )  # fmt: skip
    module = script_of(spec, "torch")
    weights = first_weights(spec, "torch")
    parts, _ = module.load_data(tmp_path / "rows.npz")
    import torch

    model = module.Net()
    model.load_state_dict(load_weights(weights) and _state(weights))
    (x, targets) = parts["validation"]
    rows = (torch.from_numpy(x), *(torch.from_numpy(each) for each in targets.values()))
    measured = module.evaluate(model, rows)
    program = nnspec.compile(spec, "torch").build(dict(load_weights(weights)))
    given = program.forward({"x": x})["mask"].argmax(axis=1)
    assert measured["mask_accuracy"] == pytest.approx(float((given == targets["mask"]).mean()))


def _state(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(path)


def test_the_record_of_losses_by_output_is_whole(tmp_path: Path) -> None:
    table(tmp_path, kind=["u", "v"] * 10)
    spec = spec_of(
        tmp_path,
        {"source": "rows.csv", "features": {"x": ["a", "b"]}, "target": {"y": "y", "kind": "kind"}},
        [{"name": "y", "type": "dense", "units": 1, "inputs": "x"},
         {"name": "score", "type": "dense", "units": 1, "inputs": "x"},
         {"name": "kind", "type": "sigmoid"}],
        outputs=["y", "kind"],
        training={"task": {"y": "regression", "kind": "binary"}, "epochs": 1, "seed": 1},
    )  # fmt: skip
    output = tmp_path / "out.safetensors"
    run(script_of(spec, "torch"), "--output", output)
    nnspec.export(spec, tmp_path / "net.onnx", weights=output)
    assert nnspec.predict(tmp_path / "net.onnx", tmp_path / "rows.csv").rows == 20
    _, record = script_of(spec, "keras").load_data(tmp_path / "rows.csv")
    assert Preprocessing.from_json(json.dumps(record)) == load_data(spec).preprocessing
    with pytest.raises(SystemExit):
        run(script_of(spec, "keras"), "--weights", tmp_path / "out.best.weights.h5")


@pytest.mark.parametrize(("backend", "known"), [("torch", _LOCAL), ("keras", LOCAL)])
def test_no_network_is_called_as_a_variable_of_main(backend: str, known: frozenset[str]) -> None:
    files = [*GOLDEN.glob(f"*/{backend}_training.py")]
    assert len(files) > 3
    for file in files:
        tree = ast.parse(file.read_text())
        (main,) = [node for node in tree.body if getattr(node, "name", "") == "main"]
        stored = set(_stored(main))
        if "generator" not in stored:
            assert stored <= known, (file, stored - known)


def _stored(node: ast.AST) -> Iterator[str]:
    """Yield the variables of a function; those of a comprehension are its own."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            yield from _stored(each)


@pytest.mark.parametrize("split", ["stratify", "group"])
def test_a_column_that_rows_are_split_by_may_be_a_target(split: str, tmp_path: Path) -> None:
    table(tmp_path, is_old=[0, 1] * 10, is_new=[1, 1, 0, 0] * 5)
    several = {"target": ["is_*"], "split": {split: "is_old"}}
    spec = spec_of(
        tmp_path, {**PLAIN, **several}, [{"type": "dense", "units": 2}, {"type": "sigmoid"}],
        training={"task": "multilabel", "epochs": 1, "seed": 1},
    )  # fmt: skip
    require_same_rows(spec)


def test_a_folder_of_images_may_have_another_prepared_column(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for i in range(6):
            pixels = draw.integers(0, 256, (4, 4, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / label / f"{i}.png")
    spec = spec_of(
        tmp_path,
        {"source": "pets", "features": {"photo": "file", "kind": "label"},
         "target": {"input": "photo"},
         "prepare": {"file": {"image": {}}, "label": {"categories": "index"}}},
        [{"name": "known", "type": "embedding", "input_dim": 2, "output_dim": 3, "inputs": "kind"},
         {"name": "flat", "type": "flatten", "inputs": "photo"},
         {"name": "both", "type": "concatenate", "inputs": ["flat", "known"]},
         {"type": "dense", "units": 48}, {"name": "out", "type": "reshape", "shape": [3, 4, 4]}],
        inputs={"photo": {"shape": [3, 4, 4]}, "kind": {"shape": [], "dtype": "int64"}},
    )  # fmt: skip
    require_same_rows(spec)


def test_words_of_any_length_of_zarr_are_labels(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "rows.zarr", mode="w")
    draw = np.random.default_rng(3)
    group.create_array("x", data=draw.normal(size=(20, 2)))
    labels = group.create_array("label", shape=(20,), dtype=str)
    labels[:] = np.array(["no", "certainly"] * 10, dtype=object)
    spec = spec_of(
        tmp_path, {"source": "rows.zarr", "features": {"x": "x"}, "target": "label"},
        [{"type": "dense", "units": 1}, {"type": "sigmoid"}],
        training={"task": "binary", "epochs": 1, "seed": 1},
    )  # fmt: skip
    require_same_rows(spec)


@pytest.mark.parametrize(
    ("times", "told"),
    [([0, 1, 2, 2, 3, 4, 5, 6], "rows 3 and 4 have the same t"), ([0, 1], "the series of row 1")],
)
def test_rows_of_windows_are_told_with_their_own_file(
    times: list[int], told: str, tmp_path: Path
) -> None:
    for name, of in (("rows", list(range(20))), ("val", times)):
        pl.DataFrame({"t": of, "y": [0.5] * len(of)}).write_csv(tmp_path / f"{name}.csv")
    spec = spec_of(
        tmp_path,
        {"source": "rows.csv", "features": {"x": "y"}, "target": "y", "windows": {"order": "t"},
         "split": {"validation": "val.csv"}},
        [{"type": "flatten"}, *DENSE],
        inputs={"x": {"shape": [4, 1]}},
    )  # fmt: skip
    with pytest.raises(ValueError, match=rf"val\.csv: {told}"):
        script_of(spec, "torch").load_data(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("features", "told"),
    [(["a", "y"], "is the target and a feature"), (["a", "a"], "is taken twice")],
)
def test_a_feature_is_no_target_and_taken_once(
    features: list[str], told: str, tmp_path: Path
) -> None:
    table(tmp_path)
    spec = spec_of(tmp_path, {**PLAIN, "features": {"x": features}}, DENSE)
    for backend in BACKENDS:
        with pytest.raises(UsageError, match=told):
            nnspec.compile(spec, backend, training=True)


def test_a_target_with_an_open_axis_is_not_standardised(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(12, 3, 2)).astype("float32")
    np.savez(tmp_path / "rows.npz", x=x, y=x[..., :1])
    spec = spec_of(
        tmp_path,
        {"source": "rows.npz", "features": {"x": "x"}, "target": "y", "standardize_target": True},
        DENSE, inputs={"x": {"shape": ["time", 2]}},
    )  # fmt: skip
    with pytest.raises(UsageError, match="leave out `standardize_target`"):
        nnspec.train(spec, "torch", tmp_path / "run")
    for backend in BACKENDS:
        with pytest.raises(UsageError, match="leave out `standardize_target`"):
            nnspec.compile(spec, backend, training=True)


def test_quotes_and_capitals_are_no_obstacle(tmp_path: Path) -> None:
    name = 'patient "id"'
    table(tmp_path, "ROWS.CSV", **{name: [i // 4 for i in range(20)]})
    spec = spec_of(tmp_path, {**PLAIN, "source": "ROWS.CSV", "split": {"group": name}}, DENSE)
    require_same_rows(spec)


def test_no_file_of_rows_is_written_over(tmp_path: Path) -> None:
    table(tmp_path)
    table(tmp_path, "val.csv")
    spec = spec_of(tmp_path, {**PLAIN, "split": {"validation": "val.csv"}}, DENSE)
    before = (tmp_path / "val.csv").read_bytes()
    with pytest.raises(SystemExit):
        run(script_of(spec, "torch"), "--output", tmp_path / "val.csv")
    assert (tmp_path / "val.csv").read_bytes() == before
    arrays = tmp_path / "arrays"
    arrays.mkdir()
    for key, shape in (("x", (20, 2)), ("y", (20,))):
        np.save(arrays / f"{key}.npy", np.ones(shape, np.float32))
    spec = spec_of(
        tmp_path, {"source": "arrays/*.npy", "features": {"x": "x"}, "target": "y"}, DENSE
    )
    before = (arrays / "x.npy").read_bytes()
    with pytest.raises(SystemExit):
        run(script_of(spec, "torch"), "--output", arrays / "x.npy")
    assert (arrays / "x.npy").read_bytes() == before
    assert re.search(r"require_writable\(\n? *arguments.output", nnspec.compile(
        spec, "torch", training=True).source)  # fmt: skip


def test_an_array_may_be_input_and_target(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(1).normal(size=(20, 2)))
    spec = spec_of(
        tmp_path, {"source": "rows.npz", "features": {"x": "x"}, "target": "x"},
        [{"type": "dense", "units": 2}],
    )  # fmt: skip
    require_same_rows(spec)
    assert nnspec.train(spec, "torch", tmp_path / "run").best.exists()


def test_files_of_parts_by_a_pattern_are_not_written_over(tmp_path: Path) -> None:
    for place in ("rows", "more"):
        (tmp_path / place).mkdir()
        np.save(tmp_path / place / "x.npy", np.ones((20, 2), np.float32))
        np.save(tmp_path / place / "y.npy", np.ones(20, np.float32))
    spec = spec_of(
        tmp_path,
        {"source": "rows/*.npy", "features": {"x": "x"}, "target": "y",
         "split": {"validation": "more/*.npy"}},
        DENSE,
    )  # fmt: skip
    before = (tmp_path / "more" / "x.npy").read_bytes()
    for backend, name in (("torch", "x.npy"), ("torch", "y.npy")):
        with pytest.raises(SystemExit):
            run(script_of(spec, backend), "--output", tmp_path / "more" / name)
    assert (tmp_path / "more" / "x.npy").read_bytes() == before


def test_a_year_of_no_text_is_refused_by_both(tmp_path: Path) -> None:
    days = [date(999, 1, 1), *[date(2024, 1, 1 + i) for i in range(19)]]
    pl.DataFrame({"day": days, "y": [0.5] * 20}).write_parquet(tmp_path / "rows.parquet")
    spec = spec_of(
        tmp_path,
        {"source": "rows.parquet", "features": {"x": "day"}, "target": "y",
         "prepare": {"day": {"date": ["year"], "format": "%Y-%m-%d"}}},
        DENSE, inputs={"x": {"shape": [1]}},
    )  # fmt: skip
    with pytest.raises(DataError, match="row 1: the year of"):
        load_data(spec)
    with pytest.raises(ValueError, match="row 1: the year is not from 1000 to 9999"):
        script_of(spec, "torch").load_data(tmp_path / "rows.parquet")


# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_rows_are_standardised_alike_where_keras_counts_channels_first(tmp_path: Path) -> None:
    """Where they are so few axes, Keras's Rescaling would turn their means."""
    import keras

    table(tmp_path)
    spec = spec_of(
        tmp_path,
        {"source": "rows.csv", "features": {"x": ["a", "b"]}, "target": "y", "standardize": True,
         "standardize_target": True},
        [{"type": "dense", "units": 1}],
        training={"task": "regression", "epochs": 1, "seed": 1},
    )  # fmt: skip
    module = script_of(spec, "keras")
    output = tmp_path / "out.keras"
    run(module, "--output", output)
    expected, _ = module.predict(output, tmp_path / "rows.csv")
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        given, _ = module.predict(output, tmp_path / "rows.csv")
        run(module, "--output", tmp_path / "again.keras")
    finally:
        keras.config.set_image_data_format(before)
    again, _ = module.predict(tmp_path / "again.keras", tmp_path / "rows.csv")
    assert given.shape == (20, 1)
    assert np.array_equal(given, expected)
    assert np.array_equal(again, expected)
