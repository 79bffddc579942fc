"""The first of several layers that differ is the fault, but for what rounding makes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from nnspec.judge.amounts import Met, first_of
from nnspec.judge.found import Blamed, Fault
from tests.judge.test_against import judged, written

SINGLE, DOUBLE = 3e-5, 1e-9


def of(amount: float, cause: str = "") -> Met:
    return Met(Blamed("layer", Fault("layer", "relu6", (), cause), []), amount)


@pytest.mark.parametrize(
    ("faults", "tolerance", "number"),
    [
        ([of(0.004), of(0.17)], SINGLE, 1),
        ([of(0.004), of(0.003), of(0.17)], SINGLE, 2),
        ([of(0.004), of(0.17)], DOUBLE, 0),
        ([of(0.004, "it computes as with epsilon 0.001"), of(0.17)], SINGLE, 0),
        ([of(0.2), of(1.0)], SINGLE, 0),
        ([of(1e-4), of(0.02)], SINGLE, 0),
        ([of(0.01), of(0.06)], SINGLE, 0),
        ([of(0.004), of(math.inf)], SINGLE, 0),
        ([of(math.inf), of(0.5)], SINGLE, 0),
    ],
    ids=["rounding", "rounding twice", "float64", "a cause", "a large one", "two small ones",
         "about as far", "unknown", "an unknown one first"],
)  # fmt: skip
def test_the_first_fault_that_rounding_cannot_be(
    faults: list[Met], tolerance: float, number: int
) -> None:
    assert first_of(faults, tolerance) == number


PADDED = """\
import torch
from torch import nn
from torch.nn.functional import pad


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, x):
        return torch.relu(self.c(x)).mean((2, 3))
"""
STRIDED: dict[str, Any] = {
    "nnspec": 1,
    "name": "Strided",
    "inputs": {"x": {"shape": [3, 5, 5]}},
    "layers": [
        {"name": "c", "type": "conv2d", "filters": 4, "kernel_size": 3, "strides": 2, "padding": 1},
        {"name": "r", "type": "relu"},
        {"name": "m", "type": "global_average_pooling2d"},
    ],
}


def test_a_convolution_of_another_shape_is_told(tmp_path: Path) -> None:
    assert judged(STRIDED, written(tmp_path, PADDED)).passed
    at_the_end = PADDED.replace("3, 2, 1)", "3, 2)").replace(
        "self.c(x)", "self.c(pad(x, [0, 1] * 2))"
    )
    report = judged(STRIDED, written(tmp_path, at_the_end))
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "c"
    assert report.faults[0].cause == "it gives the shape (4, 2, 2), and not (4, 3, 3)"
