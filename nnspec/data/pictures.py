"""Images of a column, decoded when their numbers are asked for: NumPy takes them for an array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from nnspec.data.images import Pictured, Unreadable, decoded, fitted
from nnspec.data.named_files import Files

if TYPE_CHECKING:
    from nnspec.language.augmentation import Augmentation

Array = NDArray[Any]

HELD = 2**30
"""Bytes of the images of an input that are held in memory; more are decoded for each batch."""


class Pictures(Files):
    """The images of an input, row by row, decoded when NumPy is asked for an array of them."""

    noun = "images"
    by: Pictured
    drawn: tuple[Augmentation, Array] | None = None

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

    def __getitem__(self, rows: Array | slice) -> Self:
        found = super().__getitem__(rows)
        if self.drawn is not None:
            found.drawn = self.drawn[0], self.drawn[1][rows]
        return found

    def changed(self, by: Augmentation, drawn: Array) -> Pictures:
        """Return the same images flipped and shifted by numbers that are drawn for each."""
        found = self[:]
        found.drawn = by, drawn
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
