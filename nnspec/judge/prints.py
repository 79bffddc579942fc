"""Finds a tensor among the values of a run, in whatever order its axes are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.judge.sources import MOST_AXES

if TYPE_CHECKING:
    from nnspec.backend import Array


NEVER, USUAL = -1e8, 1e6
"""A score below which a mask is meant, where no other is larger than the second."""


class Prints:
    """The values of a run, found by what no order of axes changes: their sorted numbers.

    tolerance: relative to the largest number of a value.
    """

    def __init__(self, values: Mapping[int, Array], tolerance: float) -> None:
        numbers = {n: each for n, each in values.items() if each.dtype.kind in "fiub"}
        self.values = {n: _counted(each) for n, each in numbers.items()}
        self.tolerance = tolerance
        self._by_size: dict[int, list[tuple[int, float]]] = {}
        self._sorted: dict[int, Array] = {}
        for number, array in self.values.items():
            total = _total(array)
            self._by_size.setdefault(array.size, []).append((number, total))

    def of(self, array: Array) -> Iterator[int]:
        """Yield the numbers of the values that hold the same numbers as an array."""
        near = self._by_size.get(array.size, [])
        if not near or array.dtype.kind not in "fiub":
            return
        array = _counted(array)
        total = _total(array)
        scale = float(np.max(np.abs(array), initial=0.0))
        ordered: Array | None = None
        for number, their_total in near:
            if not abs(their_total - total) <= self.tolerance * scale * max(array.size, 1):
                continue
            if ordered is None:
                ordered = np.sort(array, axis=None)
            if number not in self._sorted:
                self._sorted[number] = np.sort(self.values[number], axis=None)
            theirs = self._sorted[number]
            if float(np.max(np.abs(theirs - ordered), initial=0.0)) <= self.tolerance * scale:
                yield number

    def has(self, array: Array) -> bool:
        """Whether one of the values holds the same numbers."""
        return next(self.of(array), None) is not None


def is_in_place(
    theirs: Array, mine: Array, tolerance: float, orders: Iterable[Sequence[int]] | None = None
) -> bool:
    """Whether two arrays hold the same numbers but for the order of axes, or reshaped.

    tolerance: relative to the largest number of mine. orders: of the axes of theirs; all, or where
    they are many the order that they have.
    """
    if theirs.size != mine.size or theirs.dtype.kind not in "fiub":
        return False
    flat = np.asarray(mine, "float64").ravel()
    theirs = np.asarray(theirs, "float64")
    near = tolerance * float(np.max(np.abs(flat), initial=0.0))
    if orders is None:
        whole = range(theirs.ndim)
        orders = itertools.permutations(whole) if theirs.ndim <= MOST_AXES else [whole]
    with np.errstate(all="ignore"):  # a mask may hold the lowest number of its dtype
        return any(
            float(np.max(np.abs(np.transpose(theirs, axes).ravel() - flat), initial=0.0)) <= near
            for axes in orders
        )


def _counted(array: Array) -> Array:
    """Return truth values as 0 and 1, which can be subtracted, and all else as it is.

    But for scores that a mask takes away: files have -∞ there, or the lowest number, or -1e9.
    """
    if array.dtype.kind != "f":
        return array.astype(np.int8) if array.dtype.kind == "b" else array
    is_never = array <= NEVER
    if is_never.any() and float(np.max(np.abs(array), where=~is_never, initial=0.0)) < USUAL:
        return np.where(is_never, 0.0, array)
    return array


def _total(array: Array) -> float:
    with np.errstate(over="ignore"):  # a mask may hold the lowest number of its dtype
        return float(np.sum(array, dtype=np.float64))
