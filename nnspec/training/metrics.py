"""Metrics over collected outputs, in float64; one definition for every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import UsageError
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.heads import final_activation

Array = NDArray[Any]


def binary_accuracy(output: Array, target: Array, *, threshold: float = 0.5) -> float:
    """Share of elements on the target's side: output > threshold and target > 0.5 say yes.

    `output` and `target` have one shape. The threshold is 0.5 for probabilities, 0 for logits.
    """
    _same_shape(output, target)
    return float(np.mean((output > threshold) == (target > 0.5)))


def multiclass_accuracy(output: Array, target: Array) -> float:
    """Share of rows whose highest score is the target's class; the first of equals counts.

    `output` is (..., classes); `target` is class numbers (...), or probabilities (..., classes).
    """
    if target.shape == output.shape:
        target = target.argmax(axis=-1)
    predicted = output.argmax(axis=-1)
    _same_shape(predicted, target)
    return float(np.mean(predicted == target))


def mae(output: Array, target: Array, scale: Sequence[float] | None = None) -> float:
    """Mean of |output - target| over all elements; both have one shape.

    scale: what one is of each element of a row, in the unit of the result.
    """
    _same_shape(output, target)
    error = np.abs(_wide(output) - _wide(target))
    if scale is not None:
        error = error.reshape(len(error), -1) * np.array(scale)
    return float(np.mean(error))


def r2(output: Array, target: Array) -> float:
    """Mean over the columns of 1 - Σ(target - output)² / Σ(target - mean)², rows first.

    A column whose target is constant counts 1 where the output is exact and 0 elsewhere, as in
    scikit-learn's r2_score.
    """
    _same_shape(output, target)
    given, wanted = (_wide(values).reshape(len(values), -1) for values in (output, target))
    residual = ((wanted - given) ** 2).sum(axis=0)
    total = ((wanted - wanted.mean(axis=0)) ** 2).sum(axis=0)
    constant = (wanted == wanted[:1]).all(axis=0)
    scores = np.where(
        constant, (residual == 0).astype(np.float64), 1 - residual / np.where(constant, 1, total)
    )
    return float(scores.mean())


def measure(
    graph: Graph,
    training: Training,
    output: Array,
    target: Array,
    scale: Sequence[float] | None = None,
) -> dict[str, float]:
    """Return the spec's metrics of a network's outputs, by name.

    scale: by which each element of the target was divided; the metrics have the target's units.
    """
    values: dict[str, float] = {}
    for metric in training.resolved_metrics:
        if metric == "mae":
            values[metric] = mae(output, target, scale)
        elif metric == "r2":
            values[metric] = r2(output, target)  # the same in any units
        elif training.kind == "multiclass":
            values[metric] = multiclass_accuracy(output, target)
        else:
            values[metric] = binary_accuracy(output, target, threshold=threshold(graph, training))
    return values


def threshold(graph: Graph, training: Training) -> float:
    """Return what a binary output exceeds to say yes: 0 for logits, 0.5 otherwise."""
    head = final_activation(graph)
    gives_logits = training.resolved_loss.leaves_out == "sigmoid" and (
        head is None or head.activation.type != "sigmoid"
    )
    return 0.0 if gives_logits else 0.5


def require_measurable(training: Training) -> None:
    """Raise UsageError for a metric that means nothing for the task."""
    for metric in training.resolved_metrics:
        if (metric == "accuracy") == (training.kind == "regression"):
            fitting = "mae or r2" if training.kind == "regression" else "accuracy"
            raise UsageError(
                f'metric "{metric}" means nothing for the task "{training.task}"; use {fitting}'
            )


def _wide(values: Array) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _same_shape(output: Array, target: Array) -> None:
    # Broadcasting (N,) against (N, 1) would compare every row with every other.
    if output.shape != target.shape:
        raise ValueError(f"output {output.shape} and target {target.shape} differ in shape")
