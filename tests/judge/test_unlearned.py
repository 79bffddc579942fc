"""Weights that a file holds, and that nothing in it learns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nnspec.judge.judgement import Judgement
from tests.judge.test_against import judged, written
from tests.judge.test_compare import compared

DENSE: dict[str, Any] = {
    "nnspec": 1,
    "name": "Dense",
    "inputs": {"x": {"shape": [5]}},
    "layers": [
        {"name": "fc", "type": "dense", "units": 6, "activation": "relu"},
        {"name": "out", "type": "dense", "units": 2},
    ],
}
TORCH = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)
        self.bias = nn.Parameter(torch.randn(6))
        self.weight = nn.Parameter(torch.randn(6, 5))

    def forward(self, x):
        return self.out(nn.functional.linear(x, self.weight, self.bias).relu())
"""
BUFFER = TORCH.replace(
    "self.weight = nn.Parameter(torch.randn(6, 5))",
    'self.register_buffer("weight", torch.randn(6, 5))',
)
KERAS = """\
import keras


def Net():
    return keras.Sequential([
        keras.Input((5,)),
        keras.layers.Dense(6, activation="relu", trainable=False, name="fc"),
        keras.layers.Dense(2, name="out"),
    ])
"""


def left_out(report: Judgement) -> list[str]:
    return [each.reason for each in report.not_checked if each.kind == "gradient"]


@pytest.mark.parametrize(
    ("text", "names"),
    [(TORCH, []), (BUFFER, ["fc.weight"]), (KERAS, ["fc.weight", "fc.bias"])],
    ids=["learned", "buffer", "keras"],
)  # fmt: skip
def test_gradients_that_a_file_has_not_are_told(
    text: str, names: list[str], tmp_path: Path
) -> None:
    file = f"{written(tmp_path, text)}:Net"
    report = judged(DENSE, file)
    assert report.verdict == "verified", report.to_json()
    assert report.verdict_of("gradients") == "same"
    assert [re.findall(r"([\w.]+) \(", each) for each in left_out(report)] == [names][: len(names)]
    insisted = judged(DENSE, file, required=("gradients",))
    assert insisted.passed == (not names)


def test_a_weight_that_the_spec_freezes_is_not_asked_for(tmp_path: Path) -> None:
    document = {**DENSE, "layers": [{**DENSE["layers"][0], "trainable": False}, DENSE["layers"][1]]}
    assert left_out(judged(document, f"{written(tmp_path, KERAS)}:Net")) == []


def test_two_files_of_which_one_learns_a_weight(tmp_path: Path) -> None:
    for name, text in (("learned.py", TORCH), ("buffer.py", BUFFER)):
        (tmp_path / name).write_text(text)
    report = compared(tmp_path / "learned.py", tmp_path / "buffer.py", "x=5")
    assert report.verdict == "the same", report.to_json()
    (told,) = [each.reason for each in report.not_checked if each.kind == "gradient"]
    assert told.startswith("weight, in buffer.py: ")
