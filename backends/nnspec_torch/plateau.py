"""Writes what reduces the learning rate where a measure of the epochs gets no better."""

from __future__ import annotations

from nnspec.emit.code import call, wrap
from nnspec.emit.tree import Name
from nnspec.language.metrics_by_output import reported_metrics
from nnspec.language.schedules.plateau import Plateau
from nnspec.language.training_schema import Data, Training
from nnspec.language.watching import better_of, watched


def plateau_source(training: Training, schedule: Plateau, data: Data | None) -> str:
    """Return the definition of `make_scheduler`."""
    made = call(
        "torch.optim.lr_scheduler.ReduceLROnPlateau",
        ("optimizer", Name("optimizer")),
        mode=mode_of(training, schedule, data),
        factor=schedule.factor,
        patience=schedule.patience,
        threshold=schedule.threshold,
        cooldown=schedule.cooldown,
        min_lr=schedule.minimum,
        eps=0.0,
    )
    return "\n".join(
        [
            "def make_scheduler(",
            "    optimizer: torch.optim.Optimizer,",
            ") -> torch.optim.lr_scheduler.ReduceLROnPlateau:",
            '    """Reduces the learning rate where a measure of the epochs gets no better."""',
            *wrap(f"return {made.render()}", 4),
        ]
    )


def mode_of(training: Training, schedule: Plateau, data: Data | None) -> str:
    """Return whether less or more is better of what the schedule watches."""
    record = schedule.watched
    name = watched(record, has_validation=data is not None and data.has_validation)
    return better_of(record, name, reported_metrics(training), training.metric_kind)
