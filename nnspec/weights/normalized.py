"""Weights in lengths and directions, as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def length_of(direction: Array, sizes: tuple[int, ...]) -> Array:
    """Return |v| of each output, in the shape of the lengths."""
    axes = tuple(axis for axis, size in enumerate(sizes) if size == 1)
    length: Array = np.sqrt(np.sum(np.square(direction), axis=axes, keepdims=True))
    return length


def weight_of(length: Array, direction: Array) -> Array:
    """Return g · v / |v|, one length for each output."""
    weight: Array = direction * (length / length_of(direction, length.shape))
    return weight
