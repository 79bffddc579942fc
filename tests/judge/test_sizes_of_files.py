"""Sizes of dynamic axes at which alone a file is another network than the spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.judge.test_against import judged, written

SERIES: dict[str, Any] = {
    "nnspec": 1,
    "name": "Series",
    "inputs": {"x": {"shape": ["time", 3]}},
    "layers": [
        {"name": "steps", "type": "dense", "units": 4, "activation": "tanh"},
        {"name": "mean", "type": "global_average_pooling1d"},
        {"name": "scores", "type": "dense", "units": 2},
    ],
    "data_format": "channels_last",
}
FILE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Linear(3, 4)
        self.b = nn.Linear(4, 2)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x[:, :LENGTH])).mean(1))
"""


@pytest.mark.parametrize(
    ("length", "verdict"), [("64", "not the same"), ("128", "not the same"), ("256", "verified")]
)
def test_a_sequence_that_is_cut_off_is_found(length: str, verdict: str, tmp_path: Path) -> None:
    """Longer ones are not tried, which docs/judging.md says."""
    report = judged(SERIES, f"{written(tmp_path, FILE.replace('LENGTH', length))}:Net")
    assert report.verdict == verdict, report.to_json()
    sizes = [check.pair[1] for check in report.checks if check.kind == "dynamic_shape"]
    assert any("time = 131" in each for each in sizes)


def test_a_file_that_ends_at_64_is_not_accused(tmp_path: Path) -> None:
    """As a mask of so many steps has it: it is told that the spec has no such end."""
    text = FILE.replace("x[:, :LENGTH]", "x + torch.zeros(64, 1)[:x.shape[1]]")
    report = judged(SERIES, f"{written(tmp_path, text)}:Net")
    assert report.verdict == "verified", report.to_json()
    told = [each.reason for each in report.not_checked if each.kind == "interface"]
    assert len(told) == 2
    assert told[0].startswith("time = 131: the spec takes it, and the file does not: ")


@pytest.mark.parametrize("sides", [["height", "width"], ["side", "side"]])
def test_an_image_is_not_made_so_large(sides: list[str], tmp_path: Path) -> None:
    image = {
        **SERIES,
        "inputs": {"x": {"shape": [*sides, 3]}},
        "layers": [SERIES["layers"][0], {"name": "mean", "type": "global_average_pooling2d"},
                   SERIES["layers"][2]],
    }  # fmt: skip
    text = FILE.replace("x[:, :LENGTH]", "x").replace(".mean(1)", ".mean((1, 2))")
    report = judged(image, f"{written(tmp_path, text)}:Net")
    assert report.verdict == "verified", report.to_json()
    assert not any("131" in each.pair[1] for each in report.checks)
