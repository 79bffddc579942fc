"""Metrics of scores and probabilities, as scikit-learn has them."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from nnspec.language.metrics import Kind, Metric, by_average

ROWS: dict[str, type[Metric]] = {}
"""Those of this file: each row stands below its class."""


class _OneAgainstRest(Metric):
    fits = ("binary", "multiclass")

    average: Literal["macro", "weighted", "per_class"] | None = Field(
        default=None,
        description="Over the classes that the rows have: macro, their mean, which is the default; "
        "weighted, by their rows; per_class, none. Yes and no have but one.",
    )

    def names(self, kind: Kind, classes: int | None) -> Iterable[str]:
        average = None if kind == "binary" or self.average == "macro" else self.average
        return by_average(self, average, classes)


class Auc(_OneAgainstRest):
    """Area under the ROC curve, each class against the rest; left out where the rows have one."""

    least_classes = 2

    type: Literal["auc"] = "auc"


ROWS["auc"] = Auc


class AveragePrecision(_OneAgainstRest):
    """Mean precision over recall, each class against the rest; left out where no row is a yes."""

    least_classes = 1

    type: Literal["average_precision"] = "average_precision"


ROWS["average_precision"] = AveragePrecision


class LogLoss(Metric):
    """Mean of -log of the probability of the right class, which counts 2.2e-16 at least."""

    fits = ("binary", "multiclass")
    better = "min"
    needs_probabilities = True

    type: Literal["log_loss"] = "log_loss"


ROWS["log_loss"] = LogLoss


class Brier(Metric):
    """Mean of (p - y)² for yes and no; for classes the mean over rows of Σ (p - y)²."""

    fits = ("binary", "multiclass")
    better = "min"
    needs_probabilities = True

    type: Literal["brier"] = "brier"


ROWS["brier"] = Brier


class Perplexity(Metric):
    """exp of `log_loss`."""

    fits = ("multiclass",)
    better = "min"
    needs_probabilities = True

    type: Literal["perplexity"] = "perplexity"


ROWS["perplexity"] = Perplexity
