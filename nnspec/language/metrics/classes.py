"""Metrics of the classes that are predicted, as scikit-learn has them."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from nnspec.language.metrics import Average, Kind, Metric, by_average
from nnspec.layers.fields import Size

ROWS: dict[str, type[Metric]] = {}
"""Those of this file: each row stands below its class."""

_AVERAGE = Field(
    default=None,
    description="Over the classes that occur: macro, their mean, which is the default; weighted, "
    "by their rows; micro, of all rows; per_class, none. For yes and no, of yes by default.",
)


class _Averaged(Metric):
    fits = ("binary", "multiclass")

    average: Average | None = _AVERAGE

    def names(self, kind: Kind, classes: int | None) -> Iterable[str]:
        average = self.average
        if kind == "multiclass" and average == "macro":
            average = None
        return by_average(self, average, 2 if kind == "binary" else classes)


class BalancedAccuracy(Metric):
    """Mean of the recall of the classes that the rows have."""

    fits = ("binary", "multiclass")

    type: Literal["balanced_accuracy"] = "balanced_accuracy"


ROWS["balanced_accuracy"] = BalancedAccuracy


class TopKAccuracy(Metric):
    """Share of the rows whose class is among the k of the highest scores: `top_5_accuracy`."""

    fits = ("multiclass",)

    type: Literal["top_k_accuracy"] = "top_k_accuracy"
    k: Size = Field(default=5, description="How many scores count; fewer than there are classes.")

    def names(self, kind: Kind, classes: int | None) -> Iterable[str]:
        return (f"top_{self.k}_accuracy",)


ROWS["top_k_accuracy"] = TopKAccuracy


class Precision(_Averaged):
    """Of what is predicted to be a class, the share that is; 0 where nothing is predicted so."""

    type: Literal["precision"] = "precision"


ROWS["precision"] = Precision


class Recall(_Averaged):
    """Of the rows of a class, the share that is predicted so; 0 where it has no rows."""

    type: Literal["recall"] = "recall"


ROWS["recall"] = Recall


class F1(_Averaged):
    """2 · precision · recall / (precision + recall); 0 where both are."""

    type: Literal["f1"] = "f1"


ROWS["f1"] = F1


class Iou(_Averaged):
    """Intersection over union, Jaccard's index: rows of a class and predicted so, over either."""

    type: Literal["iou"] = "iou"


ROWS["iou"] = Iou


class Matthews(Metric):
    """Matthews's correlation of classes and predictions; 0 where either has one class alone."""

    fits = ("binary", "multiclass")

    type: Literal["matthews"] = "matthews"


ROWS["matthews"] = Matthews


class Kappa(Metric):
    """Cohen's kappa, the agreement beyond chance; 0 where only one class occurs."""

    fits = ("binary", "multiclass")

    type: Literal["kappa"] = "kappa"


ROWS["kappa"] = Kappa


class ConfusionMatrix(Metric):
    """Counts of each class, a row, predicted as each, a column: measured once, at the end."""

    fits = ("binary", "multiclass")
    is_number = False

    type: Literal["confusion_matrix"] = "confusion_matrix"

    def names(self, kind: Kind, classes: int | None) -> Iterable[str]:
        return ()


ROWS["confusion_matrix"] = ConfusionMatrix
