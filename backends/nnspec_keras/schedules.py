"""The schedules in Keras; its own compute in float32 whatever the network does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nnspec.emit.code import Call, call
from nnspec.emit.training import row_of
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule, decay

_KERAS = "keras.optimizers.schedules"


def own_schedule(schedule: Schedule) -> Call:
    """Return what makes the class of the schedule's name that the source defines."""
    fields = {
        name: getattr(schedule, name)
        for name, field in type(schedule).model_fields.items()
        if name != "schedule" and getattr(schedule, name) != field.default
    }
    return call(f"{type(schedule).__name__}Schedule", **fields)


def _stock_cosine(schedule: decay.Cosine) -> Call:
    first, rise = schedule.peak, {}
    if schedule.warmup:
        first, rise = 0.0, {"warmup_target": schedule.peak, "warmup_steps": schedule.warmup}
    return call(
        f"{_KERAS}.CosineDecay",
        initial_learning_rate=first,
        decay_steps=schedule.steps - schedule.warmup,
        **({"alpha": schedule.end / schedule.peak} if schedule.end else {}),
        **rise,
    )


def _stock_exponential(schedule: decay.Exponential) -> Call:
    return call(
        f"{_KERAS}.ExponentialDecay",
        initial_learning_rate=schedule.initial,
        decay_steps=schedule.steps,
        decay_rate=schedule.factor,
        **({"staircase": True} if schedule.staircase else {}),
    )


SCHEDULES: Mapping[type[Schedule], Callable[..., Call]] = {
    decay.Cosine: _stock_cosine,
    decay.Exponential: _stock_exponential,
}
"""Schedule -> Keras's own, for `stock`; `own_schedule` where it has none."""


def rate_of(optimizer: Optimizer, *, stock: bool) -> float | Call:
    """Return the learning rate: a number, or what makes the schedule."""
    rate = optimizer.learning_rate
    if not isinstance(rate, Schedule):
        return rate
    if not stock:
        return own_schedule(rate)
    return row_of(SCHEDULES, rate, f"the schedule {rate.schedule}")(rate)
