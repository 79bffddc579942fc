"""Images as an epoch takes them: changed by numbers that are drawn, and mixed with others."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.mixing import Mixture
from nnspec.data.moving import moved, sampled
from nnspec.data.recolouring import recoloured
from nnspec.language.augmentation import Augmentation

Array = NDArray[Any]


@dataclass(frozen=True)
class Change:
    """The changes of images, and the numbers from 0 to 1 that are drawn of each row for them."""

    by: Augmentation
    is_first: bool
    moved: Array | None = None
    sampled: Array | None = None
    coloured: Array | None = None
    black: Array | None = None
    white: Array | None = None

    def take(self, rows: Any) -> Change:
        """Return those of some rows."""
        drawn = {name: getattr(self, name) for name in ("moved", "sampled", "coloured")}
        some = {name: each[rows] for name, each in drawn.items() if each is not None}
        return dataclasses.replace(self, **some)

    def images(self, values: Array) -> Array:
        """Return the images of these rows changed, as the network takes them."""
        images = _channels_last(values, is_first=self.is_first)
        if self.moved is not None:
            images = moved(images, self.by, self.moved)
        if self.sampled is not None:
            images = sampled(images, self.by, self.sampled)
        if self.coloured is not None:
            assert self.black is not None
            assert self.white is not None
            images = recoloured(images, self.by, self.coloured, self.black, self.white)
        return _as_given(images, values, is_first=self.is_first)


def mixed_images(own: Array, others: Array, how: Mixture, *, is_first: bool) -> Array:
    """Return images mixed with others, both as the network takes them."""
    first, second = (_channels_last(each, is_first=is_first) for each in (own, others))
    return _as_given(how.images(first, second), own, is_first=is_first)


def _channels_last(values: Array, *, is_first: bool) -> Array:
    """Return images, rows first, with their channels last: one where the input has no axis."""
    if values.ndim == 3:
        return values[..., None]
    return np.moveaxis(values, 1, -1) if is_first else values


def _as_given(images: Array, values: Array, *, is_first: bool) -> Array:
    """Return images with their channels last as the network takes them."""
    if values.ndim == 3:
        return np.ascontiguousarray(images[..., 0])
    return np.ascontiguousarray(np.moveaxis(images, -1, 1) if is_first else images)
