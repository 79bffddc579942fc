"""Notes of a run on what only its rows show; each begins with its code (`nnspec explain CODE`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np

from nnspec.data.dataset import Dataset
from nnspec.data.preprocessing import KEY, Preprocessing
from nnspec.errors import DataError
from nnspec.language.averages import Average
from nnspec.language.objectives import training_of
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Training
from nnspec.training.comparing import counted_target
from nnspec.weights.stored import Array, StoredWeights

_SHARE = 0.9
"""The share of one class from which accuracy says little."""
_FORGOTTEN = 0.5
"""The share of the first weights that an average may still be."""
_BEYOND = 1.2
"""The multiple of a run that a schedule may be long."""


def notes_on(training: Training, data: Dataset, epochs: int) -> Iterator[str]:
    """Yield what of the rows and of the number of steps is worth a second look."""
    yield from _unbalanced(training, data)
    rate = training.optimizer.learning_rate
    if isinstance(rate, Schedule):
        yield from _long(rate, training, len(data.train), epochs)
    if training.average is not None:
        yield from _late(training.average, _steps(training, len(data.train), epochs))


def _unbalanced(training: Training, data: Dataset) -> Iterator[str]:
    target = data.train.target
    if not isinstance(target, dict):
        yield from _told(training, target, data.preprocessing.labels)
        return
    answers = data.preprocessing.answers or {}
    for output, values in target.items():
        labels = answers[output].labels if output in answers else None
        of = f' of "{output}"' if len(target) > 1 else ""
        yield from _told(training_of(training, output), values, labels, of)


def _told(
    training: Training, target: Array, labels: Sequence[str] | None, of: str = ""
) -> Iterator[str]:
    """Yield that nearly all targets of an output are one class, where accuracy alone is measured.

    of: which output, in words, where there are several.
    """
    if training.kind == "regression" or [each.type for each in training.resolved_metrics] != [
        "accuracy"
    ]:
        return
    loss = training.resolved_loss
    if loss.compares:
        return
    is_dense = target.dtype.kind != "i"
    target = counted_target(loss, target, target.ndim - is_dense)
    if training.kind == "multiclass" and target.dtype.kind != "i":
        target = target.argmax(axis=-1)
    if not len(target):
        return
    values, counts = np.unique(target, return_counts=True)
    share = float(counts.max() / counts.sum())
    if share < _SHARE or len(values) < 2:
        return
    number = int(values[counts.argmax()])
    name = f'"{labels[number]}"' if labels is not None else f"the class {number}"
    yield (
        f"unbalanced-classes: {share:.1%} of the training rows{of} are {name}, so that always "
        "saying so has that accuracy; add metrics that count each class"
    )


def _long(rate: Schedule, training: Training, rows: int, epochs: int) -> Iterator[str]:
    steps = _steps(training, rows, epochs)
    length = 0 if rate.is_relative else max(rate.turns(), default=0)
    if length > _BEYOND * max(steps, 1):
        yield (
            f"long-schedule: the schedule {rate.schedule} turns last at step {length:,}, and the "
            f"run takes {steps:,} optimizer steps: the rate never gets there"
        )


def _late(average: Average, steps: int) -> Iterator[str]:
    if average.type == "swa" and not average.has_begun(steps):
        yield (
            f"late-average: swa starts at step {average.start:,}, and the run takes {steps:,} "
            "optimizer steps: there is no average, and the weights themselves are kept"
        )
    # The weight of the first weights, which an ema begins as.
    left = average.decay ** max(steps - 1, 0)
    if average.type == "ema" and left > _FORGOTTEN:
        yield (
            f"late-average: after the {steps:,} optimizer steps of the run {left:.0%} of the ema "
            f"are the weights of the first step: a decay of {average.decay:g} is of longer runs"
        )


def _steps(training: Training, rows: int, epochs: int) -> int:
    return math.ceil(rows / training.batch_size) * epochs // training.accumulate


def changes_since(weights: Mapping[str, Array] | None, data: Dataset) -> list[str]:
    """Return what these rows mean otherwise than those that first weights were trained on."""
    record = weights.metadata.get(KEY) if isinstance(weights, StoredWeights) else None
    with suppress(DataError):  # another program's record may stand there
        if record is not None:
            return data.preprocessing.changes_since(Preprocessing.from_json(record))
    return []
