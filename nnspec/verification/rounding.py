"""How far rounding within layers moves the outputs, where a comparison exceeds its tolerance.

It takes a network of its own, and so is measured only there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers import Argmax, Cast, HardShrink, Threshold
from nnspec.support.causes import cause_of
from nnspec.verification.tolerance import (
    DOUBLE_ROUNDOFF,
    EXACT,
    SAFETY,
    UNIT_ROUNDOFF,
    relative_error,
)

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.conditioning import Conditioning
    from nnspec.verification.verifier import Verifier

_JUMPS = (Argmax, Cast, HardShrink, Threshold)
"""Layers in which rounding decides between things that lie apart."""


def lost_in_double(verifier: Verifier, inputs: Mapping[str, Array]) -> float:
    """Return how far rounding within layers in double precision moves the outputs.

    0 where that is no more than is allowed anyway, and infinite where it decides what is true.
    Equal elements stay equal where a layer would tell them apart, so that a wrong choice among them
    is no rounding.
    """
    verifier.progress("how far rounding within layers moves the outputs")
    ways = [True]
    if not any(isinstance(at.node.layer, _JUMPS) for at in verifier.spec.graph.walk()):
        ways.append(False)
    try:
        found = verifier.conditioning()
        moved = max(
            (
                relative_error(given, expected)
                for by_row in ways
                for expected, given in found.moved(
                    inputs, DOUBLE_ROUNDOFF, verifier.amplification.draws(), by_row=by_row
                )
            ),
            default=0.0,
        )
        if found.undecided(inputs, DOUBLE_ROUNDOFF, verifier.amplification.draws())[0].any():
            return np.inf
    except Exception as error:
        verifier.note(f"rounding within layers could not be measured: {cause_of(error)}")
        return 0.0
    lost = SAFETY * moved
    if lost <= EXACT:
        return 0.0
    _say(verifier, found, "double precision", moved)
    return lost


def ill_conditioned(verifier: Verifier, inputs: Mapping[str, Array], tolerance: float) -> float:
    """Return how far rounding within layers may move the outputs in float32."""
    verifier.progress("how far rounding within layers moves the outputs")
    try:
        found = verifier.conditioning()
        moved = max(
            (
                relative_error(given, expected)
                for expected, given in found.moved(
                    inputs, UNIT_ROUNDOFF, verifier.amplification.draws()
                )
            ),
            default=0.0,
        )
        if found.undecided(inputs, UNIT_ROUNDOFF, verifier.amplification.draws())[0].any():
            return np.inf
    except Exception as error:
        verifier.note(f"rounding within layers could not be measured: {cause_of(error)}")
        return 0.0
    measured = SAFETY * moved
    if measured > tolerance:
        _say(verifier, found, "float32", moved)
    return measured


def beyond_float32(verifier: Verifier, inputs: Mapping[str, Array]) -> tuple[Array, str]:
    """Return which rows have numbers within the network that float32 does not hold, and where."""
    rows = len(next(iter(inputs.values())))
    try:
        return verifier.conditioning().beyond_float32(inputs)
    except Exception as error:
        verifier.note(f"numbers within the network could not be looked at: {cause_of(error)}")
        return np.zeros(rows, bool), ""


def _say(verifier: Verifier, found: Conditioning, dtype: str, moved: float) -> None:
    said = f"rounding in {dtype} moves the outputs by "
    if any(said in note for note in verifier.report.notes):
        return
    left = (
        f"{found.worst} gives what is left of numbers up to {found.loss:.3g} times as large: "
        if found.loss >= 1.5
        else ""
    )
    verifier.note(
        f"ill-conditioned here: {left}{said}{moved:.1e}, and the tolerance in {dtype} is "
        f"{SAFETY * moved:.1e}"
    )
