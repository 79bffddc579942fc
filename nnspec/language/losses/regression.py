"""Losses of numbers."""

from typing import Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.layers.fields import Positive

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


class Huber(Loss):
    """Mean over all elements of e² / 2 where |e| ≤ delta, else delta · (|e| - delta / 2).

    e = y - target; Huber 1964, as torch.nn.HuberLoss and keras.losses.Huber.
    """

    type: Literal["huber"] = "huber"
    delta: Positive = Field(default=1.0, description="Errors up to which it is a square.")


ROWS["huber"] = Huber


class SmoothL1(Loss):
    """Mean over all elements of e² / (2 beta) where |e| < beta, else |e| - beta / 2.

    e = y - target; Girshick 2015, as torch.nn.SmoothL1Loss: huber with delta = beta, over beta.
    """

    type: Literal["smooth_l1"] = "smooth_l1"
    beta: Positive = Field(default=1.0, description="Errors up to which it is a square.")


ROWS["smooth_l1"] = SmoothL1


class LogCosh(Loss):
    """Mean over all elements of log(cosh(y - target)), as keras.losses.LogCosh.

    Computed as |e| + softplus(-2 |e|) - log 2, which is finite however large e is.
    """

    type: Literal["log_cosh"] = "log_cosh"


ROWS["log_cosh"] = LogCosh


class MeanAbsolutePercentageError(Loss):
    """100 · mean of |y - target| / max(|target|, epsilon) over all elements; gradient 0 at 0.

    As keras.losses.MeanAbsolutePercentageError.
    """

    type: Literal["mape"] = "mape"
    epsilon: Positive = Field(
        default=1e-7, description="Targets nearer to 0 count as this far; 1e-7 as in Keras."
    )


ROWS["mape"] = MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(Loss):
    """Mean of (log(1 + max(y, 0)) - log(1 + max(target, 0)))² over all elements.

    Gradient 0 for y ≤ 0. As keras.losses.MeanSquaredLogarithmicError, whose floor is 1e-7, not 0.
    """

    type: Literal["msle"] = "msle"


ROWS["msle"] = MeanSquaredLogarithmicError
