"""Writes what trains a network: loss, optimizer, and a program that runs on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nnspec.emit.code import Call, call, literal, quoted, wrap
from nnspec.emit.dataset import dataset_source
from nnspec.emit.training import (
    LossBody,
    LossRow,
    indented,
    loss_body,
    row_of,
    shifts_target,
    title_of,
    training_of,
)
from nnspec.language.losses import Loss, cross_entropy, regression
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph, Head
from nnspec.network.loader import Spec
from nnspec_keras.defined import SOURCES
from nnspec_keras.optimizers import OPTIMIZERS
from nnspec_keras.options import KerasOptions
from nnspec_keras.script import script_source
from nnspec_keras.updates import updated


def _huber(delta: float, *, over: float) -> tuple[str, ...]:
    """Return the lines of Huber's loss, divided by a number."""
    square = "ops.square(error) / 2" if over == 1 else f"ops.square(error) / {literal(2 * over)}"
    far = f"error - {literal(delta / 2)}"
    return (
        "error = ops.absolute(output - target)",
        f"far = {far}" if delta == over else f"far = {literal(delta / over)} * ({far})",
        f"return ops.mean(ops.where(error <= {literal(delta)}, {square}, far))",
    )


LOSSES: Mapping[type[Loss], LossRow] = {
    regression.MeanSquaredError: LossBody(
        "Mean squared error.",
        ("return ops.mean(ops.square(output - target))",),
    ),
    regression.MeanAbsoluteError: LossBody(
        "Mean absolute error.",
        ("return ops.mean(ops.absolute(output - target))",),
    ),
    regression.Huber: lambda loss, rank: LossBody(
        "Huber's loss, the mean over the batch.", _huber(loss.delta, over=1.0)
    ),
    regression.SmoothL1: lambda loss, rank: LossBody(
        "Smooth L1 loss, the mean over the batch.", _huber(loss.beta, over=loss.beta)
    ),
    regression.LogCosh: LossBody(
        "Logarithm of the hyperbolic cosine of the error, the mean over the batch.",
        (
            "error = ops.absolute(output - target)",
            "return ops.mean(error + ops.softplus(-2 * error)) - math.log(2)",
        ),
        frozenset({"math"}),
    ),
    regression.MeanAbsolutePercentageError: lambda loss, rank: LossBody(
        "Mean absolute percentage error.",
        (
            f"size = ops.maximum(ops.absolute(target), {literal(loss.epsilon)})",
            "return 100 * ops.mean(ops.absolute(output - target) / size)",
        ),
    ),
    regression.MeanSquaredLogarithmicError: LossBody(
        "Mean squared logarithmic error.",
        (
            "error = ops.log1p(ops.relu(output)) - ops.log1p(ops.relu(target))",
            "return ops.mean(ops.square(error))",
        ),
    ),
    cross_entropy.BinaryCrossEntropy: LossBody(
        "Binary cross-entropy of logits, the mean over the batch.",
        ("return ops.mean(ops.softplus(output) - target * output)",),
    ),
    cross_entropy.CategoricalCrossEntropy: LossBody(
        "Categorical cross-entropy of logits, the mean over the batch.",
        (
            "logs = ops.log_softmax(output)",
            "if len(target.shape) == len(output.shape):  # a probability per class",
            "    return -ops.mean(ops.sum(target * logs, axis=-1))",
            'classes = ops.expand_dims(ops.cast(target, "int64"), -1)',
            "return -ops.mean(ops.take_along_axis(logs, classes, axis=-1))",
        ),
    ),
}
"""Loss -> its body."""


@dataclass(frozen=True)
class TrainingSource:
    """Definitions that come after the network's, the last lines of the file, and imports."""

    parts: tuple[str, ...]
    ending: str
    standard_imports: tuple[str, ...]
    imports: tuple[str, ...]
    modules: set[str]
    """The modules that its names begin with, such as `ops`."""


