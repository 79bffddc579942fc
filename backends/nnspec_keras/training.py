"""Writes what trains a network: loss, optimizer, and a program that runs on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nnspec.backend import Options
from nnspec.emit.code import Expr, call, literal, quoted, wrap
from nnspec.emit.dataset import DatasetSource, dataset_source
from nnspec.errors import UsageError
from nnspec.graph import Graph, Head
from nnspec.loader import Spec
from nnspec.training_schema import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Training,
)
from nnspec_keras.optimizers import OPTIMIZERS, SOURCES

DEFINED = (
    *SOURCES,
    *("loss_function", "make_optimizer", "compiled", "main", "Batches"),
    *("permutation", "standardized", "load_data", "batches"),
    *("hashlib", "json", "sys", "pl", "Iterator", "Path", "fnmatchcase"),
)
"""Names of the training part."""

LOSSES: Mapping[type[Loss], tuple[str, tuple[str, ...]]] = {
    MeanSquaredError: (
        "Mean squared error.",
        ("return ops.mean(ops.square(output - target))",),
    ),
    MeanAbsoluteError: (
        "Mean absolute error.",
        ("return ops.mean(ops.absolute(output - target))",),
    ),
    BinaryCrossEntropy: (
        "Binary cross-entropy of logits, the mean over the batch.",
        ("return ops.mean(ops.softplus(output) - target * output)",),
    ),
    CategoricalCrossEntropy: (
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
"""Loss -> what it is, and the lines that compute it from `target` and `output`."""


@dataclass(frozen=True)
class TrainingSource:
    """Definitions that come after the network's, the last lines of the file, and imports."""

    parts: tuple[str, ...]
    ending: str
    standard_imports: tuple[str, ...]
    imports: tuple[str, ...]


def training_source(
    spec: Spec, options: Options, head: Head | None, function: str
) -> TrainingSource:
    """Return what trains the network that `function` builds."""
    training = spec.model.training
    if training is None:
        raise UsageError(f"{spec.name} has no `training` section to compile")
    if len(spec.graph.outputs) != 1:
        raise UsageError(
            f"{spec.name} has {len(spec.graph.outputs)} outputs, and training needs one"
        )
    optimizer = OPTIMIZERS[type(training.optimizer)](training.optimizer, stock=options.stock)
    parts = [
        _loss_function(training.resolved_loss),
        *([SOURCES[optimizer.function]] if optimizer.function in SOURCES else []),
        "\n".join(
            [
                "def make_optimizer() -> keras.optimizers.Optimizer:",
                f'    """{training.optimizer.type.capitalize()}, as the spec sets it."""',
                *wrap(f"return {optimizer.render()}", 4),
            ]
        ),
        _compiled(spec.graph, training, head),
    ]
    dataset = dataset_source(spec)
    if dataset is None:
        return TrainingSource(tuple(parts), "", (), ())
    parts += [dataset.text, _batches(spec.graph), _main(spec, training, function)]
    ending = '\n\n\nif __name__ == "__main__":\n    main()\n'
    return TrainingSource(tuple(parts), ending, _standard(dataset), dataset.imports)


def _standard(dataset: DatasetSource) -> tuple[str, ...]:
    lines = {*dataset.standard_imports, "import argparse", "from pathlib import Path"}
    return tuple(sorted(lines, key=lambda line: (line.startswith("from"), line)))


def _loss_function(loss: Loss) -> str:
    what, lines = LOSSES[type(loss)]
    return "\n".join(
        [
            "def loss_function(target, output):",
            f'    """{what}"""',
            *(f"    {line}" for line in lines),
        ]
    )


