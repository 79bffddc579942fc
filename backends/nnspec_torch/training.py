"""Writes what trains a network: loss, optimizer, step, and a program that runs on its own."""

from __future__ import annotations

from nnspec.emit.code import wrap
from nnspec.emit.names import freed
from nnspec.emit.training import (
    indented,
    loss_body,
    training_of,
)
from nnspec.language.losses import Loss
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph, Head
from nnspec.network.loader import Spec
from nnspec_torch.losses import LOSSES
from nnspec_torch.naming import STEP, class_name
from nnspec_torch.parameter_groups import Maker
from nnspec_torch.schedules import has_schedule, scheduler_modules, scheduler_source
from nnspec_torch.updates import NUMBER, names_of, told, update_lines


def training_modules(spec: Spec) -> frozenset[str]:
    """Return the modules that the definitions use."""
    training = training_of(spec)
    body = loss_body(LOSSES, training.resolved_loss, spec.graph)
    made = Maker(spec.graph, training.optimizer)
    return body.modules | made.imports | scheduler_modules(training.optimizer) | {"torch"}


def training_source(spec: Spec, head: Head | None) -> str:
    """Return the definitions that train: loss_function, make_optimizer, train_step."""
    training = training_of(spec)
    return "\n\n\n".join(
        [
            _loss_function(training.resolved_loss, spec.graph),
            *Maker(spec.graph, training.optimizer).text(),
            *scheduler_source(training.optimizer),
            _train_step(spec, head, training),
        ]
    )


def _loss_function(loss: Loss, graph: Graph) -> str:
    body = loss_body(LOSSES, loss, graph)
    return "\n".join(
        [
            "def loss_function(output: Tensor, target: Tensor) -> Tensor:",
            f'    """{body.summary}"""',
            *indented(body.lines),
        ]
    )


def _train_step(spec: Spec, head: Head | None, training: Training) -> str:
    inputs = [freed(name, STEP | names_of(training)) for name in spec.graph.inputs]
    scheduler = "scheduler" if has_schedule(training.optimizer) else None
    compute = "model.logits" if head is not None else "model"
    arguments = [
        f"model: {class_name(spec.name)}",
        "optimizer: torch.optim.Optimizer",
        *([f"{scheduler}: torch.optim.lr_scheduler.LRScheduler"] if scheduler else []),
        *([f"{NUMBER}: int"] if training.accumulate > 1 else []),
        *(f"{name}: Tensor" for name in inputs),
        "target: Tensor",
    ]
    loss = f"loss_function({compute}({', '.join(inputs)}), target)"
    return "\n".join(
        [
            *wrap(f"def train_step({', '.join(arguments)}) -> Tensor:"),
            f'    """{told(training)}"""',
            *indented(update_lines(training, loss)),
            "    return loss.detach()",
        ]
    )
