"""Arrays of .npy files and of groups of Zarr, of which rows are read where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.array_files import Group, Mapped
from nnspec.data.stored import READ, Opened, Stored, array_header
from nnspec.errors import DataError

Array = NDArray[Any]


class StoredFiles(Mapped):
    """The arrays of several .npy files; a small one is read when it is asked for.

    Raises DataError for what cannot be read in parts.
    """

    def __getitem__(self, name: str) -> Array:
        stored = self.stored(name)
        return stored.read(0, len(stored))

    def stored(self, name: str) -> Stored:
        """Return an array that lies in its file; raises DataError, and KeyError for none."""
        path = self.files[name]
        try:
            with path.open("rb") as file:
                shape, is_fortran, dtype = array_header(file)
                start, opened = file.tell(), Opened(file)
            given = path.stat().st_size
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is no readable .npy file: {error}") from None
        if dtype.hasobject:
            raise DataError(
                f"{path} holds Python objects, which are never unpickled; save numbers or text"
            )
        if is_fortran and len(shape) > 1:
            raise DataError(
                f"{path} is in Fortran order, in which no row lies in one piece: save "
                "numpy.ascontiguousarray of it"
            )
        size = start + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        if size != given:
            raise DataError(f"{path} is damaged: {given} bytes, not {size}")
        return Stored(opened, start, shape, dtype)

    def digest_before(self, name: str) -> int:
        """Return 0: the format has no checksum."""
        return 0

    def require_sum(self, name: str, digest: int) -> None:
        """Take any checksum: the format has none."""

    def require_whole(self, name: str) -> None:
        """Raise DataError where an array is damaged, as far as its size tells."""
        self.stored(name)


class StoredGroup(Group):
    """The arrays of a group of Zarr, rows of which are read chunk by chunk."""

    def stored(self, name: str) -> GroupRows:
        """Return the rows of an array; raises KeyError for none."""
        return GroupRows(self, name, self.arrays[name])

    def digest_before(self, name: str) -> int:
        """Return 0: chunks have checksums of their own, if they have some."""
        return 0

    def require_sum(self, name: str, digest: int) -> None:
        """Take any checksum: chunks have their own."""

    def require_whole(self, name: str) -> None:
        """Do nothing: all chunks are read before the first step."""


class GroupRows:
    """The rows of an array of a group, as `nnspec.data.stored.Stored` has them."""

    def __init__(self, group: Group, name: str, array: Any) -> None:
        self._group = group
        self._name = name
        self.shape: tuple[int, ...] = array.shape
        self.dtype = np.dtype(array.dtype)
        self.row_bytes: int = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        self._chunk = int(array.chunks[0]) if self.shape else 1

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def step(self) -> int:
        """The rows that are read at once: whole chunks."""
        rows: int = max(READ // max(self.row_bytes, 1), 1)
        return max(rows // self._chunk, 1) * self._chunk

    def read(self, first: int, last: int) -> Array:
        """Return these rows, from `first` to before `last`; raises DataError."""
        return np.ascontiguousarray(self._group.read(self._name, first, last))

    def parts(self) -> Iterator[tuple[int, Array]]:
        """Yield all rows, some at a time, each time with the number of the first."""
        for first in range(0, len(self), self.step):
            yield first, self.read(first, min(first + self.step, len(self)))
