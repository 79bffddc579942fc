"""Images of a column, decoded when their numbers are asked for: NumPy takes them for an array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from nnspec.data.images import Pictured, Unreadable, decoded, fitted
from nnspec.data.named_files import Files

if TYPE_CHECKING:
    from nnspec.data.changing import Change
    from nnspec.data.mixing import Mixture

Array = NDArray[Any]

HELD = 2**30
"""Bytes of the images of an input that are held in memory; more are decoded for each batch."""


class Pictures(Files):
    """The images of an input, row by row, decoded when NumPy is asked for an array of them."""

    noun = "images"
    by: Pictured
    change: Change | None = None
    mixed: tuple[Mixture, Pictures] | None = None
    """The mixture of each of them, and all the images that it may be mixed with."""

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
        if self.change is not None:
            found.change = self.change.take(rows)
        if self.mixed is not None:
            found.mixed = self.mixed[0].take(rows), self.mixed[1]
        return found

    def changed(self, change: Change, mixed: Mixture | None) -> Pictures:
        """Return the same images changed, and mixed with others of them that are changed too."""
        found = self[:]
        found.change = change
        found.mixed = None if mixed is None else (mixed, found[:])
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = np.empty(self.shape, self.dtype)
        for i, pixels in enumerate(self.pixels()):
            array[i] = self.by.arranged(self.by.numbers(pixels)[None], self.shape[1:])[0]
        if self.change is not None:
            array = self.change.images(array)
        if self.mixed is not None:
            from nnspec.data.changing import mixed_images  # which few trainings need

            how, everything = self.mixed
            others = np.asarray(everything[how.other])
            is_first = self.by.layout == "channels_first"
            array = mixed_images(array, others, how, is_first=is_first)
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
