"""Images flipped and shifted by numbers that are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.language.augmentation import Augmentation

Array = NDArray[Any]


def moved(values: Array, by: Augmentation, drawn: Array, *, is_first: bool) -> Array:
    """Return images, rows first, flipped and shifted by numbers from 0 to 1 that are drawn."""
    is_first = is_first and values.ndim == 4
    images = np.moveaxis(values, 1, -1) if is_first else values
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
    return np.ascontiguousarray(np.moveaxis(found, -1, 1) if is_first else found)
