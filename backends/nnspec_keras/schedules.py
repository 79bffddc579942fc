"""The schedules in Keras; its own compute in float32 whatever the network does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from nnspec.emit.code import Call, call
from nnspec.emit.training import row_of
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule, Warmed, chains, cycles, decay, falling, plateau

_KERAS = "keras.optimizers.schedules"


def own_schedule(schedule: Schedule) -> Call:
    """Return what makes the class of the schedule's name that the source defines."""
    fields = {
        name: getattr(schedule, name)
        for name, field in type(schedule).model_fields.items()
        if name != "schedule" and getattr(schedule, name) != field.default
    }
    fields = {key: list(x) if isinstance(x, tuple) else x for key, x in fields.items()}
    if isinstance(schedule, chains.Chained):
        fields["schedules"] = [_warmed(part) for part in schedule.parts]
    cycles = "Momentum" if fields.pop("cycle_momentum", False) else ""
    return call(f"{type(schedule).__name__}{cycles}Schedule", **fields)


def _warmed(schedule: Schedule, make: Callable[..., Call] = own_schedule) -> Call:
    """Return the schedule, after its warm-up if it has one."""
    if not isinstance(schedule, Warmed) or not schedule.warmup:
        return make(schedule)
    cold = schedule.model_copy(update={"warmup": 0, **_shortened(schedule)})
    kind = "MomentumWarmUp" if schedule.cycles_momentum else "WarmUp"
    return call(kind, ("schedule", make(cold)), warmup=schedule.warmup)


def _shortened(schedule: Warmed) -> dict[str, int]:
    if isinstance(schedule, falling.Whole):
        return {"steps": schedule.steps - schedule.warmup}
    return {}


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


def _stock_piecewise(rates: Iterable[float], milestones: Iterable[int]) -> Call:
    # Keras's boundaries are the last steps of their rates.
    return call(
        f"{_KERAS}.PiecewiseConstantDecay",
        boundaries=[turn - 1 for turn in milestones],
        values=list(rates),
    )


def _stock_polynomial(schedule: falling.Linear | falling.Polynomial) -> Call:
    power = schedule.power if isinstance(schedule, falling.Polynomial) else 1.0
    return call(
        f"{_KERAS}.PolynomialDecay",
        initial_learning_rate=schedule.initial,
        decay_steps=schedule.steps,
        end_learning_rate=schedule.end,
        power=power,
    )


def _stock_restarts(schedule: cycles.CosineRestarts) -> Call:
    return call(
        f"{_KERAS}.CosineDecayRestarts",
        initial_learning_rate=schedule.peak,
        first_decay_steps=schedule.steps,
        t_mul=float(schedule.growth),
        m_mul=schedule.factor,
        alpha=schedule.end / schedule.peak,
    )


SCHEDULES: Mapping[type[Schedule], Callable[..., Call]] = {
    decay.Cosine: _stock_cosine,
    decay.Exponential: _stock_exponential,
    falling.Constant: own_schedule,
    falling.Step: lambda schedule: call(
        f"{_KERAS}.ExponentialDecay",
        initial_learning_rate=schedule.initial,
        decay_steps=schedule.steps,
        decay_rate=schedule.factor,
        staircase=True,
    ),
    falling.MultiStep: lambda schedule: _stock_piecewise(
        [
            schedule.initial * schedule.factor**times
            for times in range(len(schedule.milestones) + 1)
        ],
        schedule.milestones,
    ),
    falling.PiecewiseConstant: lambda schedule: _stock_piecewise(
        schedule.rates, schedule.milestones
    ),
    falling.Linear: _stock_polynomial,
    falling.Polynomial: _stock_polynomial,
    falling.InverseSqrt: own_schedule,
    falling.InverseTime: lambda schedule: call(
        f"{_KERAS}.InverseTimeDecay",
        initial_learning_rate=schedule.initial,
        decay_steps=schedule.steps,
        decay_rate=schedule.decay,
        staircase=schedule.staircase,
    ),
    cycles.CosineRestarts: _stock_restarts,
    cycles.OneCycle: own_schedule,
    cycles.Cyclical: own_schedule,
    chains.Chained: own_schedule,
    plateau.Plateau: own_schedule,
}
"""Schedule -> Keras's own, for `stock`; `own_schedule` where it has none."""


def rate_of(optimizer: Optimizer, *, stock: bool) -> float | Call:
    """Return the learning rate: a number, or what makes the schedule."""
    rate = optimizer.learning_rate
    if not isinstance(rate, Schedule):
        return rate
    if isinstance(rate, plateau.Plateau):
        return rate.initial
    if not stock:
        return _warmed(rate)
    return _warmed(rate, row_of(SCHEDULES, rate, f"the schedule {rate.schedule}"))
