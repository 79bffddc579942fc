"""Writes what reduces the learning rate where a measure of the epochs gets no better."""

from __future__ import annotations

from nnspec.emit.code import call, wrap
from nnspec.emit.snippets import snippets
from nnspec.language.metrics_by_output import reported_metrics
from nnspec.language.schedules.plateau import Plateau
from nnspec.language.training_schema import Data, Training
from nnspec.language.watching import better_of, watched

MADE = "make_plateau"


def plateau_source(training: Training, data: Data | None) -> list[str]:
    """Return the callback and the function that makes it, where the rate follows a measure."""
    schedule = training.optimizer.learning_rate
    if not isinstance(schedule, Plateau):
        return []
    record = schedule.watched
    name = watched(record, has_validation=data is not None and data.has_validation)
    made = call(
        "ReduceOnPlateau",
        monitor=name,
        mode=better_of(record, name, reported_metrics(training), training.metric_kind),
        factor=schedule.factor,
        patience=schedule.patience,
        threshold=schedule.threshold,
        cooldown=schedule.cooldown,
        minimum=schedule.minimum,
    )
    return [
        snippets("nnspec_keras.emitted", "plateau")["ReduceOnPlateau"].text,
        "\n".join(
            [
                f"def {MADE}() -> keras.callbacks.Callback:",
                '    """The callback of `fit` that reduces the learning rate."""',
                *wrap(f"return {made.render()}", 4),
            ]
        ),
    ]


def makes_plateau(training: Training) -> bool:
    """Whether the source makes the callback."""
    return isinstance(training.optimizer.learning_rate, Plateau)
