"""Numbers that are compared and nearly equal: rounding may make them equal."""

from __future__ import annotations

import numpy as np

import nnspec
from nnspec.backend import get_backend
from nnspec.verification.conditioning import Conditioning
from nnspec.verification.engines import SourceEngine
from nnspec.verification.tolerance import DOUBLE_ROUNDOFF, UNIT_ROUNDOFF

SPEC = """\
nnspec: 1
name: Compared
inputs: {x: {shape: [2]}}
layers:
  - {name: a, type: log_softmax}
  - {name: y, type: not_equal, inputs: [a, x]}
"""
# x - log Σ exp x: of the first row the last part is lost in float32, of the third in both.
ROWS = np.array([[-7e4, -1e-3], [1.0, 2.0], [-1e14, -1e-9], [-3.0, -2.0]])


def conditioning(text: str) -> Conditioning:
    spec = nnspec.loads(text)
    return Conditioning(SourceEngine(get_backend("torch")), spec, {})


def draws() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(5)]


def test_rows_of_which_rounding_decides_are_found() -> None:
    found = conditioning(SPEC)
    single, _ = found.undecided({"x": ROWS}, UNIT_ROUNDOFF, draws())
    assert single.tolist() == [True, False, True, False]
    double, _ = found.undecided({"x": ROWS}, DOUBLE_ROUNDOFF, draws())
    assert double.tolist() == [False, False, True, False]
    elements = found.undecided_elements({"x": ROWS}, UNIT_ROUNDOFF, draws())
    assert elements["y"].tolist() == [[True, True], [False, False], [True, True], [False, False]]


def test_numbers_that_are_one_and_the_same_stay_decided() -> None:
    text = SPEC.replace("inputs: [a, x]", "inputs: [a, a]")
    rows, _ = conditioning(text).undecided({"x": ROWS}, UNIT_ROUNDOFF, draws())
    assert not rows.any()


def test_a_constant_and_an_axis_that_is_spread_are_compared_too() -> None:
    text = """\
nnspec: 1
name: Compared
inputs: {x: {shape: [3]}, z: {shape: [2, 3]}}
layers:
  - {name: a, type: rescaling, scale: 1.0, offset: 1.0e-9, inputs: x}
  - {name: y, type: greater, inputs: [a, z]}
  - {name: b, type: greater, value: 0.5, inputs: a}
outputs: [y, b]
"""
    x = np.array([[0.5, 2.0, 3.0]])
    z = np.array([[[0.5, 1.0, 3.0], [9.0, 2.0, 4.0]]])
    found = conditioning(text).undecided_elements({"x": x, "z": z}, UNIT_ROUNDOFF, draws())
    assert found["y"].tolist() == [[[True, False, True], [False, True, False]]]
    assert found["b"].tolist() == [[True, False, False]]
