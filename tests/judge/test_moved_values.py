"""Files that give a layer's numbers in another order, or make more of them before they go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.judge.judgement import Judgement
from tests.judge.test_against import judged, spec_of, written

JOINED: dict[str, Any] = {
    "nnspec": 1, "name": "Joined", "inputs": {"x": {"shape": [6]}},
    "layers": [
        {"name": "wide", "type": "dense", "units": 5, "activation": "tanh"},
        {"name": "both", "type": "concatenate", "inputs": ["x", "wide"]},
        {"name": "norm", "type": "layer_normalization"},
        {"name": "dropped", "type": "dropout", "rate": 0.5},
        {"name": "tail", "type": "dense", "units": 3},
    ],
}  # fmt: skip
TURNED: dict[str, Any] = {
    "nnspec": 1, "name": "Turned", "inputs": {"x": {"shape": [4, 3]}},
    "layers": [
        {"name": "wide", "type": "dense", "units": 8, "activation": "tanh"},
        {"name": "cut", "type": "reshape", "shape": [8, 4]},
        {"name": "bent", "type": "sigmoid"},
    ],
}  # fmt: skip


def judged_with(document: dict[str, Any], old: str, new: str, folder: Path) -> Judgement:
    """Judge nnspec's own source with a text in the place of another."""
    text = nnspec.compile(spec_of(document), "torch").source
    assert old in text, text
    return judged(document, f"{written(folder, text.replace(old, new))}:{document['name']}")


def test_values_joined_in_another_order_are_blamed(tmp_path: Path) -> None:
    report = judged_with(JOINED, "torch.cat((x, y)", "torch.cat((y, x)", tmp_path)
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "both"
    assert "in another order" in report.faults[0].cause
    assert "(cat)" in report.faults[0].places[0]


def test_values_cut_otherwise_at_the_end_are_blamed(tmp_path: Path) -> None:
    """The run holds all that the spec gives: its outputs alone are in another order."""
    cut = ".reshape(-1, 8, 4)"
    report = judged_with(TURNED, cut, ".transpose(1, 2)", tmp_path)
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "cut"
    assert "(transpose)" in report.faults[0].places[0]


def test_what_a_file_makes_more_of_a_layer_is_blamed_on_the_layer(tmp_path: Path) -> None:
    report = judged_with(JOINED, "torch.tanh(self.wide(x))", "3 * torch.tanh(self.wide(x))",
                         tmp_path)  # fmt: skip
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "wide"
    assert "makes more of what the layer gives" in report.faults[0].cause
    assert report.faults[0].taker == "both"
    assert report.faults[0].told().endswith('goes on with that to the layer "both".')
    assert "(mul)" in report.faults[0].places[0]


def test_dropout_at_inference_is_blamed_on_its_layer(tmp_path: Path) -> None:
    new = "nn.functional.dropout(self.norm(y), 0.5, True)"
    report = judged_with(JOINED, "self.dropped(self.norm(y))", new, tmp_path)
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "dropped"
    assert "random numbers at inference" in report.faults[0].cause


@pytest.mark.parametrize("bound", [3.0, 1e6])
def test_a_bound_that_the_own_weights_do_not_reach_is_found(bound: float, tmp_path: Path) -> None:
    """Weights as a file begins with keep far from it: larger ones are given to both sides."""
    new = f"return self.tail(self.dropped(self.norm(y))).clamp(-{bound}, {bound})"
    report = judged_with(JOINED, "return self.tail(self.dropped(self.norm(y)))", new, tmp_path)
    assert (report.verdict == "not the same") == (bound < 1e3)


def test_more_made_of_an_output_is_blamed_on_the_last_layer(tmp_path: Path) -> None:
    report = judged_with(TURNED, "torch.sigmoid(x)", "torch.sigmoid(torch.sigmoid(x))", tmp_path)
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "bent"
    assert "makes more of what the layer gives" in report.faults[0].cause


