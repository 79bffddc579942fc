"""Files that a column names, decoded when NumPy asks for an array of their numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.tables import where, words
from nnspec.errors import DataError

if TYPE_CHECKING:
    from hashlib import _Hash

Array = NDArray[Any]


class Files:
    """The files of an input, row by row.

    It stands for an array of (rows, *shape): `np.asarray` decodes, and raises DataError.
    """

    noun = "files"
    """The files in words."""

    def __init__(
        self,
        column: pl.Series,
        file: object,
        by: Any,
        shape: tuple[int | str, ...],
        dtype: str,
        rows: Array | None = None,
    ) -> None:
        self.names = words(column, file=file) if rows is None else column
        self.file = file
        self.by = by
        self.declared = shape
        self.dtype = np.dtype(dtype)
        self.rows = np.arange(len(self.names)) if rows is None else rows
        self._what = f'column "{column.name}"'
        self._column = column
        self._folder = _folder(file)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        """The number of axes of the array."""
        return len(self.declared) + 1

    @property
    def nbytes(self) -> int:
        """The bytes of the array."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __getitem__(self, rows: Array | slice) -> Self:
        found = object.__new__(type(self))
        found.__dict__.update(self.__dict__)
        found.rows = self.rows[rows]
        return found

    def made(self, by: Any) -> Self:
        """Return the same files made into other numbers."""
        found = self[:]
        found.by = by
        return found

    def held(self, *, whole: bool = False) -> Array:
        """Return the array where it is small (or `whole`), else the files, of which none is wrong.

        Raises DataError for the first that is.
        """
        raise NotImplementedError

    def raw(self) -> Iterator[Array]:
        """Yield what is in each file, as a model takes it that prepares files itself."""
        raise NotImplementedError

    def path(self, row: int) -> Path:
        """Return the file of a row; raises DataError for one outside of the table's folder."""
        name = self.names[row]
        if self._folder is None:
            return Path(name)
        path = self._folder / name
        try:
            inside = path.resolve().is_relative_to(self._folder.resolve())
        except (OSError, RuntimeError, ValueError):  # a circle of links, or a sign that no path has
            inside = False
        if Path(name).is_absolute() or not inside:
            raise self._refused(
                row, f"it is outside of {self._folder}, which paths of {self.noun} are relative to"
            )
        return path

    def update(self, digest: _Hash) -> None:
        """Add the content of every file to a hash; raises DataError for one that is not there."""
        for row in self.rows.tolist():
            try:
                with self.path(row).open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                is_lost = isinstance(error, FileNotFoundError)
                raise self._refused(row, "there is no such file" if is_lost else reason) from None

    def _refused(self, row: int, why: str) -> DataError:
        name = self.names[row]
        if self._folder is not None and Path(str(self.file)) == self._folder:
            return DataError(f"{self._folder / name}: {why}")
        return DataError(f'{where(self.file, self._what, row)}: "{name}": {why}')


def _folder(file: object) -> Path | None:
    """Return the folder that paths are relative to; None for rows of no file, by any path."""
    if not isinstance(file, str | Path) or not Path(file).exists():
        return None
    path = Path(file)
    return path if path.is_dir() else path.parent
