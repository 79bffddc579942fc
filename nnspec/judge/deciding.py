"""Whole numbers that a file gives otherwise than its spec, and which of them rounding decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nnspec.judge.choices import Disagreement, Scored, disagreement, scores_of
from nnspec.verification.tolerance import (
    DOUBLE_ROUNDOFF,
    UNIT_ROUNDOFF,
    perturbed,
)

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.state import State


class Sides(Protocol):
    """A spec and a file, as a `Beside` has them."""

    rounding: float

    @property
    def is_exact(self) -> bool:
        """Whether the file computes in float64."""

    @property
    def state(self) -> State:
        """The spec's side as a verification has it."""

    def judged(
        self, inputs: Mapping[str, Array], given: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> tuple[float, float]:  # fmt: skip
        """Return the error of the worst output, and what rounding explains of it."""


def disagreement_of(
    beside: Sides, name: str, when: str, inputs: Mapping[str, Array], theirs: Mapping[str, Array],
    expected: Mapping[str, Array],
) -> Disagreement | None:  # fmt: skip
    """Return how an output of whole numbers differs, and how much of that rounding may decide."""
    given, array = theirs[name], expected[name]
    if np.array_equal(given, array):
        return None
    found = disagreement(name, when, given, array, _scored(beside, array, inputs))
    if found is None or found.margins is not None:
        return found
    undecided = _undecided(beside, inputs).get(name)
    if undecided is not None and undecided.shape == array.shape:
        decided = int((undecided & (given != array)).sum())
        if 0 < decided < found.differing:  # beside ties only what is sure counts
            decided = found.differing - surely(beside, name, inputs, given, array)
        return dataclasses.replace(found, decided=decided)
    # What is chosen otherwise, or is no choice: rounding may flip all of it, or nothing.
    error, tolerance = beside.judged(inputs, {name: given}, {name: array})
    may_flip = error <= tolerance
    return dataclasses.replace(found, decided=found.differing if may_flip else 0)


def _undecided(
    beside: Sides, inputs: Mapping[str, Array], *, is_wide: bool = False
) -> dict[str, Array]:
    """Return for outputs that compare numbers where rounding says how these do.

    is_wide: or may, by the widest guess.
    """
    unit = DOUBLE_ROUNDOFF if beside.is_exact else UNIT_ROUNDOFF
    if is_wide:
        unit = max(unit, beside.rounding)
    return beside.state.tolerances.undecided_elements(inputs, unit, is_wide=is_wide)


def surely(
    beside: Sides, name: str, inputs: Mapping[str, Array], given: Array, array: Array
) -> int:
    """Return how many elements differ of an output that compares numbers far apart there."""
    undecided = _undecided(beside, inputs, is_wide=True).get(name)
    if undecided is None or not undecided.shape == array.shape == given.shape:
        return 0
    return int((~undecided & (given != array)).sum())


def _scored(beside: Sides, output: Array, inputs: Mapping[str, Array]) -> Scored | None:
    """Return the scores by which an output is chosen, and how rounding moves them."""
    state = beside.state
    amplification = state.tolerances.amplification
    conditioning = state.tolerances.conditioning()
    program: Any = conditioning.program
    values = conditioning.values(inputs)
    found = scores_of(output, values.items())
    if found is None:
        return None
    unit = DOUBLE_ROUNDOFF if beside.is_exact else UNIT_ROUNDOFF
    size = beside.rounding or unit * amplification.longest**0.5
    scores = values[found.key]
    moved = []
    try:
        for draw in amplification.draws():
            weights = amplification.changed(
                beside.rounding or unit, draw, by_length=not beside.rounding
            )
            program.load_weights(conditioning.named(weights))
            noisy = {name: perturbed(array, size, draw) for name, array in inputs.items()}
            moved.append(conditioning.moved_values(noisy, unit, draw)[found.key])
    finally:
        program.load_weights(conditioning.named(state.weights))
    return Scored(scores, moved, found.axis, found.sign)
