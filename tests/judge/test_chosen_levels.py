"""Levels that leave the outputs of a file out, which differ all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.judge.test_against import judged, written

BENT: dict[str, Any] = {
    "nnspec": 1,
    "name": "Bent",
    "inputs": {"x": {"shape": [5]}},
    "layers": [{"name": "bent", "type": "relu"}],
}
BENDING = """\
import torch
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return nn.functional.relu(x)
"""
LEVELS = [("meaning",), ("interface", "meaning"), ("gradients",), ("training",)]


@pytest.mark.parametrize("levels", LEVELS, ids="-".join)
def test_a_file_that_is_known_to_differ_is_not_verified(
    levels: tuple[str, ...], tmp_path: Path
) -> None:
    """Its sizes and inputs are not compared then, and what is left of the level is the same."""
    report = judged(BENT, written(tmp_path, BENDING.replace("relu", "gelu")), levels=levels)
    assert report.verdict == "not the same", report.to_json()
    (failed,) = report.failures()
    assert (failed.kind, failed.layer) == ("forward", "bent")
    assert "it computes gelu, and not relu" in failed.detail
    right = judged(BENT, written(tmp_path, BENDING), levels=levels)
    assert right.passed == ("meaning" in levels), right.to_json()


def test_the_interface_alone_is_the_same_and_the_verdict_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, BENDING.replace("relu", "gelu"))
    report = judged(BENT, file, levels=("interface",))
    assert report.passed
    assert report.verdict == "the interface is the same, and the outputs differ"
    assert judged(BENT, written(tmp_path, BENDING), levels=("interface",)).verdict == "verified"
