"""Metrics by scikit-learn: one definition for every framework, over the rows of a whole part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import MissingDependencyError
from nnspec.language.metrics import Kind, Metric
from nnspec.network.scores import Scores

try:
    from scipy.special import expit, softmax
    from sklearn import metrics as sklearn
except ImportError as error:
    raise MissingDependencyError("scikit-learn", "metrics") from error

Array = NDArray[Any]
Value = float | list[float] | dict[int, float] | None
"""A number; one for each class, or for those of them that have it; None where it is not defined."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The outputs of a network for rows, and what they are.

    output: (rows, ..., classes) of classes, else as the target; target: class numbers (rows, ...)
    or probabilities as the output; else as the output. threshold: what a yes exceeds. weight: what
    each row counts; None where all count alike.
    """

    kind: Kind
    output: Array
    given: Array
    scores_are: Scores = "probabilities"
    threshold: float = 0.5
    weight: Array | None = None

    @cached_property
    def counts(self) -> Array | None:
        """The weight of each row of `target`: those of a row of the output count as it does."""
        if self.weight is None:
            return None
        found: Array = np.repeat(self.weight, len(self.target) // len(self.weight))
        return found

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.output.shape[-1] if self.kind == "multiclass" else 2

    @cached_property
    def target(self) -> Array:
        """Class numbers, (rows); or numbers, (rows, elements)."""
        if self.kind == "regression":
            return _wide(self.given)
        if self.kind == "binary":
            return (self.given.reshape(-1) > 0.5).astype(np.int64)
        is_dense = self.given.ndim == self.output.ndim
        classes: Array = self.given.argmax(axis=-1) if is_dense else self.given
        return classes.reshape(-1)

    @cached_property
    def values(self) -> Array:
        """Numbers, (rows, elements)."""
        return _wide(self.output)

    @cached_property
    def scores(self) -> Array:
        """A score for each class, (rows, classes); of yes, (rows)."""
        found: Array = self.output.reshape((-1, self.classes) if self.kind == "multiclass" else -1)
        return found

    @cached_property
    def predicted(self) -> Array:
        """Class numbers, (rows)."""
        if self.kind == "multiclass":
            found: Array = self.scores.argmax(axis=-1)
            return found
        return (self.scores > self.threshold).astype(np.int64)

    @cached_property
    def probabilities(self) -> Array:
        """The scores as probabilities; as they are where they are none."""
        found = self.scores.astype(np.float64)
        if self.scores_are == "logits":
            found = softmax(found, axis=-1) if self.kind == "multiclass" else expit(found)
        elif self.scores_are == "probabilities" and self.kind == "multiclass":
            found /= found.sum(axis=-1, keepdims=True)  # which is 1 but for rounding
        return found


def _wide(values: Array) -> Array:
    wide: Array = values.reshape(len(values), -1).astype(np.float64)
    return wide


def measured(metric: Metric, rows: Rows) -> Value:
    """Return a metric of rows."""
    return MEASURES[metric.type](metric, rows)


def confusion(rows: Rows) -> list[list[float]]:
    """Return how often each class, a row, is predicted as each, a column."""
    found = sklearn.confusion_matrix(
        rows.target, rows.predicted, labels=range(rows.classes), sample_weight=rows.counts
    )
    table: list[list[float]] = found.tolist()
    return table


class Curve(NamedTuple):
    """The curves of a class against the rest, and the areas under them."""

    number: int
    false_positives: Array
    true_positives: Array
    area: float
    recall: Array
    precision: Array
    average_precision: float


def curves(rows: Rows) -> list[Curve]:
    """Return the curves of yes, or of each class that occurs; none where only one class does."""
    there = np.unique(rows.target)
    if len(there) < 2:
        return []
    if rows.kind == "binary":
        return [_curve(1, rows.target, rows.probabilities, rows.counts)]
    return [_curve(int(i), rows.target == i, rows.probabilities[:, i], rows.counts) for i in there]


def _curve(number: int, target: Array, scores: Array, counts: Array | None) -> Curve:
    wrong, right, _ = sklearn.roc_curve(target, scores, sample_weight=counts)
    precision, recall, _ = sklearn.precision_recall_curve(target, scores, sample_weight=counts)
    return Curve(
        number,
        wrong,
        right,
        float(sklearn.auc(wrong, right)),
        recall[::-1],
        precision[::-1],
        float(sklearn.average_precision_score(target, scores, sample_weight=counts)),
    )


def _by_class(function: str) -> Callable[[Any, Rows], Value]:
    compute = getattr(sklearn, function)

    def measure(metric: Any, rows: Rows) -> Value:
        given = metric.average or ("binary" if rows.kind == "binary" else "macro")
        if given == "per_class":
            labels = range(rows.classes)
            found: list[float] = compute(
                rows.target,
                rows.predicted,
                average=None,
                labels=labels,
                zero_division=0,
                sample_weight=rows.counts,
            ).tolist()
            return found
        return float(
            compute(
                rows.target,
                rows.predicted,
                average=given,
                zero_division=0,
                sample_weight=rows.counts,
            )
        )

    return measure


def _agreement(function: str) -> Callable[[Any, Rows], Value]:
    compute = getattr(sklearn, function)

    def measure(metric: Any, rows: Rows) -> Value:
        if len(np.union1d(rows.target, rows.predicted)) < 2:
            return 0.0  # nothing to agree on
        return float(compute(rows.target, rows.predicted, sample_weight=rows.counts))

    return measure


def _balanced(metric: Any, rows: Rows) -> Value:
    there = np.unique(rows.target)
    recall = sklearn.recall_score
    given = {"average": "macro", "labels": there, "sample_weight": rows.counts}
    return float(recall(rows.target, rows.predicted, **given))


def _top_k(metric: Any, rows: Rows) -> Value:
    labels = range(rows.classes)
    found = sklearn.top_k_accuracy_score(
        rows.target, rows.scores, k=metric.k, labels=labels, sample_weight=rows.counts
    )
    return float(found)


def _one_against_rest(function: str) -> Callable[[Any, Rows], Value]:
    compute = getattr(sklearn, function)

    def measure(metric: Any, rows: Rows) -> Value:
        there, counts = np.unique(rows.target, return_counts=True)
        if rows.kind == "binary":
            if len(there) < metric.least_classes or there[-1] == 0:
                return None
            return float(compute(rows.target, rows.probabilities, sample_weight=rows.counts))
        if len(there) < metric.least_classes:
            return None
        found = {
            int(i): float(
                compute(rows.target == i, rows.probabilities[:, i], sample_weight=rows.counts)
            )
            for i in there
        }
        if metric.average == "per_class":
            return found
        if rows.counts is not None:
            counts = np.array([rows.counts[rows.target == i].sum() for i in there])
        weights = counts if metric.average == "weighted" else None
        return float(np.average([*found.values()], weights=weights))

    return measure


def _log_loss(metric: Any, rows: Rows) -> float:
    labels = range(rows.classes)
    counts = rows.counts
    return float(
        sklearn.log_loss(rows.target, rows.probabilities, labels=labels, sample_weight=counts)
    )


def _brier(metric: Any, rows: Rows) -> Value:
    if rows.kind == "binary":
        target, shares = rows.target, rows.probabilities
        return float(sklearn.brier_score_loss(target, shares, sample_weight=rows.counts))
    wanted = np.eye(rows.classes)[rows.target]
    errors = np.sum((wanted - rows.probabilities) ** 2, axis=-1)
    return float(np.average(errors, weights=rows.counts))


def _mean_squared(metric: Any, rows: Rows) -> float:
    counts = rows.counts
    return float(sklearn.mean_squared_error(rows.target, rows.values, sample_weight=counts))


def _mape(metric: Any, rows: Rows) -> Value:
    size = np.maximum(np.abs(rows.target), 1e-7)
    errors = np.abs(rows.values - rows.target) / size
    if rows.counts is not None:
        errors = np.average(errors, axis=0, weights=rows.counts)
    return float(100 * np.mean(errors))


MEASURES: Mapping[str, Callable[[Any, Rows], Value]] = {
    "auc": _one_against_rest("roc_auc_score"),
    "average_precision": _one_against_rest("average_precision_score"),
    "balanced_accuracy": _balanced,
    "brier": _brier,
    "f1": _by_class("f1_score"),
    "iou": _by_class("jaccard_score"),
    "kappa": _agreement("cohen_kappa_score"),
    "log_loss": _log_loss,
    "mape": _mape,
    "matthews": _agreement("matthews_corrcoef"),
    "mse": _mean_squared,
    "perplexity": lambda metric, rows: float(np.exp(_log_loss(metric, rows))),
    "precision": _by_class("precision_score"),
    "recall": _by_class("recall_score"),
    "rmse": lambda metric, rows: float(np.sqrt(_mean_squared(metric, rows))),
    "top_k_accuracy": _top_k,
}
"""Type of a metric -> what measures it; those of every task are in `nnspec.training.metrics`."""
