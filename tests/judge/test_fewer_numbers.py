"""Files that hold fewer numbers than their spec has parameters, or biases that begin at 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nnspec
from tests.judge.test_against import judged, spec_of

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
FEWER = "the file computes with fewer numbers than the parameters of the spec"


def document(inputs: dict[str, Any], *layers: dict[str, Any]) -> dict[str, Any]:
    return {"nnspec": 1, "name": "Fewer", "inputs": inputs, "layers": [*layers]}


def changed(spec: dict[str, Any], side: str, old: str, new: str, folder: Path) -> Any:
    """Return the judgement of the source of a spec with some text changed."""
    source = nnspec.compile(spec_of(spec), side).source
    assert old in source, source
    (folder / "net.py").write_text(source.replace(old, new))
    name = "Fewer" if side == "torch" else "fewer"
    return judged(spec, f"{folder / 'net.py'}:{name}")


READ_BOTH_WAYS = document(
    {"x": {"shape": [5, 4]}},
    {"name": "wide", "type": "dense", "units": 4},
    {"name": "both", "type": "bidirectional", "layer": {"type": "gru", "units": 4}},
    {"name": "scores", "type": "dense", "units": 4},
)


def test_a_recurrent_layer_without_biases_is_blamed(tmp_path: Path) -> None:
    report = changed(READ_BOTH_WAYS, "keras", "layers.GRU(4", "layers.GRU(4, use_bias=False",
                     tmp_path)  # fmt: skip
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].layer == "both"


BLOCK = document(
    {"x": {"shape": [6, 8]}},
    {
        "name": "blocks",
        "type": "transformer_encoder_pre_norm",
        "heads": 2,
        "width": 8,
        "hidden": 32,
        "repeat": 2,
    },
)


def test_a_normalisation_that_is_used_twice_is_blamed(tmp_path: Path) -> None:
    """The second one is held, and never run: its numbers are none that the file computes with."""
    report = changed(BLOCK, "torch", "self.norm2(", "self.norm1(", tmp_path)
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].cause == FEWER or "norm" in report.faults[0].layer
    assert report.faults[0].is_sure


NORMED = document(
    {"x": {"shape": [6]}},
    {"name": "wide", "type": "dense", "units": 7, "use_bias": False},
    {"name": "norm", "type": "batch_normalization", "epsilon": 1e-5},
    {"name": "again", "type": "dense", "units": 8},
    {"name": "last", "type": "dense", "units": 5},
)
FOLDED = """\
import torch
from torch import nn


class Folded(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(6, 7)
        self.again = nn.Linear(7, 8)
        self.last = nn.Linear(8, 5)

    def forward(self, x):
        return self.last(self.again(self.wide(x)))
"""


def test_a_normalisation_that_is_folded_is_no_lack(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FOLDED)
    report = judged(NORMED, f"{tmp_path / 'net.py'}:Folded")
    assert not any(each.cause == FEWER or each.is_sure for each in report.faults), report.faults
    assert report.verdict != "not the same", report.to_json()


ATTENTION = document(
    {"x": {"shape": [5, 8]}},
    {"name": "attend", "type": "multi_head_attention", "num_heads": 2},
)
"""Its biases begin at 0, so that the run says nothing of whose they are."""


def test_biases_of_0_are_found_by_other_numbers(tmp_path: Path) -> None:
    report = changed(ATTENTION, "torch", "self.out(", "self.out(", tmp_path)
    assert report.verdict == "verified", report.to_json()


def test_the_one_of_several_biases_that_is_not_added_is_blamed(tmp_path: Path) -> None:
    report = changed(
        ATTENTION, "torch", "self.out(y.transpose(1, 2).flatten(2))",
        "F.linear(y.transpose(1, 2).flatten(2), self.out.weight)", tmp_path,
    )  # fmt: skip
    assert report.verdict == "not the same", report.to_json()
    (fault,) = report.faults
    assert (fault.layer, fault.cause) == ("attend", "it has no out.bias, which the layer adds")
    assert "(linear)" in fault.places[0]
    line = int(fault.places[0].split(".py:")[1].split(",")[0])
    assert "self.out.weight" in (tmp_path / "net.py").read_text().splitlines()[line - 1]


def without_bias(model: Any, name: str) -> None:
    node = next(each for each in model.graph.node if each.name == name)
    del node.input[2]


def exported(spec: dict[str, Any], folder: Path, name: str) -> Any:
    import onnx

    path = folder / "net.onnx"
    nnspec.export(spec_of(spec), path)
    model = onnx.load(path)
    without_bias(model, name)
    onnx.save(model, path)
    return judged(spec, str(path))


SCALED = document(
    {"x": {"shape": [4]}},
    {"name": "scaled", "type": "rescaling", "scale": 3.0},
    {"name": "score", "type": "dense", "units": 1},
)


def test_a_constant_of_a_formula_is_no_bias(tmp_path: Path) -> None:
    """One number is left over, which might be the bias of one unit."""
    report = exported(SCALED, tmp_path, "score")
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].layer == "score"