def training_source(
    spec: Spec, options: KerasOptions, head: Head | None, function: str
) -> TrainingSource:
    """Return what trains the network that `function` builds."""
    training = training_of(spec)
    make = row_of(OPTIMIZERS, training.optimizer, f"the optimizer {training.optimizer.type}")
    plain = make(training.optimizer, stock=options.stock)
    optimizer, classes = updated(plain, training, spec.graph, stock=options.stock)
    parts = [
        _loss_function(training.resolved_loss, spec.graph),
        *(SOURCES[name].text for name in _defined(plain)),
        *classes,
        "\n".join(
            [
                "def make_optimizer() -> keras.optimizers.Optimizer:",
                f'    """{title_of(training.optimizer)}, as the spec sets it."""',
                *wrap(f"return {optimizer.render()}", 4),
            ]
        ),
        _compiled(spec, training, head),
    ]
    # Losses are written with ops.
    loss = loss_body(LOSSES, training.resolved_loss, spec.graph)
    modules = {"ops", *loss.modules}.union(*(SOURCES[name].imports for name in _defined(plain)))
    dataset = dataset_source(spec)
    if dataset is None:
        return TrainingSource(tuple(parts), "", (), (), modules)
    script = script_source(spec, training, head, function)
    parts += [dataset.text, *script.parts]
    modules |= script.modules
    ending = '\n\n\nif __name__ == "__main__":\n    main()\n'
    lines = [*dataset.standard_imports, "import argparse"]
    return TrainingSource(tuple(parts), ending, tuple(lines), dataset.imports, modules)


def _defined(made: Call) -> list[str]:
    """Return the names of what the source must define to make this, in the order of a file."""
    inner = [value for _, value in (*made.positional, *made.keywords) if isinstance(value, Call)]
    called = {made.function, *(name for call in inner for name in _defined(call))}
    called |= {base for name in called & SOURCES.keys() for base in SOURCES[name].uses}
    return [name for name in SOURCES if name in called]


def _loss_function(loss: Loss, graph: Graph) -> str:
    body = loss_body(LOSSES, loss, graph)
    return "\n".join(
        [
            "@keras.saving.register_keras_serializable()",
            "def loss_function(target, output):",
            f'    """{body.summary}"""',
            *indented(body.lines),
        ]
    )


def _compiled(spec: Spec, training: Training, head: Head | None) -> str:
    is_scaled = shifts_target(spec)
    metrics = _metrics(spec.graph, training)
    lines, told = ["def compiled(model: keras.Model) -> keras.Model:"], "ready to fit"
    if is_scaled:
        lines = ["def compiled(model: keras.Model, scale=1.0) -> keras.Model:"]
        told = "ready to fit; scale: what the target was divided by"
        metrics = ["mae" if "MeanAbsolute" in metric else metric for metric in metrics]
    if head is None:
        lines.append(f'    """Return the model, {told}."""')
        name = "model"
    else:
        lines.append(f'    """Return the model up to its logits, weights shared, {told}."""')
        layer = head.node.name + (f".{head.activation.type}" if head.is_fused else "")
        made = f"keras.Model(model.inputs, model.get_layer({quoted(layer)}).input)"
        lines += wrap(f"logits = {made}", 4)
        name = "logits"
    if "mae" in metrics:
        lines += [
            "",
            "    def mae(target, output):",
            "        return ops.absolute(output - target) * scale",
            "",
        ]
    arguments = f"optimizer=make_optimizer(), loss=loss_function, metrics=[{', '.join(metrics)}]"
    lines += [*wrap(f"{name}.compile({arguments})", 4), f"    return {name}"]
    return "\n".join(lines)


def _metrics(graph: Graph, training: Training) -> list[str]:
    """Return Keras's metrics; the binary threshold is that of logits where the loss takes them."""
    found = []
    for metric in training.resolved_metrics:
        if metric == "accuracy":
            if training.kind == "binary":
                takes_logits = training.resolved_loss.leaves_out == "sigmoid"
                threshold = 0.0 if takes_logits else 0.5
                made = call("keras.metrics.BinaryAccuracy", name=metric, threshold=threshold)
                found.append(made.render())
            else:
                found.append(quoted(metric))
        elif metric == "mae":
            found.append(call("keras.metrics.MeanAbsoluteError", name=metric).render())
        elif graph.types[graph.outputs[0]].rank == 1:  # Keras's R2Score takes no more axes
            found.append(call("keras.metrics.R2Score", name=metric).render())
    return found