BLOCK: dict[str, Any] = {
    "nnspec": 1, "name": "Ending", "inputs": {"x": {"shape": [6]}},
    "blocks": {
        "ending": {
            "inputs": ["taken"],
            "layers": [
                {"name": "square", "type": "square", "inputs": "taken"},
                {"name": "less", "type": "subtract", "inputs": ["square", "taken"]},
            ],
        }
    },
    "layers": [
        {"name": "wide", "type": "dense", "units": 5},
        {"name": "last", "type": "ending"},
    ],
}  # fmt: skip


def test_a_fault_in_a_block_that_is_the_output_is_blamed(tmp_path: Path) -> None:
    report = judged_with(BLOCK, "torch.square(", "torch.exp(", tmp_path)
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "last.square"


DEEP: dict[str, Any] = {
    "nnspec": 1, "name": "Deep", "inputs": {"x": {"shape": [6, 4]}},
    "layers": [
        {"name": "wide", "type": "dense", "units": 5},
        {"name": "local", "type": "conv1d", "filters": 3, "kernel_size": 3},
        {"name": "norm", "type": "batch_normalization"},
        {"name": "bent", "type": "relu"},
        {"name": "flat", "type": "flatten"},
        {"name": "tail", "type": "dense", "units": 2},
    ],
}  # fmt: skip


def test_values_that_a_file_moves_long_before_they_show_are_blamed(tmp_path: Path) -> None:
    """What the layers between give holds the same numbers, in an order of its own."""
    new = "self.local(self.wide(x)).roll(1, -1)"
    report = judged_with(DEEP, "self.local(self.wide(x))", new, tmp_path)
    assert report.verdict == "not the same"
    found = report.faults[0]
    assert (found.layer, found.taker) == ("local", "norm"), found.told()
    assert "puts what the layer gives in another order" in found.cause
    assert "(roll)" in found.places[0]


def test_numbers_taken_for_a_shape_that_they_are_not_in_are_blamed(tmp_path: Path) -> None:
    """Channels last are no channels first in another shape."""
    document = {
        "nnspec": 1, "name": "Turning", "data_format": "channels_last",
        "inputs": {"ids": {"shape": ["time"], "dtype": "int64"}},
        "layers": [
            {"name": "table", "type": "embedding", "input_dim": 9, "output_dim": 6},
            {"name": "local", "type": "conv1d", "filters": 3, "kernel_size": 3},
            {"name": "mean", "type": "reduce_mean", "axes": [0]},
            {"name": "end", "type": "dense", "units": 2},
        ],
    }  # fmt: skip
    new = "x.reshape(x.shape[0], 6, -1)"
    report = judged_with(document, "x.permute(0, 2, 1)", new, tmp_path)
    assert report.verdict == "not the same"
    found = report.faults[0]
    assert (found.layer, found.taker) == ("table", "local"), found.told()
    assert "(reshape)" in found.places[0]


def test_what_a_file_makes_more_of_two_values_is_blamed(tmp_path: Path) -> None:
    document = {
        "nnspec": 1, "name": "Twice", "inputs": {"x": {"shape": [6]}},
        "layers": [
            {"name": "one", "type": "dense", "units": 5},
            {"name": "two", "type": "dense", "units": 5, "inputs": "x"},
            {"name": "both", "type": "maximum", "inputs": ["one", "two"]},
            {"name": "tail", "type": "dense", "units": 2},
        ],
    }  # fmt: skip
    text = nnspec.compile(spec_of(document), "torch").source
    for name in ("one", "two"):
        assert f"self.{name}(x)" in text
        text = text.replace(f"self.{name}(x)", f"self.{name}(x).square()")
    report = judged(document, f"{written(tmp_path, text)}:Twice")
    assert report.verdict == "not the same"
    found = report.faults[0]
    assert (found.layer, found.taker) == ("one", "both"), found.told()
    assert "(square)" in found.places[0]
