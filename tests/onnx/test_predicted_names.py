"""What `nnspec predict` names and takes: several outputs of one target, one score for a row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from onnx_cases import random_weights

import nnspec
from nnspec.data.preprocessing import KEY
from nnspec.data.rows import load_data
from nnspec.deploy.predicting import predict
from nnspec.errors import SpecError
from nnspec.network.loader import load, loads
from nnspec.weights.canonical import save_weights


def made(folder: Path, document: dict[str, Any]) -> Path:
    """Write a table, and the model of a spec with drawn weights; return the model."""
    draw = np.random.default_rng(1)
    table = {"a": draw.normal(size=30), "b": draw.normal(size=30), "label": [0, 1, 2] * 10}
    pl.DataFrame({**table, "yes": [0, 1] * 15}).write_csv(folder / "rows.csv")
    whole = {"nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [2]}}, **document}
    spec = loads(json.dumps(whole), path=folder / "net.json")
    metadata = {KEY: load_data(spec).preprocessing.to_json()}
    weights = save_weights(folder / "w.safetensors", random_weights(spec.graph, 3), metadata)
    nnspec.export(spec, folder / "net.onnx", weights=weights)
    return folder / "net.onnx"


def test_each_of_several_outputs_of_one_target_has_columns_of_its_own(tmp_path: Path) -> None:
    names = ("main", "aux1", "aux2")
    layers: list[dict[str, Any]] = []
    for name in names:
        layers += [
            {"name": f"{name}_scores", "type": "dense", "units": 3, "inputs": "x"},
            {"name": name, "type": "softmax"},
        ]
    model = made(
        tmp_path,
        {
            "layers": layers,
            "outputs": list(names),
            "data": {
                "source": "rows.csv",
                "features": {"x": ["a", "b"]},
                "target": dict.fromkeys(names, "label"),
            },
            "training": {"task": dict.fromkeys(names, "multiclass")},
        },
    )
    found = predict(model, tmp_path / "rows.csv")
    table = found.table()
    columns = ["label", "aux1_label", "aux2_label"]
    for name, column in zip(names, columns, strict=True):
        wanted = found.outputs[name].argmax(axis=1)
        assert np.array_equal(table[column], wanted)
        assert np.array_equal(found.by_output[name].numbers, wanted)  # type: ignore[arg-type]


def test_a_score_without_an_axis_is_a_yes_or_no(tmp_path: Path) -> None:
    model = made(
        tmp_path,
        {
            "layers": [
                {"type": "dense", "units": 1},
                {"type": "squeeze", "axis": 0},
                {"name": "p", "type": "sigmoid"},
            ],
            "data": {"source": "rows.csv", "features": {"x": ["a", "b"]}, "target": "yes"},
            "training": {"task": "binary"},
        },
    )
    found = predict(model, tmp_path / "rows.csv")
    assert found.numbers is not None
    assert np.array_equal(found.numbers, (found.outputs["p"] > 0.5).astype(int))


def test_a_fixed_batch_is_one_constant_of_a_layer(tmp_path: Path) -> None:
    spec = load(Path(__file__).parents[2] / "specs" / "zoo" / "llama.yaml", variables={"depth": 1})
    nnspec.export(spec, tmp_path / "m.onnx", batch=2, opset=23)
    names = [each.name for each in onnx.load(tmp_path / "m.onnx").graph.initializer]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", ["modulo", "floor_divide"])
def test_a_divisor_is_a_number_of_what_it_divides(kind: str) -> None:
    text = (
        "nnspec: 1\nname: N\ninputs: {x: {shape: [1], dtype: int32}}\n"
        f"layers: [{{type: {kind}, divisor: 4294967296}}]\n"
    )
    with pytest.raises(SpecError, match="which is none of that dtype"):
        loads(text)
    loads(text.replace("int32", "int64"))
