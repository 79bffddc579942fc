"""Attention of files with a fault planted within it: blamed at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import nnspec
from nnspec.judge.parts import is_cut_rightly
from tests.judge.test_against import ATTENTION, FUSED, judged, spec_of, written
from tests.judge.test_recurrent_weights import LAST

FAULTS = {
    "heads": ("each.view(rows, time, 2, 4).transpose(1, 2)",
              "each.view(rows, time, 4, 2).permute(0, 3, 1, 2)", "cuts the heads", 19),
    "projection": ("self.tail(self.ln(self.out(x)))", "self.tail(self.ln(x))",
                   "leaves out the projection", 22),
}  # fmt: skip
"""Text, what stands for it, a part of the cause, and the line."""


def test_the_attention_without_a_fault_is_the_same(tmp_path: Path) -> None:
    report = judged(ATTENTION, written(tmp_path, FUSED))
    assert report.verdict == "verified", report.to_json()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_within_attention_is_blamed_at_its_line(fault: str, tmp_path: Path) -> None:
    old, new, cause, line = FAULTS[fault]
    assert old in FUSED
    report = judged(ATTENTION, written(tmp_path, FUSED.replace(old, new)))
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "attend"
    assert cause in report.faults[0].cause
    assert report.faults[0].places[0].startswith(f"model.py:{line}")


ROTARY: dict[str, Any] = {
    "nnspec": 1, "name": "Turned", "inputs": {"x": {"shape": [6, 8]}},
    "layers": [
        {"name": "attend", "type": "grouped_query_attention", "num_heads": 2, "num_kv_heads": 1,
         "causal": True, "rotary": True, "max_length": 8},
        {"name": "tail", "type": "dense", "units": 3},
    ],
}  # fmt: skip
SUMS = "first * cos - last * sin, last * cos + first * sin"


@pytest.mark.parametrize("is_turned_back", [False, True])
def test_positions_turned_the_other_way_are_blamed_at_their_line(
    is_turned_back: bool, tmp_path: Path
) -> None:
    text = nnspec.compile(spec_of(ROTARY), "torch").source
    assert SUMS in text
    line = text[: text.index(SUMS)].count("\n") + 1
    if is_turned_back:
        text = text.replace(SUMS, "first * cos + last * sin, last * cos - first * sin")
    report = judged(ROTARY, f"{written(tmp_path, text)}:Turned")
    assert report.passed != is_turned_back
    if is_turned_back:
        assert report.faults[0].layer == "attend"
        assert report.faults[0].places[0].startswith(f"model.py:{line}, called from model.py:")


def test_forms_of_heads_that_are_cut_rightly() -> None:
    features = torch.randn(2, 3, 8, dtype=torch.float64)
    cut = features.unflatten(-1, (2, 4))
    right = [features, cut, cut.transpose(1, 2), cut.transpose(1, 2).reshape(4, 3, 4)]
    assert all(is_cut_rightly(each.numpy(), features.numpy(), 2) for each in right)
    other = features.unflatten(-1, (4, 2))
    for each in (other.permute(0, 3, 1, 2), cut.transpose(2, 3).flatten(2)):
        assert not is_cut_rightly(each.numpy(), features.numpy(), 2)


def test_a_tensor_that_no_node_takes_is_no_parameter(tmp_path: Path) -> None:
    """The bias of an LSTM still lies in the file, and is left out of the node."""
    import onnx

    path = tmp_path / "net.onnx"
    nnspec.export(spec_of(LAST), path)
    model = onnx.load(path)
    (node,) = (each for each in model.graph.node if each.op_type == "LSTM")
    node.input[3] = ""
    onnx.save(model, path)
    report = judged(LAST, path)
    assert report.verdict == "not the same", report.to_json()
    assert "adds no bias" in report.faults[0].cause
    assert all(source.tensor not in ("one.bias",) for source in report.sources.values())


SUMMED: dict[str, Any] = {
    "nnspec": 1, "name": "Placed", "inputs": {"ids": {"shape": ["time"], "dtype": "int64"}},
    "layers": [
        {"name": "table", "type": "embedding", "input_dim": 11, "output_dim": 8},
        {"name": "places", "type": "sinusoidal_position", "max_length": 16},
        {"name": "attend", "type": "multi_head_attention", "num_heads": 2, "causal": True},
        {"name": "more", "type": "multi_head_attention", "num_heads": 2, "causal": True},
        {"name": "scores", "type": "dense", "units": 3},
    ],
}  # fmt: skip


def test_constants_of_a_file_stay_what_they_are(tmp_path: Path) -> None:
    """A table of positions fits weights of a layer after the fault, and is none of them."""
    text = nnspec.compile(spec_of(SUMMED), "torch").source
    old = "self.q(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)"
    assert old in text
    text = text.replace(old, "self.q(x).unflatten(-1, (-1, self.heads)).permute(0, 3, 1, 2)")
    report = judged(SUMMED, f"{written(tmp_path, text)}:Placed")
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "attend"