def _compiled(graph: Graph, training: Training, head: Head | None) -> str:
    metrics = ", ".join(_metrics(graph, training))
    arguments = f"optimizer=make_optimizer(), loss=loss_function, metrics=[{metrics}]"
    lines = ["def compiled(model: keras.Model) -> keras.Model:"]
    if head is None:
        lines.append('    """Return the model, ready to fit."""')
        name = "model"
    else:
        lines.append('    """Return the model up to its logits, weights shared, ready to fit."""')
        layer = head.node.name + (f".{head.activation.type}" if head.is_fused else "")
        made = f"keras.Model(model.inputs, model.get_layer({quoted(layer)}).input)"
        lines += wrap(f"logits = {made}", 4)
        name = "logits"
    lines += [*wrap(f"{name}.compile({arguments})", 4), f"    return {name}"]
    return "\n".join(lines)


def _metrics(graph: Graph, training: Training) -> list[str]:
    """Return Keras's metrics; the binary threshold is that of logits where the loss takes them."""
    found = []
    for metric in training.resolved_metrics:
        if metric == "accuracy":
            if training.task == "binary":
                takes_logits = isinstance(training.resolved_loss, BinaryCrossEntropy)
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


_BATCHES = '''\
class Batches(keras.utils.PyDataset):
    """The training rows, in the order of their epoch."""

    def __init__(self, inputs, target):
        super().__init__()
        self.inputs = inputs
        self.target = target
        self.epoch = 0
        self.rows = list(batches(len(target), 1))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        rows = self.rows[i]
        return {given}, self.target[rows]

    def on_epoch_begin(self):
        self.epoch += 1
        self.rows = list(batches(len(self.target), self.epoch))'''


def _batches(graph: Graph) -> str:
    is_single = len(graph.inputs) == 1
    given = "self.inputs[rows]" if is_single else "tuple(values[rows] for values in self.inputs)"
    return _BATCHES.format(given=given)


def _main(spec: Spec, training: Training, function: str) -> str:
    data = spec.model.data
    assert data is not None
    is_single = len(spec.graph.inputs) == 1
    unpack = "inputs, target" if is_single else "*inputs, target"
    source, output = quoted(data.source), quoted(f"{function}.keras")
    lines = [
        "def main() -> None:",
        '    """Train on the rows of a file; keep the best weights, and measure them."""',
        "    parser = argparse.ArgumentParser(description=main.__doc__)",
        "    here = Path(__file__).parent",
        *wrap(f'parser.add_argument("--data", type=Path, default=here / {source})', 4),
        '    parser.add_argument("--weights", type=Path, help="first weights")',
        *wrap(f'parser.add_argument("--output", type=Path, default=Path({output}))', 4),
        f'    parser.add_argument("--epochs", type=int, default={training.epochs})',
        "    arguments = parser.parse_args()",
        "",
        f"    keras.utils.set_random_seed({training.seed})",
        "    data = load_data(arguments.data)",
        f'    {unpack} = data["train"]',
        f"    model = {function}()",
        "    if arguments.weights is not None:",
        "        model.load_weights(arguments.weights)",
        "    network = compiled(model)",
    ]
    # Keras would shuffle the batches of a PyDataset too.
    fit: dict[str, object] = {"epochs": Expr("arguments.epochs"), "shuffle": False}
    if data.validation:
        fit["validation_data"] = Expr('data["validation"]')
        if not is_single:
            lines.append('    *validation, expected = data["validation"]')
            fit["validation_data"] = Expr("(validation, expected)")
        fit["validation_batch_size"] = training.batch_size
        best = call(
            "keras.callbacks.EarlyStopping",
            patience=Expr("arguments.epochs"),
            restore_best_weights=True,
        )
        lines += wrap(f"best = {best.render()}", 4)
        fit["callbacks"] = [Expr("best")]
    arguments = ", ".join(f"{key}={literal(value)}" for key, value in fit.items())
    lines += wrap(f"network.fit(Batches(inputs, target), {arguments})", 4)
    lines += [
        f"    for part, ({unpack}) in data.items():",
        *wrap(
            "measured = network.evaluate"
            f"(inputs, target, batch_size={training.batch_size}, verbose=0, return_dict=True)",
            8,
        ),
        "        print(part, measured)",
        "    model.save(arguments.output)",
    ]
    return "\n".join(lines)
