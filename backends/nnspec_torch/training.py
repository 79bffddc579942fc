"""Writes what trains a network: loss, optimizer, step, and a program that runs on its own."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.emit.code import Call, literal, wrap
from nnspec.emit.names import freed
from nnspec.emit.training import (
    LossBody,
    LossRow,
    indented,
    loss_body,
    row_of,
    title_of,
    training_of,
)
from nnspec.emit.tree import Name
from nnspec.language.losses import Loss, cross_entropy, regression
from nnspec.language.optimizers import Optimizer
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph, Head
from nnspec.network.loader import Spec
from nnspec_torch.naming import STEP, class_name
from nnspec_torch.optimizers import OPTIMIZERS
from nnspec_torch.schedules import has_schedule, scheduler_modules, scheduler_source
from nnspec_torch.updates import NUMBER, names_of, told, update_lines


def _function(name: str, summary: str, **keywords: float) -> LossBody:
    given = "".join(f", {key}={literal(value)}" for key, value in keywords.items())
    lines = (f"return {name}(output, target{given})",)
    modules = frozenset({name.partition(".")[0]})
    return LossBody(f"{summary}, the mean over the batch.", lines, modules)


def _cross_entropy(loss: cross_entropy.CategoricalCrossEntropy, rank: int) -> LossBody:
    body = _function("F.cross_entropy", "Categorical cross-entropy of logits")
    if rank == 1:
        return body
    # PyTorch takes the classes from the second axis.
    return body._replace(
        lines=(
            "if target.dim() == output.dim():",
            "    target = target.movedim(-1, 1)",
            "return F.cross_entropy(output.movedim(-1, 1), target)",
        )
    )


LOSSES: Mapping[type[Loss], LossRow] = {
    regression.MeanSquaredError: _function("F.mse_loss", "Mean squared error"),
    regression.MeanAbsoluteError: _function("F.l1_loss", "Mean absolute error"),
    regression.Huber: lambda loss, rank: _function(
        "F.huber_loss", "Huber's loss", delta=loss.delta
    ),
    regression.SmoothL1: lambda loss, rank: _function(
        "F.smooth_l1_loss", "Smooth L1 loss", beta=loss.beta
    ),
    regression.LogCosh: LossBody(
        "Logarithm of the hyperbolic cosine of the error, the mean over the batch.",
        (
            "error = (output - target).abs()",
            "return torch.mean(error + F.softplus(-2 * error)) - math.log(2)",
        ),
        frozenset({"F", "math", "torch"}),
    ),
    regression.MeanAbsolutePercentageError: lambda loss, rank: LossBody(
        "Mean absolute percentage error, the mean over the batch.",
        (
            f"size = target.abs().clamp(min={literal(loss.epsilon)})",
            "return 100 * torch.mean((output - target).abs() / size)",
        ),
        frozenset({"torch"}),
    ),
    regression.MeanSquaredLogarithmicError: LossBody(
        "Mean squared logarithmic error, the mean over the batch.",
        ("return F.mse_loss(F.relu(output).log1p(), F.relu(target).log1p())",),
        frozenset({"F"}),
    ),
    cross_entropy.BinaryCrossEntropy: _function(
        "F.binary_cross_entropy_with_logits", "Binary cross-entropy of logits"
    ),
    cross_entropy.CategoricalCrossEntropy: _cross_entropy,
}
"""Loss -> its body."""


def training_modules(spec: Spec) -> frozenset[str]:
    """Return the modules that the definitions use."""
    training = training_of(spec)
    body = loss_body(LOSSES, training.resolved_loss, spec.graph)
    return body.modules | scheduler_modules(training.optimizer) | {"torch"}


def training_source(spec: Spec, head: Head | None) -> str:
    """Return the definitions that train: loss_function, make_optimizer, train_step."""
    training = training_of(spec)
    return "\n\n\n".join(
        [
            _loss_function(training.resolved_loss, spec.graph),
            _make_optimizer(training.optimizer),
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


def _make_optimizer(optimizer: Optimizer) -> str:
    made = row_of(OPTIMIZERS, optimizer, f"the optimizer {optimizer.type}")(optimizer)
    made = Call(made.function, (("params", Name("model").method("parameters")),), made.keywords)
    return "\n".join(
        [
            "def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:",
            f'    """{title_of(optimizer)} over every parameter of the model."""',
            *wrap(f"return {made.render()}", 4),
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
