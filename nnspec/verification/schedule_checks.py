"""The learning rate of each source by itself, against the spec's schedule over its length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nnspec.backend.programs import Paced
from nnspec.language.metrics_by_output import reported_metrics
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule
from nnspec.language.schedules.plateau import Plateau
from nnspec.language.training_schema import Training
from nnspec.language.watching import better_of, watched
from nnspec.verification.tolerance import EXACT

if TYPE_CHECKING:
    from nnspec.backend import Inspectable

FIRST = 32
"""Steps that are all looked at."""
FALLS, MOST_EPOCHS, NEAR = 12, 10_000, 1e-3
"""Of a rate that follows what epochs measure; how near a measure comes to the threshold."""
LATER = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.5, 10.0)
"""Further steps to compare, in lengths of each phase of the schedule."""


def rate_errors(program: Inspectable, optimizer: Optimizer) -> tuple[float, list[str]]:
    """Return the largest error of a learning rate, relative to the base rate, and what shows it."""
    schedule = optimizer.learning_rate
    if not isinstance(schedule, Schedule):
        return 0.0, []
    worst, at = 0.0, 0
    for step in steps_of(schedule):
        error = abs(program.learning_rate(step) - schedule.at(step)) / schedule.base
        error = math.inf if math.isnan(error) else error
        if error > worst:
            worst, at = error, step
    if worst <= EXACT:
        return worst, []
    actual, expected = program.learning_rate(at), schedule.at(at)
    found = f"the learning rate after {at} steps is {actual:.6g}, and should be {expected:.6g}"
    return worst, [found]


def plateau_errors(
    program: Paced, training: Training, *, has_validation: bool
) -> tuple[float, list[str]]:
    """Return the largest error of the rate after epochs whose measures are made for it."""
    schedule = training.optimizer.learning_rate
    assert isinstance(schedule, Plateau)
    name = watched(schedule.watched, has_validation=has_validation)
    mode = better_of(schedule.watched, name, reported_metrics(training), training.metric_kind)
    is_less = mode == "min"
    share = -schedule.threshold if is_less else schedule.threshold
    waits = min(schedule.patience + schedule.cooldown + 1, MOST_EPOCHS)
    # Just not better and just better, each for as long as it takes to show.
    values, best = [1.0], 1.0
    for _ in range(2):
        values += [best * (1 + share * (1 - NEAR))] * waits
        best *= 1 + share * (1 + NEAR)
        values.append(best)
    values += [best] * min(waits * FALLS, MOST_EPOCHS) + [0.5 * best, 2 * best, *[best] * waits]
    given = program.rates_on_plateau(values, name)
    expected = schedule.rates(values, is_less=is_less)
    errors = [abs(a - b) for a, b in zip(given, expected, strict=True)]
    worst = max(errors) / schedule.base
    if worst <= EXACT:
        return worst, []
    number = next(i for i, error in enumerate(errors) if error > EXACT * schedule.base)
    return worst, [
        f"on a plateau the learning rate after {number + 1} epochs is {given[number]:.6g}, and "
        f"should be {expected[number]:.6g}"
    ]


def steps_of(schedule: Schedule) -> list[int]:
    """Return the steps whose rates are compared: the first, and those around each phase's end."""
    found = set(range(FIRST))
    for length in schedule.turns():
        for part in LATER:
            step = int(part * length)
            found |= {max(step - 1, 0), step, step + 1}
    return sorted(found)
