"""The schedules in Keras; its own compute in float32 whatever the network does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nnspec.emit.code import Call, call
from nnspec.language import schedules
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule

_KERAS = "keras.optimizers.schedules"


def _cosine(schedule: schedules.Cosine, *, stock: bool) -> Call:
    if not stock:
        warmup = {"warmup": schedule.warmup} if schedule.warmup else {}
        end = {"end": schedule.end} if schedule.end else {}
        return call("CosineSchedule", peak=schedule.peak, steps=schedule.steps, **warmup, **end)
    first, given = schedule.peak, {}
    if schedule.warmup:
        first, given = 0.0, {"warmup_target": schedule.peak, "warmup_steps": schedule.warmup}
    return call(
        f"{_KERAS}.CosineDecay",
        initial_learning_rate=first,
        decay_steps=schedule.steps - schedule.warmup,
        **({"alpha": schedule.end / schedule.peak} if schedule.end else {}),
        **given,
    )


def _exponential(schedule: schedules.Exponential, *, stock: bool) -> Call:
    staircase = {"staircase": True} if schedule.staircase else {}
    if not stock:
        return call(
            "ExponentialSchedule",
            initial=schedule.initial,
            factor=schedule.factor,
            steps=schedule.steps,
            **staircase,
        )
    return call(
        f"{_KERAS}.ExponentialDecay",
        initial_learning_rate=schedule.initial,
        decay_steps=schedule.steps,
        decay_rate=schedule.factor,
        **staircase,
    )


SCHEDULES: Mapping[type[Schedule], Callable[..., Call]] = {
    schedules.Cosine: _cosine,
    schedules.Exponential: _exponential,
}
"""Schedule -> its constructor; `stock` asks for Keras's own."""


def rate_of(optimizer: Optimizer, *, stock: bool) -> float | Call:
    """Return the learning rate: a number, or what makes the schedule."""
    rate = optimizer.learning_rate
    return SCHEDULES[type(rate)](rate, stock=stock) if isinstance(rate, Schedule) else rate
