"""Rows that count by weights, or places within them, as metrics take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def counted(values: Array, weight: Array | None) -> Array:
    """Return the rows that count, without those of weight 0; a place that counts is a row.

    The axes stay as many as they are: those of the places then have the size 1.
    """
    if weight is None:
        return values
    ones = [1] * (weight.ndim - 1)
    found: Array = values[weight > 0].reshape(-1, *ones, *values.shape[weight.ndim :])
    return found


def counts_of(weight: Array | None) -> Array | None:
    """Return what each of the rows that `counted` gives counts; None where all count alike."""
    if weight is None:
        return None
    kept: Array = weight[weight > 0].astype(np.float64)
    return None if (kept == kept[:1]).all() else kept
