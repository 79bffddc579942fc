"""Writes the schedule of the learning rate: its factor of each step, and what applies it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from nnspec.emit.code import literal, short, wrap
from nnspec.emit.training import indented, row_of
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule, Warmed, chains, cycles, decay, falling, plateau
from nnspec_torch.cycling import cycling_class, cycling_source, height_of, in_phases

FACTOR = "learning_rate_factor"


class Factor(NamedTuple):
    """The multiple of the base rate at `step`: a docstring, lines, and modules that they use."""

    summary: str
    lines: list[str]
    modules: frozenset[str] = frozenset()
    before: tuple[str, ...] = ()
    """Functions that it calls."""
    takes_step: bool = True


_MATH = frozenset({"math"})


def _share(part: float, whole: float) -> str:
    """Return the expression of what a number is of another."""
    return short(part / whole, f"{literal(part)} / {literal(whole)}")


def _less(first: float, second: float, exprs: tuple[str, str]) -> str:
    """Return the expression of a difference, by those of its terms; a factor can follow it."""
    return short(first - second, "({} - {})".format(*exprs))


def _told(value: float) -> str:
    """Return a number as a docstring names it."""
    return short(value, f"{value:.6g}")


def _cosine(schedule: decay.Cosine) -> Factor:
    warmup, steps = schedule.warmup, schedule.steps - schedule.warmup
    end, low = schedule.end / schedule.peak, _share(schedule.end, schedule.peak)
    wave = "(1 + math.cos(math.pi * progress)) / 2"
    last = f"return {low} + {_less(1, end, ('1', low))} * {wave}" if end else f"return {wave}"
    down = f"Half a cosine wave down to {_told(end)} in {steps} steps"
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


def _step(schedule: falling.Step) -> Factor:
    factor = literal(schedule.factor)
    return Factor(
        f"Times {factor} every {schedule.steps} steps.",
        [f"return {factor} ** (step // {schedule.steps})"],
    )


def _multi_step(schedule: falling.MultiStep) -> Factor:
    factor, turns = literal(schedule.factor), _listed(schedule.milestones)
    return Factor(
        f"Times {factor} after each of several numbers of steps.",
        [f"return {factor} ** sum(step >= turn for turn in {turns})"],
    )


def _piecewise(schedule: falling.PiecewiseConstant) -> Factor:
    shares = _listed(_share(rate, schedule.base) for rate in schedule.rates)
    return Factor(
        "One of several, by the number of steps.",
        [
            f"turns = {_listed(schedule.milestones)}",
            f"return {shares}[sum(step >= turn for turn in turns)]",
        ],
    )


def _linear(schedule: falling.Linear) -> Factor:
    start, end = schedule.initial / schedule.base, schedule.end / schedule.base
    exprs = _share(schedule.initial, schedule.base), _share(schedule.end, schedule.base)
    steps = schedule.steps - schedule.warmup
    summary = f"From {_told(start)} to {_told(end)} in {steps} steps, evenly."
    if start == end:
        return Factor(summary, [f"return {exprs[0]}"], takes_step=False)
    lines = [f"progress = min(step / {steps}, 1.0)", f"return {_between(start, end, exprs)}"]
    return Factor(summary, lines)


def _between(start: float, end: float, exprs: tuple[str, str]) -> str:
    """Return the expression of a line from one factor to another, by `progress`."""
    if not end and start == 1:
        return "1 - progress"
    way = end - start
    size = _less(end, start, exprs[::-1]) if way > 0 else _less(start, end, exprs)
    change = "progress" if way == 1 else f"{size} * progress"
    sign = "+" if way > 0 else "-"
    return f"{exprs[0]} {sign} {change}"


def _polynomial(schedule: falling.Polynomial) -> Factor:
    start, end = schedule.initial / schedule.base, schedule.end / schedule.base
    exprs = _share(schedule.initial, schedule.base), _share(schedule.end, schedule.base)
    steps, power = schedule.steps - schedule.warmup, schedule.power
    left = "left" if power == 1 else f"left**{literal(power)}"
    way = left if start - end == 1 else f"{_less(start, end, exprs)} * {left}"
    return Factor(
        f"From {_told(start)} to {_told(end)} in {steps} steps, by a power.",
        [
            f"left = 1 - min(step / {steps}, 1.0)",
            f"return {exprs[1]} + {way}" if end else f"return {way}",
        ],
    )


def _inverse_time(schedule: falling.InverseTime) -> Factor:
    steps, times = schedule.steps, "//" if schedule.staircase else "/"
    decay = "" if schedule.decay == 1 else f"{literal(schedule.decay)} * "
    inner = f"step {times} {steps}" if not decay else f"(step {times} {steps})"
    return Factor(
        f"One over a number that grows by {literal(schedule.decay)} in {steps} steps.",
        [f"return 1 / (1 + {decay}{inner})"],
    )


def _restarts(schedule: cycles.CosineRestarts) -> Factor:
    end, growth = schedule.end / schedule.peak, schedule.growth
    low = _share(schedule.end, schedule.peak)
    factor = literal(schedule.factor)
    fades = schedule.factor != 1
    if growth == 1:
        lines = [f"height = {factor} ** (step // {schedule.steps})"] if fades else []
        lines.append(f"progress = step % {schedule.steps} / {schedule.steps}")
    else:
        lines = [
            f"length, height = {schedule.steps}, 1.0" if fades else f"length = {schedule.steps}",
            "while step >= length:",
            "    step -= length",
            f"    length *= {growth}",
            *([f"    height *= {factor}"] if fades else []),
            "progress = step / length",
        ]
    parts = [*([_less(1, end, ("1", low))] if end else []), *(["height"] if fades else [])]
    wave = " * ".join([*parts, "(1 + math.cos(math.pi * progress)) / 2"])
    lines.append(f"return {low} + {wave}" if end else f"return {wave}")
    return Factor(f"Half cosine waves down to {_told(end)}, again and again.", lines, _MATH)


def _one_cycle(schedule: cycles.OneCycle) -> Factor:
    return Factor(
        f"Up to 1 and down again, once in {schedule.steps} steps.",
        in_phases(schedule, schedule.shares()),
        frozenset() if schedule.linear else _MATH,
    )


def _cyclical(schedule: cycles.Cyclical) -> Factor:
    value, low = schedule.initial / schedule.peak, _share(schedule.initial, schedule.peak)
    lines, height = height_of(schedule)
    whole = schedule.steps + (schedule.down or schedule.steps)
    summary = f"Lines up from {_told(value)} to 1 and down again, {whole} steps each cycle."
    return Factor(summary, [*lines, f"return {low} + {_less(1, value, ('1', low))} * {height}"])


def _chained(schedule: chains.Chained, name: str = "factor") -> Factor:
    """Return the calls of a function for each of the parts, under names that begin so."""
    base, lines, begin = schedule.base, [], 0
    before: list[str] = []
    modules: frozenset[str] = frozenset()
    for number, part in enumerate(schedule.parts, start=1):
        own = f"{name}_{number}"
        made = _made(part, own)
        modules |= made.modules
        before += [*made.before, _function(own, made)]
        scale = "" if part.base == base else f"{_share(part.base, base)} * "
        called = f"return {scale}{own}({f'step - {begin}' if begin else 'step'})"
        if number <= len(schedule.lengths):
            begin += schedule.lengths[number - 1]
            lines += [f"if step < {begin}:", f"    {called}"]
        else:
            lines.append(called)
    return Factor("Schedules one after another.", lines, modules, tuple(before))


def _listed(values: Iterable[float | str]) -> str:
    """Return a tuple of numbers, or of expressions of some."""
    given = [value if isinstance(value, str) else literal(value) for value in values]
    return f"({given[0]},)" if len(given) == 1 else f"({', '.join(given)})"


SCHEDULES: Mapping[type[Schedule], Callable[..., Factor]] = {
    decay.Cosine: _cosine,
    decay.Exponential: _exponential,
    falling.Constant: lambda schedule: Factor(
        "The same rate always.", ["return 1.0"], takes_step=False
    ),
    falling.Step: _step,
    falling.MultiStep: _multi_step,
    falling.PiecewiseConstant: _piecewise,
    falling.Linear: _linear,
    falling.Polynomial: _polynomial,
    falling.InverseSqrt: lambda schedule: Factor(
        f"One over a root of the steps, a half after {3 * schedule.steps}.",
        [f"return math.sqrt({schedule.steps} / ({schedule.steps} + step))"],
        _MATH,
    ),
    falling.InverseTime: _inverse_time,
    cycles.CosineRestarts: _restarts,
    cycles.OneCycle: _one_cycle,
    cycles.Cyclical: _cyclical,
    chains.Chained: _chained,
    plateau.Plateau: lambda schedule: Factor("1 until an epoch has ended.", []),
}
"""Schedule -> its factor of each step; of one that is warmed up, after that."""


def _function(name: str, factor: Factor) -> str:
    return "\n".join(
        [
            f"def {name}(step: int) -> float:",
            f'    """{factor.summary}"""',
            *indented(factor.lines),
        ]
    )


def _made(schedule: Schedule, name: str = "factor") -> Factor:
    row = row_of(SCHEDULES, schedule, f"the schedule {schedule.schedule}")
    made = row(schedule, name) if isinstance(schedule, chains.Chained) else row(schedule)
    if not isinstance(schedule, Warmed) or not schedule.warmup:
        return made
    warmup, first = schedule.warmup, schedule.after(0) / schedule.base
    rise = "step" if first == 1 else f"{literal(first)} * step"
    lines = [f"if step < {warmup}:", f"    return {rise} / {warmup}"]
    if made.takes_step:
        lines.append(f"step -= {warmup}")
    summary = f"{made.summary[:-1]}, after a linear rise in {warmup}."
    return made._replace(summary=summary, lines=[*lines, *made.lines])


def scheduler_modules(optimizer: Optimizer) -> frozenset[str]:
    """Return the modules that the schedule uses, if there is one."""
    rate = optimizer.learning_rate
    return _made(rate).modules if isinstance(rate, Schedule) else frozenset()


def has_schedule(optimizer: Optimizer) -> bool:
    """Whether the learning rate changes from step to step."""
    return isinstance(optimizer.learning_rate, Schedule) and not has_plateau(optimizer)


def has_plateau(optimizer: Optimizer) -> bool:
    """Whether the learning rate follows what the epochs measure."""
    return isinstance(optimizer.learning_rate, plateau.Plateau)


def base_rate(optimizer: Optimizer) -> float:
    """Return the learning rate that the optimizer is made with."""
    rate = optimizer.learning_rate
    return rate.base if isinstance(rate, Schedule) else rate


def scheduler_source(optimizer: Optimizer, of: str = "") -> list[str]:
    """Return the definitions of the schedule, if there is one.

    of: what their names say besides, such as "generator_".
    """
    schedule = optimizer.learning_rate
    if not isinstance(schedule, Schedule) or isinstance(schedule, plateau.Plateau):
        return []
    factor = _made(schedule, f"{of}factor")
    kind, told = "torch.optim.lr_scheduler.LambdaLR", "The learning rate"
    if optimizer.cycles_momentum:
        kind, told = cycling_class(of), f"The learning rate and {optimizer.cycled}"
    return [
        *factor.before,
        _function(f"{of}{FACTOR}", factor),
        *cycling_source(optimizer, of),
        "\n".join(
            [
                f"def make_{of}scheduler(",
                "    optimizer: torch.optim.Optimizer,",
                ") -> torch.optim.lr_scheduler.LRScheduler:",
                f'    """{told} of each step, counted from 0."""',
                *wrap(f"return {kind}(optimizer, {of}{FACTOR})", 4),
            ]
        ),
    ]
