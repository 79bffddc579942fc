"""Tolerances of the rows of a file, each relative to itself: what rounding explains of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.judge.beside import Beside
from nnspec.judge.kernels import coarse
from nnspec.verification.range_checks import moved_rows, row_errors, row_scales, undecided
from nnspec.verification.tolerance import DOUBLE_ROUNDOFF, EXACT, SAFETY, UNIT_ROUNDOFF

if TYPE_CHECKING:
    from nnspec.backend import Array

STEADY = 8.0
"""Of the rounding of one operation: what a row of any inputs may take of what ordinary ones do."""


def row_tolerances(
    beside: Beside, kinds: list[str], inputs: Mapping[str, Array], expected: Mapping[str, Array],
    found: Array,
) -> Array:  # fmt: skip
    """Return by row what rounding explains, measured where the errors exceed what is usual."""
    state = beside.state
    usual = EXACT if beside.is_exact else SAFETY * UNIT_ROUNDOFF
    tolerance = np.full(len(found), usual)
    with np.errstate(all="ignore"):
        if not beside.is_exact and (found > usual).any():
            # Where all is saturated a moved input moves nothing; a long network rounds still.
            ordinary = state.tolerances.amplification.float32_tolerance(
                beside.inputs, state.reference.outputs
            )
            tolerance[:] = min(max(usual, ordinary), STEADY * usual)
            if kernels := coarse(state.graph):
                tolerance += kernels / np.maximum(row_scales(expected), kernels)
        if beside.is_exact:
            tolerance += state.tolerances.in_float64(*beside.engines) - EXACT
            if (found > tolerance).any():
                engines: Any = tuple(beside.engines)
                tolerance += SAFETY * moved_rows(state, inputs, expected, engines)
        elif (found > tolerance).any():
            tolerance += SAFETY * _moved_single(beside, inputs, expected)
            tolerance[state.tolerances.beyond_float32(inputs)[0]] = np.inf
            # Where next to nothing is left of a row, float32 rounds by what came before it.
            scales = row_scales(expected)
            is_nothing = scales <= DOUBLE_ROUNDOFF * scales[0]
            tolerance[is_nothing & (found * DOUBLE_ROUNDOFF <= UNIT_ROUNDOFF)] = np.inf
        if (found > tolerance).any():
            unit = DOUBLE_ROUNDOFF if beside.is_exact else UNIT_ROUNDOFF
            tolerance[undecided(state, kinds, inputs, unit)] = np.inf
    return tolerance


def _moved_single(
    beside: Beside, inputs: Mapping[str, Array], expected: Mapping[str, Array]
) -> Array:
    """Return by row how far rounding in float32 moves the outputs."""
    state = beside.state
    amplification, program = state.tolerances.amplification, state.reference.program
    moved = np.zeros(len(next(iter(inputs.values()))))
    try:
        for noisy in beside.perturbations(program.load_weights, UNIT_ROUNDOFF, inputs):
            np.maximum(moved, row_errors(program.forward(noisy), expected), out=moved)
    finally:
        program.load_weights(state.weights)
    within = state.tolerances.conditioning().moved(
        inputs, UNIT_ROUNDOFF, amplification.draws(), by_row=False
    )
    for usual, other in within:
        np.maximum(moved, row_errors(other, usual), out=moved)
    return moved
