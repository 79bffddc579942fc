"""Learning rates that follow what the epochs of a run have measured."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.backend import Trainable
from nnspec.backend.programs import Paced
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
