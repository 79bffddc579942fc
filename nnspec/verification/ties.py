"""Numbers that a network compares and that are nearly equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers.logic import Comparison
from nnspec.verification.noisy import Noisy
from nnspec.verification.tolerance import SAFETY

if TYPE_CHECKING:
    from nnspec.backend import Array

FAR = 64 * SAFETY
"""Of what rounding moves the numbers of a comparison: what lies further apart it never decides."""


class Ties:
    """Numbers that a network compares, and how far rounding moves them.

    Two that are nearly equal may be equal by rounding, which no random move makes them.
    compared: each value that says how two numbers compare -> the two, or one and a constant.
    """

    def __init__(self, noisy: Noisy, values: Mapping[str, Array]) -> None:
        self.compared = {
            value: (layer, taken)
            for value, (_, _, layer, taken) in noisy.computed.items()
            if isinstance(layer, Comparison)
        }
        self._sums = noisy.sums
        self._values = values
        self._moved: dict[str, Array] = {}

    def add(self, moved: Mapping[str, Array]) -> None:
        """Note how far the numbers are moved in one draw."""
        for _, taken in self.compared.values():
            for name in taken:
                if name in self._sums:
                    off = np.abs(moved[self._sums[name]] - self._values[name])
                    before = self._moved.get(name)
                    self._moved[name] = off if before is None else np.maximum(before, off)

    def found(self) -> dict[str, Array]:
        """Return where two numbers that are not equal are no further apart than rounding moves."""
        return {
            value: (apart > 0) & (apart <= SAFETY * sum(moves))
            for value, (apart, moves) in self._measured()
        }

    def reached(self) -> dict[str, Array]:
        """Return the same, and where two are equal of which rounding moves one.

        A draw that moves both alike, or one the way it stays right, does not show that.
        """
        return {
            value: (apart <= SAFETY * sum(moves)) & (sum(moves) > 0)
            for value, (apart, moves) in self._measured()
        }

    def within_reach(self) -> dict[str, Array]:
        """Return where two numbers are not far more apart than rounding moves any of the same."""
        return {
            value: ~(apart > FAR * sum(float(np.max(each, initial=0.0)) for each in moves))
            for value, (apart, moves) in self._measured()
        }

    def _measured(self) -> Iterator[tuple[str, tuple[Array, list[Array]]]]:
        """Yield how far the two numbers of each comparison are apart, and how far each is moved."""
        for value, each in self.compared.items():
            yield value, self._apart(*each)

    def _apart(self, layer: Comparison, taken: tuple[str, ...]) -> tuple[Array, list[Array]]:
        rank = max(self._values[name].ndim for name in taken)
        numbers: list[Array] = []
        moves: list[Array] = []
        for name in taken:
            array = self._values[name].astype(np.float64)
            # As layers spread them: the axes of a row meet from the last one on.
            shape = (len(array), *(1,) * (rank - array.ndim), *array.shape[1:])
            numbers.append(array.reshape(shape))
            moves.append(self._moved.get(name, np.zeros(array.shape)).reshape(shape))
        apart = np.abs(numbers[0] - (numbers[1] if len(taken) > 1 else layer.value or 0.0))
        return apart, moves
