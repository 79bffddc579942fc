"""The learning rate of each source by itself, against the spec's schedule over its length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule
from nnspec.verification.tolerance import EXACT

if TYPE_CHECKING:
    from nnspec.backend import Inspectable

FIRST = 32
"""Steps that are all looked at."""
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


def steps_of(schedule: Schedule) -> list[int]:
    """Return the steps whose rates are compared: the first, and those around each phase's end."""
    found = set(range(FIRST))
    for length in schedule.turns():
        for part in LATER:
            step = int(part * length)
            found |= {max(step - 1, 0), step, step + 1}
    return sorted(found)
