"""Faults of files told at the line that makes a layer or computes, and for the inputs that show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import onnx
import pytest
from onnx import numpy_helper

import nnspec
from nnspec.backend.lines import noting
from tests.judge.test_against import judged, spec_of, written

DENSE: dict[str, Any] = {
    "nnspec": 1,
    "name": "Rows",
    "inputs": {"rows": {"shape": [6]}},
    "layers": [
        {"name": "wide", "type": "dense", "units": 5},
        {"name": "bent", "type": "relu6"},
        {"name": "deep", "type": "dense", "units": 4},
        {"name": "gate", "type": "tanh"},
        {"name": "narrow", "type": "dense", "units": 3},
        {"name": "mean", "type": "reduce_mean", "axes": [0], "keepdims": True},
        {"name": "end", "type": "dense", "units": 2},
    ],
}
KERAS = """\
import keras
from keras import layers, ops


class Bend(layers.Layer):
    def __init__(self, top, **kwargs):
        super().__init__(**kwargs)
        self.top = top

    def call(self, x):
        y = ops.maximum(x, 0.0)
        return ops.minimum(y, self.top)


def net():
    rows = keras.Input((6,), name="rows")
    x = layers.Dense(5)(rows)
    x = Bend(6.0)(x)
    x = layers.Dense(4)(x)
    x = layers.Activation("tanh")(x)
    x = layers.Dense(3)(x)
    x = ops.mean(x, axis=1, keepdims=True)
    x = layers.Dense(2)(x)
    return keras.Model(rows, x)
"""
FAULTS = {
    "an operation of a functional network": (
        "ops.mean(x", "ops.max(x", "mean", ":22", "",
    ),
    "a layer of its own, by its arguments": ("Bend(6.0)", "Bend(60.0)", "bent", ":18", ""),
    "an operation of a layer of its own": (
        "ops.maximum(x, 0.0)", "ops.maximum(x, -0.5)", "bent", ":11", "",
    ),
    "a layer that does nothing": (
        'Activation("tanh")', 'Activation("linear")', "gate", ":20", "leaves the layer out",
    ),
    "the layer before does it": ("layers.Dense(4)", 'layers.Dense(4, "relu")', "deep", ":19", ""),
}  # fmt: skip
"""Text, what stands for it, the layer at fault, the line, and a word of the cause."""


def test_a_keras_file_with_layers_and_operations_of_its_own_is_the_same(tmp_path: Path) -> None:
    report = judged(DENSE, f"{written(tmp_path, KERAS)}:net")
    assert report.verdict == "verified", report.table()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_keras_file_is_told_at_its_line(fault: str, tmp_path: Path) -> None:
    old, new, layer, line, cause = FAULTS[fault]
    assert old in KERAS
    report = judged(DENSE, f"{written(tmp_path, KERAS.replace(old, new))}:net")
    assert report.verdict == "not the same"
    found = report.faults[0]
    assert found.layer == layer, found.told()
    assert any(f".py{line}" in place for place in found.places), found.told()
    assert cause in found.cause


def test_a_fault_that_only_large_inputs_show_is_blamed(tmp_path: Path) -> None:
    """No value of ordinary inputs exceeds 6, so that they do not tell relu6 from relu."""
    document = {
        **DENSE,
        "layers": [{"name": "shrunk", "type": "rescaling", "scale": 0.125}, *DENSE["layers"]],
    }
    right = KERAS.replace("x = layers.Dense(5)(rows)", "x = layers.Dense(5)(rows / 8)")
    report = judged(document, f"{written(tmp_path, right)}:net")
    assert report.verdict == "verified", report.table()
    wrong = right.replace("Bend(6.0)", "layers.ReLU()")
    report = judged(document, f"{written(tmp_path, wrong)}:net")
    assert {check.kind for check in report.failures()} == {"range"}
    assert report.faults[0].layer == "bent"
    assert "it computes relu, and not relu6" in report.faults[0].told()


def test_a_bias_that_a_node_does_not_take_is_missed_by_nobody(tmp_path: Path) -> None:
    """Its first value is 0, as is that of biases of the same size beside it."""
    document = {
        "nnspec": 1,
        "name": "Two",
        "inputs": {"rows": {"shape": [4]}},
        "layers": [
            {"name": f"part{i}", "type": "dense", "units": 4, "activation": "tanh"}
            for i in range(4)
        ],
    }
    path = tmp_path / "net.onnx"
    nnspec.export(spec_of(document), path)
    assert judged(document, path).verdict == "verified"
    model = onnx.load(path)
    kept = {each.name for each in model.graph.initializer}
    for node in model.graph.node:
        if node.name == "part1":
            bias = next(each for each in model.graph.initializer if each.name == node.input[2])
            assert not numpy_helper.to_array(bias).any()
            del node.input[2]
    assert {each.name for each in model.graph.initializer} == kept
    onnx.save(model, path)
    report = judged(document, path)
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "part1"
    assert 'node "part1"' in report.faults[0].told()


def test_a_package_within_the_folder_is_not_the_users_file() -> None:
    """As of a `.venv` beside the file: the line is that of who makes a layer, not Keras's own."""
    places: dict[int, str] = {}
    with noting(keras.Operation, places, Path("/")):
        layer = keras.layers.Dense(2)
    assert Path("/" + places[id(layer)].partition(":")[0]) == Path(__file__)
