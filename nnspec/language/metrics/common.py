"""The metrics that a task has by default."""

from typing import Literal

from nnspec.language.metrics import Metric

ROWS: dict[str, type[Metric]] = {}
"""Those of this file: each row stands below its class."""


class Accuracy(Metric):
    """Share of the rows whose class is right; of yes and no, share of the elements.

    Of lists of labels, share of the rows whose list is right.
    """

    fits = ("binary", "multiclass", "labels")

    type: Literal["accuracy"] = "accuracy"


ROWS["accuracy"] = Accuracy


class MeanAbsoluteErrorMetric(Metric):
    """Mean of |y - target| over all elements."""

    fits = ("regression",)
    better = "min"

    type: Literal["mae"] = "mae"


ROWS["mae"] = MeanAbsoluteErrorMetric


class R2(Metric):
    """Mean over the elements of a row of 1 - Σ(y - target)² / Σ(target - mean)².

    An element whose target is the same in all rows counts 1 where it is met, else 0.
    """

    fits = ("regression",)

    type: Literal["r2"] = "r2"


ROWS["r2"] = R2
