"""Learning rates that follow what the epochs of a run have measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nnspec.backend import Trainable
from nnspec.backend.programs import Paced
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Training
from nnspec.training.history import Epoch
from nnspec.training.watching import plateau_of, watched_by


def set_rate(
    program: Trainable, training: Training, history: Sequence[Epoch], *, has_validation: bool
) -> None:
    """Give the program the rate that follows from its epochs, if it follows from them."""
    record = plateau_of(training)
    if record is None or not history:
        return
    from nnspec.language.schedules.plateau import Plateau

    schedule = training.optimizer.learning_rate
    assert isinstance(schedule, Plateau)
    assert isinstance(program, Paced)
    measure = watched_by(record, training, has_validation=has_validation)
    values = [epoch.values[measure.name] for epoch in history]
    program.set_learning_rate(schedule.rates(values, is_less=measure.is_less)[-1])


def rates_of(training: Training, history: Sequence[Epoch], rows: int) -> list[float] | None:
    """Return the learning rate of each epoch's last step, None where it is the same always.

    rows: how many an epoch trains on.
    """
    optimizer = training.optimizer
    if not isinstance(optimizer.learning_rate, Schedule):
        return None
    record = plateau_of(training)
    if record is not None:
        from nnspec.language.schedules.plateau import Plateau

        assert isinstance(optimizer.learning_rate, Plateau)
        measure = watched_by(record, training, has_validation="val_loss" in history[0].values)
        values = [epoch.values[measure.name] for epoch in history]
        found = optimizer.learning_rate.rates(values, is_less=measure.is_less)
        # The first epoch has the first rate, and each other what follows from those before it.
        return [optimizer.learning_rate.base, *found][: len(history)]
    batches = math.ceil(rows / training.batch_size)
    taken = [each.number * batches // training.accumulate for each in history]
    return [optimizer.rate(max(steps - 1, 0)) for steps in taken]


def rate_of(training: Training, history: Sequence[Epoch], rows: int) -> float:
    """Return the learning rate of the last epoch's last step."""
    rates = rates_of(training, history, rows)
    return training.optimizer.rate(0) if rates is None else rates[-1]
