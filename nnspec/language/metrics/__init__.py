"""The metrics of the spec language, and the table from `type` to class.

Each is computed of all rows of a part together, as at inference, in float64, from what the network
gives: so every framework measures the same. Those of classes take the class of the highest score,
the first of equals, or for yes and no whether the probability is above 0.5.
"""

from collections.abc import Collection, Iterable
from typing import ClassVar, Literal

from nnspec.layers.fields import Frozen
from nnspec.layers.registry import RowsOfFiles

Kind = Literal["regression", "binary", "multiclass", "labels"]
"""The kind of a target: numbers, yes or no, one of several classes, or a list of them by row."""

Average = Literal["macro", "micro", "weighted", "per_class"]


class Metric(Frozen):
    """Base of the metrics."""

    fits: ClassVar[Collection[str]] = ()
    """The kinds of targets that it takes."""
    better: ClassVar[Literal["max", "min"]] = "max"
    needs_probabilities: ClassVar[bool] = False
    """Whether other scores than probabilities, or the logits of them, will not do."""
    least_classes: ClassVar[int] = 0
    """The number of classes that rows must have for it to be defined; 0 for none."""
    is_number: ClassVar[bool] = True
    """Whether it is reported for every epoch."""

    type: str

    def names(self, kind: Kind, classes: int | None) -> Iterable[str]:
        """Return the names under which it is reported; classes: how many, or None if unknown."""
        return (self.type,)


def by_average(metric: Metric, average: Average | None, classes: int | None) -> list[str]:
    """Return the names of a metric that has an average: that of its default is its type alone."""
    if average == "per_class":
        return [f"{metric.type}_class_{i}" for i in range(classes or 0)]
    return [metric.type if average is None else f"{metric.type}_{average}"]


METRICS: RowsOfFiles[Metric] = RowsOfFiles(
    __name__, "common", "numbers", "classes", "scores", "sequences"
)
"""The metrics by `type`, from the files of this folder, what most specs use first."""
