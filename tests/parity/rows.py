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
    "one_cycle of momentum": {
        "schedule": "one_cycle", "peak": 1.0, "steps": 26, "three_phase": True,
        "cycle_momentum": True, "base_momentum": 0.6,
    },
    "cyclical of momentum": {
        "schedule": "cyclical", "initial": 0.1, "peak": 1.0, "steps": 5, "down": 3, "warmup": 2,
        "factor": 0.97, "cycle_momentum": True, "base_momentum": 0.5,
    },
    "plateau": {"initial": 1.0},
    "chained": {
        "schedules": [
            {"schedule": "linear", "initial": 0.2, "end": 1.0, "steps": 8},
            {"schedule": "exponential", "initial": 1.0, "factor": 0.5, "steps": 9},
        ],
        "lengths": [9],
    },
}  # fmt: skip
"""Each schedule such that it turns within the steps, in multiples of the optimizer's own rate."""

CYCLED = ("one_cycle of momentum", "cyclical of momentum")
"""Those of an optimizer that has a momentum."""


class Row(NamedTuple):
    """What is trained: names of KINDS, SETTINGS, CLIPS and PENALTIES, None for none."""

    optimizer: str
    schedule: str | None = None
    clip: str | None = None
    penalty: str | None = None
    accumulate: int = 1

    @property
    def name(self) -> str:
        """All of it as a text."""
        said = [self.schedule or "constant rate", self.clip and f"clip {self.clip}", self.penalty]
        if self.accumulate > 1:
            said.append(f"accumulate {self.accumulate}")
        return f"{self.optimizer}: {', '.join(filter(None, said))}"

    @property
    def training(self) -> dict[str, Any]:
        """The section of the spec, without its task."""
        kind = KINDS[self.optimizer]
        optimizer = dict(kind)
        found: dict[str, Any] = {"optimizer": optimizer}
        if self.schedule is not None:
            rate = OPTIMIZERS[kind["type"]].model_fields["learning_rate"].default
            settings = {"schedule": self.schedule, **SETTINGS[self.schedule]}
            optimizer["learning_rate"] = scaled(settings, rate)
        if self.penalty is not None:
            optimizer[self.penalty] = PENALTIES[self.penalty]
        if self.clip is not None:
            found["clip"] = {self.clip: CLIPS[self.clip]}
        if self.accumulate > 1:
            found["accumulate"] = self.accumulate
        return found

    @property
    def batches(self) -> int:
        """How many are needed for the optimizer steps."""
        return STEPS * self.accumulate


CLIPS = {"norm": 0.05, "norm_each": 0.03, "value": 0.01}
"""Such that they limit some of the gradients."""
PENALTIES: dict[str, Any] = {"l2": 0.05, "decay": {"rate": 0.5, "of": "weights"}}
ACCUMULATIONS = (1, 3)
RATES = ("peak", "initial", "end", "rates")
"""Fields of schedules that are rates."""
KINDS: dict[str, dict[str, Any]] = {
    **{kind: {"type": kind} for kind in OPTIMIZERS},
    "amsgrad": {"type": "adam", "amsgrad": True},
    "nesterov": {"type": "sgd", "momentum": 0.9, "nesterov": True},
    "momentum": {"type": "sgd", "momentum": 0.9, "dampening": 0.3},
    "rms_prop, centered": {"type": "rms_prop", "centered": True, "momentum": 0.5},
    "adam of groups": {
        "type": "adam",
        "groups": [
            {"match": "ids.*", "l2": 0.1},
            {"match": "memory.*", "l2": 0.01, "decay": 0.1},
        ],
    },
}
"""The optimizers, and what options make others of them."""


def rows() -> Iterator[Row]:
    """Yield the rows: each optimizer with each schedule, and by turns with all else."""
    # 4, 3 and 2 settings by turns: fifteen rows of an optimizer meet each, and all meet all.
    clips, penalties = itertools.cycle((None, *CLIPS)), itertools.cycle((None, *PENALTIES))
    count = itertools.count()
    for kind, record in KINDS.items():
        takes = OPTIMIZERS[record["type"]].takes_schedule
        cycled = CYCLED if OPTIMIZERS[record["type"]].cycled else ()
        # What takes no schedule meets as many settings of all else.
        for schedule in (None, *SCHEDULES, *cycled):
            accumulate = ACCUMULATIONS[next(count) // 12 % 2]
            yield Row(kind, schedule if takes else None, next(clips), next(penalties), accumulate)


def scaled(settings: dict[str, Any], rate: float) -> dict[str, Any]:
    """Return a schedule with its rates in the place of multiples of one."""

    def multiplied(key: str, value: Any) -> Any:
        if key == "schedules":
            return [scaled(each, rate) for each in value]
        if key not in RATES:
            return value
        return [each * rate for each in value] if isinstance(value, list) else value * rate

    return {key: multiplied(key, value) for key, value in settings.items()}
