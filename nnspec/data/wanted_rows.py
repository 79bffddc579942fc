"""Targets that a loss takes other than those of the task, as rows of a file hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnspec.data.arrays import fit_shape
from nnspec.data.tables import require_fitting
from nnspec.data.wanted import wrong_in
from nnspec.errors import DataError
from nnspec.language.losses.targets import Wanted
from nnspec.layers.shapes import show

Array = NDArray[Any]

_SUM_ERROR = 1e-3  # what rounding and a percent table leave of probabilities that sum to 1


class Place(Protocol):
    """The place of a target, which tells where the value of a row stands."""

    def of(self, row: int, position: int | None = None, /) -> str: ...


def as_wanted(found: Array, choices: Sequence[Wanted], place: Place) -> Array:
    """Return the target of all rows as the loss takes it; raises DataError."""
    given = found.shape[1:]
    for each in choices:
        shape = _shape_of(given, each)
        if shape is None:
            continue
        _require(found, each, place)
        require_fitting(found, "float32", place.of)
        dtype = np.int64 if each.is_whole else np.float32
        return np.ascontiguousarray(found.reshape(len(found), *shape).astype(dtype))
    expected = " or ".join(show(each.shape) for each in choices)
    raise DataError(f"{place} gives {show(given)} for each row, and {expected} is expected")


def _shape_of(given: tuple[int, ...], wanted: Wanted) -> tuple[int, ...] | None:
    if wanted.is_padded:
        return given if len(given) == 1 else None
    return fit_shape(given, wanted.shape)


def _require(found: Array, wanted: Wanted, place: Place) -> None:
    wrong = wrong_in(found, wanted)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        position = int(np.ravel_multi_index(at[1:], found.shape[1:])) if at[1:] else None
        raise DataError(
            f"{place.of(at[0], position)}: {found[at]} is no target of the loss; {wanted.told} is "
            "expected"
        )
    if wanted.shared is not None:
        axis = wanted.shared if wanted.shared < 0 else wanted.shared + 1
        sums = found.astype(np.float64).sum(axis=axis)
        wrong = np.abs(sums - 1) > _SUM_ERROR
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise DataError(f"{place.of(at[0])}: {sums[at]} is the sum of its probabilities, not 1")
