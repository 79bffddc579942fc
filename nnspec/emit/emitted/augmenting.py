"""Images of the training rows, changed anew in each epoch."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

AUGMENTED: dict[int, dict[str, Any]] = {}
HAS_FIRST = True
HAS_FLIP = True
HAS_SHIFT = True
SEED = 0


def pixel_places(
    side: int, flips: np.ndarray, shifts: np.ndarray, how: dict[str, Any], axis: int
) -> np.ndarray:
    """Return the place along an axis that each pixel comes from, for each image."""
    place = np.tile(np.arange(side), (len(flips), 1))
    if HAS_SHIFT:
        most = how["shift"][axis]
        shift = np.floor(shifts * (2 * most + 1)).astype(int) - most
        place = np.clip(place - shift[:, None], 0, side - 1)
    if HAS_FLIP and how["flip"][axis]:
        place = np.where(flips[:, None] < 0.5, side - 1 - place, place)
    return place


def moved(values: np.ndarray, how: dict[str, Any], key: list[str | int]) -> np.ndarray:
    """Return images flipped and shifted by numbers that depend on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    raw = bits.random_raw(4 * len(values)).reshape(-1, 4)
    drawn = (raw >> np.uint64(11)) * 2.0**-53
    images = np.moveaxis(values, 1, -1) if values.ndim == 4 and HAS_FIRST else values
    down = pixel_places(images.shape[1], drawn[:, 0], drawn[:, 2], how, 0)
    across = pixel_places(images.shape[2], drawn[:, 1], drawn[:, 3], how, 1)
    rows = np.arange(len(images))[:, None, None]
    images = images[rows, down[:, :, None], across[:, None, :]]
    if values.ndim == 4 and HAS_FIRST:
        images = np.moveaxis(images, -1, 1)
    return np.ascontiguousarray(images)


def augmented(
    arrays: tuple[np.ndarray, ...], epoch: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the inputs that change, by their number, as an epoch from 1 takes them."""
    for i, how in AUGMENTED.items():
        yield i, moved(arrays[i], how, ["augment", SEED, epoch, how["name"]])
