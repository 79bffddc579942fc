"""Lists of labels: what a network says of its steps, and how far that is from what is right.

Training scripts hold `labels_of` and `edits` as they stand here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.language.losses import Loss
from nnspec.language.training_schema import Training


def labels_of(output: np.ndarray, blank: int) -> list[list[int]]:
    """Return each row's labels: the best of each step, repeats as one, without blanks."""
    best = output.argmax(axis=-1)
    begins = np.ones(best.shape, bool)
    begins[:, 1:] = best[:, 1:] != best[:, :-1]
    kept = begins & (best != blank)
    return [row[chosen].tolist() for row, chosen in zip(best, kept, strict=True)]


def edits(given: list[int], wanted: list[int]) -> int:
    """Return how many labels are to be inserted, deleted or replaced: Levenshtein's distance."""
    last = list(range(len(wanted) + 1))
    for i, label in enumerate(given, start=1):
        row = [i]
        for j, other in enumerate(wanted, start=1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (label != other)))
        last = row
    return last[-1]


def label_metrics(
    training: Training, output: np.ndarray, target: np.ndarray, weight: np.ndarray | None
) -> dict[str, float]:
    """Return the metrics of lists of labels; what the rows have no labels for is left out."""
    loss: Any = training.resolved_loss
    wanted = _wanted(loss, target)
    given = labels_of(output, loss.blank)
    weights = np.ones(len(wanted)) if weight is None else weight
    values: dict[str, float] = {}
    for metric in training.resolved_metrics:
        if metric.type == "accuracy":
            right = [a == b for a, b in zip(given, wanted, strict=True)]
            values["accuracy"] = float(np.average(right, weights=weight))
        elif count := np.dot(weights, [*map(len, wanted)]):
            total = np.dot(weights, [*map(edits, given, wanted)])
            values["label_error_rate"] = float(total / count)
    return values


def has_labels(loss: Loss, target: np.ndarray) -> bool:
    """Whether any row has a label."""
    return any(_wanted(loss, target))


def _wanted(loss: Any, target: np.ndarray) -> list[list[int]]:
    return [row[row != loss.padding].tolist() for row in target]
