"""Metrics over collected outputs, in float64; one definition for every backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import UsageError
from nnspec.language.metrics import METRICS, Metric
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.scores import scores_of, threshold
from nnspec.training.comparing import compared, counted_target
from nnspec.training.labels import has_labels, label_metrics
from nnspec.training.weighting import counted, counts_of

if TYPE_CHECKING:
    from nnspec.training.measures import Rows, Value

Array = NDArray[Any]


def binary_accuracy(
    output: Array, target: Array, *, threshold: float = 0.5, weight: Array | None = None
) -> float:
    """Share of elements on the target's side: output > threshold and target > 0.5 say yes.

    `output` and `target` have one shape. The threshold is 0.5 for probabilities, 0 for logits.
    """
    _same_shape(output, target)
    return _mean((output > threshold) == (target > 0.5), weight)


def multiclass_accuracy(output: Array, target: Array, weight: Array | None = None) -> float:
    """Share of rows whose highest score is the target's class; the first of equals counts.

    `output` is (..., classes); `target` is class numbers (...), or probabilities (..., classes).
    """
    if target.shape == output.shape:
        target = target.argmax(axis=-1)
    predicted = output.argmax(axis=-1)
    _same_shape(predicted, target)
    return _mean(predicted == target, weight)


def mae(
    output: Array,
    target: Array,
    scale: Sequence[float] | None = None,
    weight: Array | None = None,
) -> float:
    """Mean of |output - target| over all elements; both have one shape.

    scale: what one is of each element of a row, in the unit of the result.
    """
    _same_shape(output, target)
    error = np.abs(_wide(output) - _wide(target))
    if scale is not None:
        error = error.reshape(len(error), -1) * np.array(scale)
    return _mean(error, weight)


def r2(output: Array, target: Array, weight: Array | None = None) -> float:
    """Mean over the columns of 1 - Σ(target - output)² / Σ(target - mean)², rows first.

    A column whose target is constant counts 1 where the output is exact and 0 elsewhere, as in
    scikit-learn's r2_score.
    """
    _same_shape(output, target)
    given, wanted = (_wide(values).reshape(len(values), -1) for values in (output, target))
    counts = 1.0 if weight is None else weight[:, None]
    residual = (counts * (wanted - given) ** 2).sum(axis=0)
    middle = np.average(wanted, axis=0, weights=weight)
    total = (counts * (wanted - middle) ** 2).sum(axis=0)
    constant = (wanted == wanted[:1]).all(axis=0)
    scores = np.where(
        constant, (residual == 0).astype(np.float64), 1 - residual / np.where(constant, 1, total)
    )
    return float(scores.mean())


@dataclass(frozen=True)
class Units:
    """By what each element of the target was shifted, and then divided."""

    mean: Sequence[float]
    scale: Sequence[float]

    def restored(self, values: Array) -> Array:
        """Return what is learnt, or given, in the units that the target had."""
        flat = _wide(values).reshape(len(values), -1) * np.array(self.scale)
        restored: Array = (flat + np.array(self.mean)).reshape(values.shape)
        return restored


def measure(
    graph: Graph,
    training: Training,
    output: Array,
    target: Array,
    units: Units | None = None,
    weight: Array | None = None,
) -> dict[str, float]:
    """Return the spec's metrics of a network's outputs, by name.

    units: of the target as it was; the metrics have them. weight: what each row counts, or each
    place of it. What is not defined for these rows is left out: see `undefined`.
    """
    if not training.resolved_metrics:
        return {}  # a loss without a target has no places to compare
    loss, kind = training.resolved_loss, training.metric_kind
    output, target, weight = compared(loss, output, target, weight)
    if weight is not None:
        if units is not None:
            output, target, units = units.restored(output), units.restored(target), None
        output, target = counted(output, weight), counted(target, weight)
        weight = counts_of(weight)
    values: dict[str, float] = {}
    if not len(target):
        return values  # no place counts
    if kind == "labels":
        return label_metrics(training, output, target, weight)
    others = []
    for metric in training.resolved_metrics:
        if metric.type == "mae":
            values["mae"] = mae(output, target, units.scale if units else None, weight)
        elif metric.type == "r2":
            values["r2"] = r2(output, target, weight)  # the same in any units
        elif metric.type == "accuracy" and kind == "multiclass":
            values["accuracy"] = multiclass_accuracy(output, target, weight)
        elif metric.type == "accuracy":
            limit = threshold(graph, training)
            values["accuracy"] = binary_accuracy(output, target, threshold=limit, weight=weight)
        elif metric.is_number:
            others.append(metric)
    if others:
        # It takes longer to import than a small network to train.
        from nnspec.training.measures import measured

        rows = _rows(graph, training, output, target, units, weight)
        values |= {
            name: value for metric in others for name, value in _named(metric, measured, rows)
        }
    return values


def rows_of(
    graph: Graph,
    training: Training,
    output: Array,
    target: Array,
    units: Units | None = None,
    weight: Array | None = None,
) -> Rows:
    """Return outputs and targets as the metrics take them. weight: of rows that all count."""
    return _rows(
        graph, training, *compared(training.resolved_loss, output, target)[:2], units, weight
    )


def _rows(
    graph: Graph,
    training: Training,
    output: Array,
    target: Array,
    units: Units | None,
    weight: Array | None,
) -> Rows:
    from nnspec.training.measures import Rows

    if units is not None:
        output, target = units.restored(output), units.restored(target)
    kind, scores = training.metric_kind, scores_of(graph, training)
    return Rows(kind, output, target, scores, threshold(graph, training), weight)


def _named(
    metric: Metric, measured: Callable[[Metric, Rows], Value], rows: Rows
) -> Iterator[tuple[str, float]]:
    """Yield the names and the values of a metric; NaN where an output is not finite."""
    names = [*metric.names(rows.kind, rows.classes)]
    if not np.isfinite(rows.output).all():
        yield from ((name, math.nan) for name in names)
        return
    value = measured(metric, rows)
    if isinstance(value, float):
        yield names[0], value
    elif isinstance(value, list):
        yield from zip(names, value, strict=True)
    elif value is not None:
        yield from ((names[i], each) for i, each in value.items())


def undefined(
    graph: Graph, training: Training, target: Array, weight: Array | None = None
) -> list[str]:
    """Return the names of what is not defined for rows of this target, whatever the network gives.

    The area under a curve takes rows of two classes; of yes and no, one that is a yes.
    """
    loss, kind = training.resolved_loss, training.metric_kind
    shape = graph.types[graph.outputs[0]].shape
    classes = shape[loss.class_axis] if shape else 1
    classes = classes if isinstance(classes, int) else 1
    target = counted_target(loss, target, len(shape), weight)
    if kind == "labels":
        return [] if has_labels(loss, target) else ["label_error_rate"]
    if not len(target):
        return [n for each in training.resolved_metrics for n in each.names(kind, classes)]
    metrics = [each for each in training.resolved_metrics if each.least_classes]
    if not metrics:
        return []
    there = np.unique(target > 0.5 if kind == "binary" else target)
    found: list[str] = []
    for metric in metrics:
        names = [*metric.names(kind, classes)]
        is_defined = len(there) >= metric.least_classes and (kind == "multiclass" or there[-1])
        if not is_defined:
            found += names
        elif len(names) > 1:
            found += [name for i, name in enumerate(names) if i not in there]
    return found


def require_measurable(training: Training) -> None:
    """Raise UsageError for a metric that means nothing for the task."""
    for metric in training.resolved_metrics:
        if not training.takes_metric(metric):
            kind = training.metric_kind
            fitting = [name for name, each in METRICS.items() if kind in each.fits]
            raise UsageError(
                f'metric "{metric.type}" means nothing for the task "{training.task}"; use one of '
                f"{', '.join(fitting)}"
            )


def _mean(values: Array, weight: Array | None) -> float:
    """Return the mean of all elements, those of a row by its weight."""
    if weight is None:
        return float(np.mean(values))
    return float(np.average(values.reshape(len(values), -1).mean(axis=1), weights=weight))


def _wide(values: Array) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _same_shape(output: Array, target: Array) -> None:
    # Broadcasting (N,) against (N, 1) would compare every row with every other.
    if output.shape != target.shape:
        raise ValueError(f"output {output.shape} and target {target.shape} differ in shape")
