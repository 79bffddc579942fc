"""The first of several layers that differ is the fault, but for what rounding makes."""

from __future__ import annotations

import math

import pytest

from nnspec.judge.amounts import Met, first_of
from nnspec.judge.found import Blamed, Fault

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
