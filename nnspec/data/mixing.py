"""Images and targets of two rows mixed by numbers that are drawn, the channels last."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnspec.data.moving import as_before
from nnspec.language.augmentation import Augmentation

Array = NDArray[Any]


class Mixture(NamedTuple):
    """Of each row the other one that it is mixed with, and how.

    share: what the row itself counts in its target, from 0 to 1. box: of the other image,
    [top, bottom, left, right] of its pixels; None where no row has one. is_box: whether a box is
    put in, or else a mean taken.
    """

    other: NDArray[np.intp]
    share: Array
    box: Array | None
    is_box: NDArray[np.bool_]

    def take(self, rows: Any) -> Mixture:
        """Return those of some rows."""
        box = None if self.box is None else self.box[rows]
        return Mixture(self.other[rows], self.share[rows], box, self.is_box[rows])

    def images(self, own: Array, others: Array) -> Array:
        """Return images mixed with those of the other rows."""
        share = self.share[:, None, None, None]
        mean = as_before(own * share + others * (1 - share), own)
        if self.box is None:
            return mean
        height, width = np.arange(own.shape[1])[:, None], np.arange(own.shape[2])
        top, bottom, left, right = (side[:, None, None] for side in self.box.T)
        inside = (height >= top) & (height < bottom) & (width >= left) & (width < right)
        boxed = np.where(inside[..., None], others, own)
        found: Array = np.where(self.is_box[:, None, None, None], boxed, mean)
        return found

    def targets(self, target: Array, classes: int | None) -> Array:
        """Return the targets mixed. classes: how many, where the target may be their numbers."""
        if classes is not None and target.dtype.kind == "i":
            target = np.eye(classes, dtype=np.float32)[target]
        share = self.share.reshape(-1, *[1] * (target.ndim - 1))
        found: Array = (target * share + target[self.other] * (1 - share)).astype(target.dtype)
        return found


def mixture(by: Augmentation, drawn: Array, height: int, width: int) -> Mixture:
    """Return what seven numbers from 0 to 1 for each row say of images of this size."""
    given = by.mixtures
    first, second, third, chosen, row, down, across = drawn.T
    other = np.floor(row * len(drawn)).astype(np.intp)
    share = beta(given.get("mixup", given.get("cutmix", 1.0)), first, second, third)
    is_box = np.full(len(drawn), "cutmix" in given)
    if len(given) > 1:
        is_box = chosen < 0.5
        share = np.where(is_box, beta(given["cutmix"], first, second, third), share)
    if "cutmix" not in given:
        return Mixture(other, share, None, is_box)
    half = np.sqrt(1 - share) / 2
    sides = []
    for place, side in ((down, height), (across, width)):
        middle, reach = np.floor(place * side), np.floor(half * side)
        sides += [np.clip(middle - reach, 0, side), np.clip(middle + reach, 0, side)]
    top, bottom, left, right = sides
    inside = (bottom - top) * (right - left) / (height * width)
    share = np.where(is_box, 1 - inside, share)
    return Mixture(other, share, np.stack(sides, axis=1), is_box)


def beta(alpha: float, first: Array, second: Array, third: Array) -> Array:
    """Return numbers of the law Beta(alpha, alpha) of three from 0 to 1 for each.

    Devroye 1996, Random variate generation in one line of code, section 3.
    """
    ratio = ((1 - first) ** (-1 / alpha) - 1) * np.cos(2 * np.pi * second) ** 2
    distance = np.sqrt(ratio / (1 + ratio)) / 2
    return np.asarray(np.where(third < 0.5, 0.5 - distance, 0.5 + distance))
