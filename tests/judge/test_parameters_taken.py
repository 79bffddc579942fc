"""Tensors that a file gives as they are: only what takes them tells whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nnspec
from tests.judge.test_against import judged, spec_of

DOCUMENT: dict[str, Any] = {
    "nnspec": 1,
    "name": "Scaled",
    "inputs": {"x": {"shape": [8]}},
    "layers": [
        {"name": "first", "type": "dense", "units": 8, "inputs": ["x"]},
        {"name": "first_norm", "type": "layer_normalization"},
        {"name": "first_scale", "type": "parameter", "shape": [8],
         "initializer": {"type": "constant", "value": 0.001}},
        {"name": "first_scaled", "type": "multiply", "inputs": ["first_norm", "first_scale"]},
        {"name": "second", "type": "dense", "units": 8},
        {"name": "second_norm", "type": "layer_normalization"},
        {"name": "second_scale", "type": "parameter", "shape": [8],
         "initializer": {"type": "constant", "value": 0.001}},
        {"name": "second_scaled", "type": "multiply", "inputs": ["second_norm", "second_scale"]},
        {"name": "last", "type": "dense", "units": 3},
    ],
}  # fmt: skip
FILE = """\
import torch
from torch import nn


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(torch.full((8,), 0.001))
        self.a = nn.Parameter(torch.full((8,), 0.001))
        self.one = nn.Linear(8, 8)
        self.two = nn.LayerNorm(8, eps={epsilon})
        self.three = nn.Linear(8, 8)
        self.four = nn.LayerNorm(8, eps={epsilon})
        self.five = nn.Linear(8, 3)

    def forward(self, x):
        x = self.two(self.one(x)) * self.a{factor}
        x = self.four(self.three(x)) * self.b
        return self.five(x)
"""


def judgement(folder: Path, factor: str = "") -> Any:
    epsilon = next(
        node.layer.epsilon
        for node in spec_of(DOCUMENT).graph.nodes
        if node.name == "first_norm"  # type: ignore[union-attr]
    )
    (folder / "net.py").write_text(FILE.format(epsilon=epsilon, factor=factor))
    return judged(DOCUMENT, f"{folder / 'net.py'}:Other")


def test_parameters_that_begin_alike_are_told_by_what_takes_them(tmp_path: Path) -> None:
    report = judgement(tmp_path)
    assert report.verdict == "verified", report.to_json()
    assert report.sources["first_scale.weight"].tensor == "a"


def test_a_factor_beside_such_a_parameter_is_a_fault(tmp_path: Path) -> None:
    report = judgement(tmp_path, " * 1.5")
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].is_sure


def test_the_emitted_source_is_verified(tmp_path: Path) -> None:
    source = nnspec.compile(spec_of(DOCUMENT), "torch").source
    (tmp_path / "net.py").write_text(source.replace("scale", "part"))
    report = judged(DOCUMENT, f"{tmp_path / 'net.py'}:Scaled")
    assert report.verdict == "verified", report.to_json()
