"""Images flipped, shifted, turned and cut by numbers that are drawn, the channels last."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.language.augmentation import Augmentation

Array = NDArray[Any]

AT_ONCE = 64
"""Images that are sampled at once: each pixel of them takes some hundred bytes meanwhile."""
LEAST_SHAPE, MOST_SHAPE = 3 / 4, 4 / 3
"""The width of what is cut by its height, as in GoogLeNet's training (Szegedy et al. 2015)."""


def moved(images: Array, by: Augmentation, drawn: Array) -> Array:
    """Return images, rows first, flipped and shifted by four numbers from 0 to 1 for each."""
    places = []
    for i, side in enumerate(images.shape[1:3]):
        most = by.shifts[i]
        shift = np.floor(drawn[:, 2 + i] * (2 * most + 1)).astype(int) - most
        place = np.clip(np.arange(side) - shift[:, None], 0, side - 1)
        if by.axes[i]:
            place = np.where(drawn[:, i : i + 1] < 0.5, side - 1 - place, place)
        places.append(place)
    rows = np.arange(len(images))[:, None, None]
    found: Array = images[rows, places[0][:, :, None], places[1][:, None, :]]
    return found


def sampled(images: Array, by: Augmentation, drawn: Array) -> Array:
    """Return images turned about their middle, of which a part is cut and made as large as they.

    Colours between pixels are weighed by the distance to four of them (bilinear), in float64.
    drawn: five numbers from 0 to 1 for each image: four of what is cut, and one of the turn.
    """
    some = [slice(start, start + AT_ONCE) for start in range(0, len(images), AT_ONCE)]
    return np.concatenate([_sampled(images[at], by, drawn[at]) for at in some]) if some else images


def _sampled(images: Array, by: Augmentation, drawn: Array) -> Array:
    count, height, width = images.shape[:3]
    down = np.tile(np.arange(height) + 0.5, (count, 1))
    across = np.tile(np.arange(width) + 0.5, (count, 1))
    if by.crop is not None:
        area = (by.crop + (1 - by.crop) * drawn[:, 0]) * (height * width)
        shape = np.exp(
            math.log(LEAST_SHAPE) + (math.log(MOST_SHAPE) - math.log(LEAST_SHAPE)) * drawn[:, 1]
        )
        high = np.minimum(np.sqrt(area / shape), height)
        wide = np.minimum(np.sqrt(area * shape), width)
        down = (drawn[:, 2] * (height - high))[:, None] + down * (high / height)[:, None]
        across = (drawn[:, 3] * (width - wide))[:, None] + across * (wide / width)[:, None]
    y, x = down[:, :, None] - height / 2, across[:, None, :] - width / 2
    if by.rotate is not None:
        angle = ((2 * drawn[:, 4] - 1) * math.radians(by.rotate))[:, None, None]
        y, x = np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x
    y = np.clip(y + (height - 1) / 2, 0, height - 1)
    x = np.clip(x + (width - 1) / 2, 0, width - 1)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    lower, farther = (y - top)[..., None], (x - left)[..., None]
    rows = np.arange(count)[:, None, None]
    above = images[rows, top, left] * (1 - farther) + images[rows, top, right] * farther
    below = images[rows, bottom, left] * (1 - farther) + images[rows, bottom, right] * farther
    return as_before(above * (1 - lower) + below * lower, images)


def as_before(values: Array, images: Array) -> Array:
    """Return values in the dtype of images, rounded where that is of whole numbers."""
    if images.dtype.kind in "iu":
        values = np.rint(values)
    return values.astype(images.dtype)
