"""Losses of numbers."""

from typing import Literal

from nnspec.language.losses import Loss

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


class MeanSquaredError(Loss):
    """Mean of (y - target)² over all elements."""

    type: Literal["mse"] = "mse"


ROWS["mse"] = MeanSquaredError


class MeanAbsoluteError(Loss):
    """Mean of |y - target| over all elements; gradient 0 at 0."""

    type: Literal["mae"] = "mae"


ROWS["mae"] = MeanAbsoluteError
