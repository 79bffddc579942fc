"""Writes what cycles: the phases of a rate, and a momentum that runs against it."""

from __future__ import annotations

from nnspec.emit.code import literal
from nnspec.emit.training import indented
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import cycles

MOMENTUM = "cycled_momentum"
"""The function that gives it, by the number of the step."""
_SET = {
    "momentum": 'group["momentum"] = momentum',
    "beta_1": 'group["betas"] = (momentum, group["betas"][1])',
}
"""Field that is cycled -> the statement that sets it."""


def in_phases(schedule: cycles.OneCycle, values: list[float]) -> list[str]:
    """Return the lines of what goes by these values, the first and one of each phase's end."""
    begin, start = 0.0, values[0]
    lines: list[str] = []
    phases = list(zip(schedule.ends(), values[1:], strict=True))
    for number, (last, end) in enumerate(phases):
        if number == len(phases) - 1:
            lines.append("else:")
            progress = f"min((step - {literal(begin)}) / {literal(last - begin)}, 1.0)"
        else:
            lines.append(f"{'el' if number else ''}if step <= {literal(last)}:")
            progress = (
                f"(step - {literal(begin)}) / {literal(last - begin)}"
                if number
                else (f"step / {literal(last)}")
            )
        lines += [
            f"    start, end = {literal(start)}, {literal(end)}",
            f"    progress = {progress}",
        ]
        begin, start = last, end
    if schedule.linear:
        lines.append("return start + (end - start) * progress")
    else:
        lines.append("return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2")
    return lines


def height_of(schedule: cycles.Cyclical) -> tuple[list[str], str]:
    """Return lines, and the part of the way up that they find."""
    up = schedule.steps
    down = schedule.down or up
    lines = [
        f"cycle, at = divmod(step, {up + down})"
        if schedule.halving
        else f"at = step % {up + down}",
        f"height = at / {up} if at <= {up} else ({up + down} - at) / {down}",
    ]
    height = "height"
    if schedule.halving:
        height += " / 2.0 ** min(cycle, 1000)"
    if schedule.factor != 1:
        height += f" * {literal(schedule.factor)}**step"
    return lines, height


def cycling_class(of: str) -> str:
    """Return the name of the class that sets the momentum. of: such as "generator_"."""
    return f"{of.removesuffix('_').capitalize()}CyclingLR"


def cycling_source(optimizer: Optimizer, of: str = "") -> list[str]:
    """Return the definitions of a scheduler that sets a momentum as well, if it is one."""
    schedule = optimizer.learning_rate
    if not optimizer.cycles_momentum or optimizer.cycled is None:
        return []
    assert isinstance(schedule, cycles.OneCycle | cycles.Cyclical)
    lines, summary = _momentum(schedule)
    name = optimizer.cycled
    return [
        "\n".join(
            [
                f"def {of}{MOMENTUM}(step: int) -> float:",
                f'    """{summary}"""',
                *indented(lines),
            ]
        ),
        "\n".join(
            [
                f"class {cycling_class(of)}(torch.optim.lr_scheduler.LambdaLR):",
                f'    """A learning rate that is set by its factor, and a {name} beside it."""',
                "",
                "    def get_lr(self) -> list[float | Tensor]:",
                f"        momentum = {of}{MOMENTUM}(self.last_epoch)",
                "        for group in self.optimizer.param_groups:",
                f"            {_SET[name]}",
                "        return super().get_lr()",
            ]
        ),
    ]


def _momentum(schedule: cycles.OneCycle | cycles.Cyclical) -> tuple[list[str], str]:
    """Return the lines of the function, and its docstring."""
    least, most = literal(schedule.base_momentum), literal(schedule.max_momentum)
    if isinstance(schedule, cycles.OneCycle):
        summary = f"Down from {most} to {least} and up again, once in {schedule.steps} steps."
        return in_phases(schedule, schedule.momenta()), summary
    lines, height = height_of(schedule)
    if schedule.warmup:
        lines.insert(0, f"step = max(step - {schedule.warmup}, 0)")
    summary = f"Lines down from {most} to {least} and up again, against the learning rate."
    return [*lines, f"return {most} - ({most} - {least}) * {height}"], summary
