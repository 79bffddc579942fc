"""Rows in a shape that may name axes of any size."""

import math

import numpy as np


def shaped(values: np.ndarray, shape: list[int | str], place: str) -> np.ndarray:
    """Return rows in this shape, which may name axes of any size; flat ones are folded."""
    given = list(values.shape[1:])
    fixed = [size for size in shape if isinstance(size, int)]
    if len(given) == len(shape) and all(
        isinstance(size, str) or size == found
        for size, found in zip(shape, given, strict=True)
    ):
        sizes = given
    else:
        sizes = [size if isinstance(size, int) else -1 for size in shape]
        is_flat = len(given) == 1 and given[0] % math.prod(fixed) == 0
        whole = [size for size in given if size != 1]
        if len(fixed) == len(shape):
            wanted = [size for size in shape if size != 1]
            is_flat = whole in (wanted, [math.prod(fixed)])
        if sizes.count(-1) > 1 or not is_flat:
            raise ValueError(f"{place} is {given} a row, and {shape} is expected")
    if 0 in values.shape or 0 in fixed:
        raise ValueError(f"{place} has an axis of size 0: {values.shape}")
    return values.reshape(len(values), *sizes)
