"""Writes the average of the weights: PyTorch's own, updated after each step."""

from __future__ import annotations

from nnspec.emit.code import literal
from nnspec.emit.training import indented
from nnspec.language.averages import Average
from nnspec.language.optimizers import Optimizer
from nnspec_torch.optimizers import SOURCES

MADE, TAKEN = "make_average", "averaged"
_HEAD = f"def {MADE}(model: nn.Module, optimizer: torch.optim.Optimizer) -> AveragedModel:"
_TAKEN = f'''def {TAKEN}(model: nn.Module, average: AveragedModel) -> Any:
    """Return the average with the running statistics of the model."""
    if not average.n_averaged:
        return model
    buffers = zip(average.module.buffers(), model.buffers(), strict=True)
    for kept, live in buffers:
        kept.copy_(live)
    return average.module'''


def average_modules(average: Average | None, optimizer: Optimizer) -> frozenset[str]:
    """Return the names that the definitions import."""
    if optimizer.keeps_average:
        return frozenset({"AveragedModel"})
    if average is None:
        return frozenset()
    return frozenset(
        {"AveragedModel", *(["get_ema_multi_avg_fn"] if average.type == "ema" else [])}
    )


def average_source(average: Average | None, optimizer: Optimizer) -> list[str]:
    """Return the definitions, if there is an average."""
    if optimizer.keeps_average:
        return [SOURCES[TAKEN].text]
    if average is None:
        return []
    if average.type == "ema":
        told = "The exponential average of the weights, updated after each step."
        made = [
            f"rule = get_ema_multi_avg_fn({literal(average.decay)})",
            "average = AveragedModel(model, multi_avg_fn=rule)",
        ]
        update = ["average.update_parameters(model)"]
    else:
        every = f", of each {average.every}th" if average.every > 1 else ""
        told = f"The mean of the weights from step {average.start} on{every}."
        made = [
            "average = AveragedModel(model)",
            'average.register_buffer("steps", torch.tensor(0))',
        ]
        test = f" and after % {average.every} == 0" if average.every > 1 else ""
        update = [
            f'after = int(average.get_buffer("steps").add_(1)) - {average.start}',
            f"if after >= 0{test}:",
            "    average.update_parameters(model)",
        ]
    lines = [
        *made,
        "",
        "def update(*_: object) -> None:",
        *(f"    {line}" for line in update),
        "",
        "optimizer.register_step_post_hook(update)",
        "return average",
    ]
    body = [line if line.strip() else "" for line in indented(lines)]
    return ["\n".join([_HEAD, f'    """{told}"""', *body]), _TAKEN]
