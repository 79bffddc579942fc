"""Writes an update of the parameters: gradients accumulated and clipped, then the step."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.emit.code import literal
from nnspec.language.clipping import Clip
from nnspec.language.training_schema import Training
from nnspec_torch.schedules import has_schedule

NUMBER = "number"
"""The parameter of `train_step` that counts batches, where it takes some for one step."""


def names_of(training: Training) -> frozenset[str]:
    """Return the names that `train_step` has for itself beside those that it always has."""
    names = {NUMBER} if training.accumulate > 1 else set()
    if training.clip is not None and training.clip.norm_each is not None:
        names.add("parameter")
    return frozenset(names)


def told(training: Training) -> str:
    """Return the docstring of `train_step`."""
    if training.accumulate == 1:
        return "Take one step down the gradient; return the loss before it."
    return (
        f"Add the gradient of a batch, by its {NUMBER} from 0; step down the mean of every "
        f"{training.accumulate}."
    )


def update_lines(training: Training, loss: str, before: Sequence[str] = ()) -> list[str]:
    """Return the lines of `train_step`.

    loss: the expression of a batch's. before: the lines of what it takes.
    """
    count, step = training.accumulate, step_lines(training)
    if count == 1:
        return ["optimizer.zero_grad()", *before, f"loss = {loss}", "loss.backward()", *step]
    return [
        *before,
        f"loss = {loss}",
        f"(loss / {count}).backward()",
        f"if ({NUMBER} + 1) % {count} == 0:",
        *(f"    {line}" for line in (*step, "optimizer.zero_grad()")),
    ]


def step_lines(training: Training, model: str = "model") -> list[str]:
    """Return the lines of a step by the gradients that the parameters have."""
    return [
        *(_clip_lines(training.clip, model) if training.clip is not None else ()),
        "optimizer.step()",
        *(["scheduler.step()"] if has_schedule(training.optimizer) else []),
    ]


def _clip_lines(clip: Clip, model: str) -> list[str]:
    limit = literal(clip.given[clip.kind])
    if clip.kind == "value":
        return [f"nn.utils.clip_grad_value_({model}.parameters(), {limit})"]
    if clip.kind == "norm":
        return [f"nn.utils.clip_grad_norm_({model}.parameters(), {limit})"]
    return [
        f"for parameter in {model}.parameters():",
        f"    nn.utils.clip_grad_norm_(parameter, {limit})",
    ]
