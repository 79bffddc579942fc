"""Images of a column, decoded when their numbers are asked for: NumPy takes them for an array."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.images import Pictured, Unreadable, decoded, fitted
from nnspec.data.tables import where, words
from nnspec.errors import DataError

if TYPE_CHECKING:
    from hashlib import _Hash

    from nnspec.language.augmentation import Augmentation

Array = NDArray[Any]

HELD = 2**30
"""Bytes of the images of an input that are held in memory; more are decoded for each batch."""


class Pictures:
    """The images of an input, row by row.

    It stands for an array of (rows, *shape): `np.asarray` decodes, and raises DataError.
    """

    def __init__(
        self,
        column: pl.Series,
        file: object,
        by: Pictured,
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
        self.drawn: tuple[Augmentation, Array] | None = None
        self._what = f'column "{column.name}"'
        self._column = column
        self._folder = _folder(file)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> tuple[int, int]:
        """The height and width of every image."""
        return self.by.size_in(self.declared)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        height, width = self.size
        if len(self.declared) == 2:
            return len(self), height, width
        if self.by.layout == "channels_first":
            return len(self), self.by.channels, height, width
        return len(self), height, width, self.by.channels

    @property
    def ndim(self) -> int:
        """The number of axes of the array."""
        return len(self.declared) + 1

    @property
    def nbytes(self) -> int:
        """The bytes of the array."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __getitem__(self, rows: Array | slice) -> Pictures:
        found = object.__new__(Pictures)
        found.__dict__.update(self.__dict__)
        found.rows = self.rows[rows]
        if self.drawn is not None:
            found.drawn = self.drawn[0], self.drawn[1][rows]
        return found

    def changed(self, by: Augmentation, drawn: Array) -> Pictures:
        """Return the same images flipped and shifted by numbers that are drawn for each."""
        found = self[:]
        found.drawn = by, drawn
        return found

    def made(self, by: Pictured) -> Pictures:
        """Return the same images made into other numbers."""
        found = self[:]
        found.by = by
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = np.empty(self.shape, self.dtype)
        for i, pixels in enumerate(self.pixels()):
            array[i] = self.by.arranged(self.by.numbers(pixels)[None], self.shape[1:])[0]
        if self.drawn is not None:
            from nnspec.data.moving import moved  # which few trainings need

            array = moved(array, *self.drawn, is_first=self.by.layout == "channels_first")
        return array if dtype is None else array.astype(dtype)

    def pixels(self) -> Iterator[Array]:
        """Yield the bytes of each image, shaped (height, width, channels); raises DataError."""
        size = self.size
        for row in self.rows.tolist():
            try:
                yield fitted(decoded(self.path(row), self.by.mode), self.by, size)
            except Unreadable as error:
                raise self._refused(row, str(error)) from None

    def raw(self) -> Iterator[Array]:
        """Yield the bytes of each image as they are in the file, upright; raises DataError."""
        for row in self.rows.tolist():
            try:
                image = decoded(self.path(row), self.by.mode)
            except Unreadable as error:
                raise self._refused(row, str(error)) from None
            yield np.asarray(image).reshape(image.height, image.width, self.by.channels)

    def held(self, *, whole: bool = False) -> Array:
        """Return the array where it is small (or `whole`), else the images, of which none is wrong.

        Raises DataError for the first that is.
        """
        if whole or self.nbytes <= HELD:
            return np.asarray(self)
        for _ in self.pixels():
            pass
        return cast(Array, self)

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
                row, f"it is outside of {self._folder}, which paths of images are relative to"
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
