"""Windows of the values of rows, cut when they are asked for: NumPy takes them for an array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Indices = NDArray[np.intp]

HELD = 2**29
"""Bytes of the windows of an input that are held in memory; more are cut for each batch."""
CHUNK = 2**22
"""Rows of windows that are looked at at once."""


class Windowed:
    """Windows over what rows hold of an input: an array of (windows, length, ...).

    values: of every row of the file. order: their places by series and time. last: where in that
    order each window ends.
    """

    def __init__(self, values: Array, order: Indices, last: Indices, length: int) -> None:
        self.values = values
        self.order = order
        self.last = last
        self.length = length

    def __len__(self) -> int:
        return len(self.last)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return len(self), self.length, *self.values.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """The number of axes of the array."""
        return self.values.ndim + 1

    @property
    def nbytes(self) -> int:
        """The bytes of the array."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __getitem__(self, windows: Array | slice) -> Windowed:
        return Windowed(self.values, self.order, self.last[windows], self.length)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.values[rows_of(self.order, self.last, self.length)]
        return array if dtype is None else array.astype(dtype)

    def min(self) -> Any:
        """Return the least number in a window."""
        return self._seen().min()

    def max(self) -> Any:
        """Return the greatest number in a window."""
        return self._seen().max()

    def reshape(self, *shape: int) -> Array:
        """Return the array in another shape."""
        return np.asarray(self).reshape(*shape)

    def _seen(self) -> Array:
        seen: Array = self.values[seen_rows(self.order, self.last, self.length)]
        return seen

    def held(self, *, whole: bool = False) -> Array:
        """Return the array where it is small (or `whole`), else what stands for it."""
        return np.asarray(self) if whole or self.nbytes <= HELD else cast(Array, self)


def rows_of(order: Indices, last: Indices, length: int) -> Indices:
    """Return the rows of windows, shaped (windows, length)."""
    found: Indices = order[last[:, None] + np.arange(1 - length, 1)]
    return found


def chunks(count: int, length: int) -> Iterator[slice]:
    """Yield windows, so many at a time that their rows are not many."""
    size = max(CHUNK // length, 1)
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def seen_rows(order: Indices, last: Indices, length: int) -> Indices:
    """Return the rows that are in a window, in the order of the file."""
    seen = np.zeros(len(order), bool)
    for some in chunks(len(last), length):
        seen[rows_of(order, last[some], length)] = True
    return np.flatnonzero(seen)
