"""Metrics of numbers."""

from typing import Literal

from nnspec.language.metrics import Metric

ROWS: dict[str, type[Metric]] = {}
"""Those of this file: each row stands below its class."""


class MeanSquaredErrorMetric(Metric):
    """Mean of (y - target)² over all elements."""

    fits = ("regression",)
    better = "min"

    type: Literal["mse"] = "mse"


ROWS["mse"] = MeanSquaredErrorMetric


class RootMeanSquaredError(Metric):
    """√ of the mean of (y - target)² over all elements."""

    fits = ("regression",)
    better = "min"

    type: Literal["rmse"] = "rmse"


ROWS["rmse"] = RootMeanSquaredError


class MeanAbsolutePercentageErrorMetric(Metric):
    """100 · mean of |y - target| / max(|target|, 1e-7) over all elements, as the loss `mape`."""

    fits = ("regression",)
    better = "min"

    type: Literal["mape"] = "mape"


ROWS["mape"] = MeanAbsolutePercentageErrorMetric
