"""The rows: every optimizer with every schedule, and by turns with everything else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES

STEPS = 30
"""Optimizer steps of a row."""

SETTINGS: dict[str, dict[str, Any]] = {
    "cosine": {"peak": 1.0, "steps": 24, "warmup": 4, "end": 0.1},
    "exponential": {"initial": 1.0, "factor": 0.5, "steps": 10},
    "constant": {"initial": 1.0, "warmup": 5},
    "step": {"initial": 1.0, "factor": 0.5, "steps": 7},
    "multi_step": {"initial": 1.0, "factor": 0.3, "milestones": [8, 21]},
    "piecewise_constant": {"rates": [0.3, 1.0, 0.1], "milestones": [6, 19]},
    "linear": {"initial": 1.0, "end": 0.2, "steps": 24, "warmup": 4},
    "polynomial": {"initial": 1.0, "end": 0.1, "steps": 20, "power": 2.0},
    "inverse_sqrt": {"peak": 1.0, "steps": 5, "warmup": 5},
    "inverse_time": {"initial": 1.0, "decay": 0.5, "steps": 7},
    "cosine_restarts": {"peak": 1.0, "steps": 6, "growth": 2, "factor": 0.7, "end": 0.1},
    "one_cycle": {"peak": 1.0, "steps": 26},
    "cyclical": {"initial": 0.1, "peak": 1.0, "steps": 5, "down": 3, "halving": True},
    "chained": {
        "schedules": [
            {"schedule": "linear", "initial": 0.2, "end": 1.0, "steps": 8},
            {"schedule": "exponential", "initial": 1.0, "factor": 0.5, "steps": 9},
        ],
        "lengths": [9],
    },
}
"""Each schedule such that it turns within the steps, in multiples of the optimizer's own rate."""


class Row(NamedTuple):
    """What is trained: `training` is the section of the spec, without its task."""

    name: str
    training: dict[str, Any]

    @property
    def batches(self) -> int:
        """How many are needed for the optimizer steps."""
        return STEPS * int(self.training.get("accumulate", 1))


def schedules() -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield every schedule with its settings, first that there is none."""
    yield "constant rate", None
    for name in SCHEDULES:
        yield name, {"schedule": name, **SETTINGS[name]}


def rows() -> Iterator[Row]:
    """Yield the rows; each pair of an optimizer and anything else is in one at least."""
    for kind, (schedule, settings) in itertools.product(OPTIMIZERS, schedules()):
        optimizer: dict[str, Any] = {"type": kind}
        if settings is not None and not OPTIMIZERS[kind].takes_schedule:
            continue
        if settings is not None:
            optimizer["learning_rate"] = scaled(settings, rate_of(kind))
        yield Row(f"{kind}, {schedule}", {"optimizer": optimizer})


RATES = ("peak", "initial", "end", "rates")
"""Fields of schedules that are rates."""


def scaled(settings: dict[str, Any], rate: float) -> dict[str, Any]:
    """Return a schedule with its rates in the place of multiples of one."""

    def multiplied(key: str, value: Any) -> Any:
        if key == "schedules":
            return [scaled(each, rate) for each in value]
        if key not in RATES:
            return value
        return [each * rate for each in value] if isinstance(value, list) else value * rate

    return {key: multiplied(key, value) for key, value in settings.items()}


def rate_of(kind: str) -> float:
    """Return the rate that an optimizer has by default."""
    default = OPTIMIZERS[kind].model_fields["learning_rate"].default
    assert isinstance(default, float)
    return default
