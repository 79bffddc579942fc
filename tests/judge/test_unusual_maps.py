"""A map that the values prove, and that no one would expect, is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.judge.sources import Source
from nnspec.judge.unusual import unusual
from tests.judge.test_against import ATTENTION, FUSED, judged, written

KERNEL: dict[str, Any] = {
    "nnspec": 1,
    "name": "Turned",
    "inputs": {"x": {"shape": [3, 7, 7]}},
    "layers": [
        {"name": "c", "type": "conv2d", "filters": 4, "kernel_size": 3},
        {"name": "r", "type": "relu"},
    ],
}
FILE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return torch.relu(nn.functional.conv2d(x, self.c.weight, self.c.bias))
"""
TOLD = ("turned in space", "another order", "otherwise than the names")


def told(notes: list[str]) -> list[str]:
    return [note for note in notes if any(each in note for each in TOLD)]


@pytest.mark.parametrize("is_turned", [False, True])
def test_a_kernel_turned_in_space_is_told(is_turned: bool, tmp_path: Path) -> None:
    text = FILE.replace("self.c.weight", "self.c.weight.transpose(2, 3)") if is_turned else FILE
    report = judged(KERNEL, written(tmp_path, text))
    assert report.passed, report.to_json()
    expected = ["kernels are turned in space, height for width: c.weight (c.weight, axes "
                "[0, 1, 3, 2])"]  # fmt: skip
    assert told(report.notes) == (expected if is_turned else [])


def test_a_kernel_turned_in_space_is_told_of_two_files(tmp_path: Path) -> None:
    right, turned = tmp_path / "right.py", tmp_path / "turned.py"
    right.write_text(FILE)
    turned.write_text(FILE.replace("self.c.weight", "self.c.weight.transpose(2, 3)"))
    report = nnspec.compare(right, turned, inputs={"x": (3, 7, 7)})
    assert report.passed
    assert any("kernels are turned in space" in note for note in report.notes)


@pytest.mark.parametrize("order", ["q, k, v", "k, q, v"])
def test_queries_for_keys_of_a_fused_tensor_are_told(order: str, tmp_path: Path) -> None:
    assert "q, k, v = (x @" in FUSED
    report = judged(
        ATTENTION, written(tmp_path, FUSED.replace("q, k, v = (x @", f"{order} = (x @"))
    )
    assert report.passed, report.to_json()
    found = told(report.notes)
    assert len(found) == (order != "q, k, v")
    for note in found:
        assert "attend.q.weight (qkv, transposed, part 2 of 3)" in note
        assert "attend.v" not in note


@pytest.mark.parametrize(
    ("own", "tensor", "is_told"),
    [
        ("a.q.weight", "layers.0.self_attn.q_proj.weight", False),
        ("a.q.weight", "layers.0.self_attn.k_proj.weight", True),
        ("a.k.bias", "encoder/attention/key/bias", False),
        ("a.v.bias", "encoder/attention/key/bias", True),
        ("a.k.weight", "key_encoder.query.weight", False),
        ("a.out.weight", "layers.0.self_attn.k_proj.weight", False),
        ("a.q.weight", "onnx::MatMul_31", False),
    ],
)
def test_names_of_queries_keys_and_values(own: str, tensor: str, is_told: bool) -> None:
    assert bool(unusual({own: Source(tensor, (4, 4), (1, 0))})) == is_told
