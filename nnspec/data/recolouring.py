"""Colours of images changed by numbers that are drawn, the channels last."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.images import Pictured
from nnspec.data.moving import as_before
from nnspec.language.augmentation import COLOURS, Augmentation

Array = NDArray[Any]

GREY = np.array([0.299, 0.587, 0.114])
"""The shares of red, green and blue in a grey (ITU-R BT.601), as Pillow has it."""


def black_and_white(by: Pictured | None, given: tuple[float, float] | None) -> tuple[Array, Array]:
    """Return what black and white are, of each channel or of all. given: of images of no file."""
    if by is None:
        assert given is not None
        return np.array(given[0]), np.array(given[1])
    low, high = by.range or (0.0, 255.0)
    if by.mean is None or by.std is None:
        return np.array(low), np.array(high)
    mean, std = np.array(by.mean), np.array(by.std)
    return (low - mean) / std, (high - mean) / std


def recoloured(images: Array, by: Augmentation, drawn: Array, black: Array, white: Array) -> Array:
    """Return images whose colours are changed by three numbers from 0 to 1 for each of them.

    Times a factor; nearer to the mean grey of the image, or farther; nearer to the grey of each
    pixel, or farther: as torchvision's ColorJitter, in this order, and each cut off at black
    and white.
    """
    colours = (images - black) / (white - black)
    for i, key in enumerate(COLOURS):
        most = by.colours.get(key)
        if most is None:
            continue
        factor = (1 + (2 * drawn[:, i] - 1) * most)[:, None, None, None]
        middle: Any = 0.0
        if key != "brightness":
            middle = grey(colours)
        if key == "contrast":
            middle = middle.mean(axis=(1, 2, 3), keepdims=True)
        colours = np.clip(middle + factor * (colours - middle), 0, 1)
    return as_before(black + colours * (white - black), images)


def grey(colours: Array) -> Array:
    """Return the grey of each pixel; of other channels than three it is their mean."""
    if colours.shape[-1] == len(GREY):
        return np.asarray((colours @ GREY)[..., None])
    return np.asarray(colours.mean(axis=-1, keepdims=True))
