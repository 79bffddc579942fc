"""Writes an update of the parameters: gradients accumulated and clipped, then the step."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.emit.code import literal
from nnspec.language.clipping import Clip
from nnspec.language.training_schema import Training
from nnspec_torch.options import TorchOptions
from nnspec_torch.schedules import has_schedule

NUMBER = "number"
"""The parameter of `train_step` that counts batches, where it takes some for one step."""
SCALER = "scaler"
"""The parameter of `train_step` that scales the loss, where gradients are of 16 bits."""
OWN = "own"
"""The variable of `train_step` with the rows that this process takes of a batch."""
_MIXED = {"bf16-mixed": "torch.bfloat16", "16-mixed": "torch.float16"}


def is_scaled(options: TorchOptions) -> bool:
    """Whether the loss is scaled, so that no gradient of 16 bits is too small for these."""
    return options.precision == "16-mixed"


def names_of(training: Training, options: TorchOptions) -> frozenset[str]:
    """Return the names that `train_step` has for itself beside those that it always has."""
    names = {NUMBER} if training.accumulate > 1 else set()
    if is_scaled(options):
        names.update((SCALER, "scale"))
    if options.processes:
        names.update((OWN, "output", "share", "gathered", "summed", "combine"))
    if options.sharded:
        names.update(("shard", "whole"))
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


def update_lines(
    training: Training,
    loss: str,
    before: Sequence[str] = (),
    options: TorchOptions | None = None,
    first: str = "",
) -> list[str]:
    """Return the lines of `train_step`.

    loss: the expression of a batch's. before: the lines of what it takes. first: the network's
    first input.
    """
    options = options or TorchOptions()
    count, step = training.accumulate, step_lines(training, is_scaled=is_scaled(options))
    forward = [*before, f"loss = {loss}"]
    if options.precision in _MIXED:
        mixed = f"with torch.autocast({first}.device.type, {_MIXED[options.precision]}):"
        forward = [mixed, *(f"    {line}" for line in forward)]
    down = "loss" if count == 1 else f"(loss / {count})"
    if is_scaled(options):
        down = f"{SCALER}.scale({'loss' if count == 1 else f'loss / {count}'})"
    # The mean of what was combined before is that again, so that batches may wait.
    is_combined = options.processes and not options.sharded  # else FSDP combines
    backward = [f"{down}.backward()", *(["combine(model)"] if is_combined else [])]
    if count == 1:
        return ["optimizer.zero_grad()", *forward, *backward, *step]
    return [
        *forward,
        *backward,
        f"if ({NUMBER} + 1) % {count} == 0:",
        *(f"    {line}" for line in (*step, "optimizer.zero_grad()")),
    ]


def step_lines(training: Training, model: str = "model", *, is_scaled: bool = False) -> list[str]:
    """Return the lines of a step by the gradients that the parameters have."""
    step = ["optimizer.step()"]
    clip = _clip_lines(training.clip, model) if training.clip is not None else []
    if is_scaled:
        clip = [f"{SCALER}.unscale_(optimizer)", *clip] if clip else clip
        step = [f"{SCALER}.step(optimizer)", f"{SCALER}.update()"]
    scheduled = ["scheduler.step()"] if has_schedule(training.optimizer) else []
    if is_scaled and scheduled:
        step = ["scale = scaler.get_scale()", *step]
        scheduled = [
            "if scaler.get_scale() >= scale:  # else there was no step",
            "    scheduler.step()",
        ]
    return [*clip, *step, *scheduled]


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
