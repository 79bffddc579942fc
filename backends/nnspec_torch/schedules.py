"""Writes the schedule of the learning rate: its factor of each step, and what applies it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from nnspec.emit.code import literal
from nnspec.emit.training import indented, row_of
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule, decay

FACTOR = "learning_rate_factor"


class Factor(NamedTuple):
    """The multiple of the base rate at `step`: a docstring, lines, and modules that they use."""

    summary: str
    lines: list[str]
    modules: frozenset[str] = frozenset()


_MATH = frozenset({"math"})


def _cosine(schedule: decay.Cosine) -> Factor:
    warmup, steps = schedule.warmup, schedule.steps - schedule.warmup
    end = schedule.end / schedule.peak
    wave = "(1 + math.cos(math.pi * progress)) / 2"
    last = f"return {literal(end)} + {literal(1 - end)} * {wave}" if end else f"return {wave}"
    down = f"Half a cosine wave down to {literal(end)} in {steps} steps"
    if not warmup:
        return Factor(f"{down}.", [f"progress = min(step / {steps}, 1.0)", last], _MATH)
    return Factor(
        f"{down}, after a linear rise in {warmup}.",
        [
            f"if step < {warmup}:",
            f"    return step / {warmup}",
            f"progress = min((step - {warmup}) / {steps}, 1.0)",
            last,
        ],
        _MATH,
    )


def _exponential(schedule: decay.Exponential) -> Factor:
    factor, steps = literal(schedule.factor), schedule.steps
    times, how = ("//", "at once") if schedule.staircase else ("/", "little by little")
    summary = f"Times {factor} every {steps} steps, {how}."
    return Factor(summary, [f"return {factor} ** (step {times} {steps})"])


SCHEDULES: Mapping[type[Schedule], Callable[..., Factor]] = {
    decay.Cosine: _cosine,
    decay.Exponential: _exponential,
}
"""Schedule -> its factor of each step."""


def _made(schedule: Schedule) -> Factor:
    return row_of(SCHEDULES, schedule, f"the schedule {schedule.schedule}")(schedule)


def scheduler_modules(optimizer: Optimizer) -> frozenset[str]:
    """Return the modules that the schedule uses, if there is one."""
    rate = optimizer.learning_rate
    return _made(rate).modules if isinstance(rate, Schedule) else frozenset()


def has_schedule(optimizer: Optimizer) -> bool:
    """Whether the learning rate changes from step to step."""
    return isinstance(optimizer.learning_rate, Schedule)


def base_rate(optimizer: Optimizer) -> float:
    """Return the learning rate that the optimizer is made with."""
    rate = optimizer.learning_rate
    return rate.base if isinstance(rate, Schedule) else rate


def scheduler_source(optimizer: Optimizer) -> list[str]:
    """Return the definitions of the schedule, if there is one."""
    schedule = optimizer.learning_rate
    if not isinstance(schedule, Schedule):
        return []
    factor = _made(schedule)
    return [
        "\n".join(
            [
                f"def {FACTOR}(step: int) -> float:",
                f'    """{factor.summary}"""',
                *indented(factor.lines),
            ]
        ),
        "\n".join(
            [
                "def make_scheduler(",
                "    optimizer: torch.optim.Optimizer,",
                ") -> torch.optim.lr_scheduler.LRScheduler:",
                '    """The learning rate of each step, counted from 0."""',
                f"    return torch.optim.lr_scheduler.LambdaLR(optimizer, {FACTOR})",
            ]
        ),
    ]
