"""Writes what trains a network: loss, optimizer, and a program that runs on its own."""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.emit.augmenting import is_mixed
from nnspec.emit.code import call, quoted, wrap
from nnspec.emit.composed import loss_parts
from nnspec.emit.dataset import dataset_source
from nnspec.emit.snippets import snippets
from nnspec.emit.specialised import with_constants
from nnspec.emit.training import (
    LossBody,
    indented,
    title_of,
    training_of,
)
from nnspec.emit.weighting import body_of
from nnspec.language.arrays import holds_arrays
from nnspec.language.objectives import is_composed
from nnspec.language.training_schema import Training
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.network.graph import Head
from nnspec.network.loader import Spec
from nnspec.network.regularization import terms_of_parameters
from nnspec_keras.averages import callback_sources, with_average
from nnspec_keras.defined import SOURCES
from nnspec_keras.losses import LOSSES
from nnspec_keras.measuring import (
    STEPS_PER_EXECUTION,
    elements_of,
    is_measured_apart,
    measured_of,
    takes_logits,
    takes_scale,
)
from nnspec_keras.options import KerasOptions
from nnspec_keras.parameter_groups import made_optimizer
from nnspec_keras.penalties import REGULARIZE, penalty_imports, penalty_source
from nnspec_keras.plateau import plateau_source
from nnspec_keras.script import feeds_batches, script_source
from nnspec_keras.updates import updated


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
    made = made_optimizer(spec.graph, training.optimizer, stock=options.stock)
    made = with_average(made, training.average)
    optimizer, classes = updated(made.call, training, spec.graph, stock=options.stock)
    by_weights = is_weighted(spec.model)
    bodies = [
        body_of(LOSSES, loss, graph, by_weights=by_weights) for _, loss, graph in loss_parts(spec)
    ]
    penalties = penalty_source(spec)
    weighting = snippets("nnspec_keras.emitted", "weighting").values() if by_weights else ()
    parts = [
        *(SOURCES[name].text for name in dict.fromkeys(n for body in bodies for n in body.uses)),
        *(snippet.text for snippet in weighting),
        *(
            _loss_function(body, name, by_weights=by_weights)
            for body, (name, _, _) in zip(bodies, loss_parts(spec), strict=True)
        ),
        *made.definitions,
        *classes,
        "\n".join(
            [
                "def make_optimizer() -> keras.optimizers.Optimizer:",
                f'    """{title_of(training.optimizer)}, as the spec sets it."""',
                *wrap(f"return {optimizer.render()}", 4),
            ]
        ),
        *plateau_source(training, spec.model.data),
        *penalties,
        *_metric_sources(spec, training),
        _compiled(spec, training, head),
    ]
    # Losses are written with ops.
    modules = {"ops", *made.uses, *penalty_imports("\n".join(penalties))}.union(
        *(body.modules for body in bodies)
    )
    dataset = dataset_source(spec, has_batches=feeds_batches(training))
    if dataset is None:
        return TrainingSource(tuple(parts), "", (), (), modules)
    script = script_source(spec, training, head, function)
    measured = measured_of(spec)
    parts += [dataset.text, *(measured.parts if measured else ())]
    parts += [*callback_sources(training), *script.parts]
    modules |= script.modules
    ending = '\n\n\nif __name__ == "__main__":\n    main()\n'
    lines = [*dataset.standard_imports, "import argparse"]
    imports = (*dataset.imports, *(measured.imports if measured else ()))
    return TrainingSource(tuple(parts), ending, tuple(lines), imports, modules)


def _loss_function(body: LossBody, name: str, *, by_weights: bool) -> str:
    more = f", {SAMPLE_WEIGHT}" if by_weights else ""
    return "\n".join(
        [
            "@keras.saving.register_keras_serializable()",
            f"def {name}(target, output{more}):",
            f'    """{body.summary}"""',
            *indented(body.lines),
        ]
    )


def _compiled(spec: Spec, training: Training, head: Head | None) -> str:
    if is_composed(spec.model):
        from nnspec_keras.composed import compiled_source  # which few specs need

        return compiled_source(spec)
    is_apart = is_measured_apart(spec)
    metrics = [] if is_apart else _metrics(spec, training)
    is_scaled = takes_scale(spec, training)
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
    loss = "Weighted(loss_function)" if is_weighted(spec.model) else "loss_function"
    arguments = f"optimizer=make_optimizer(), loss={loss}"
    if metrics:
        # Those of `metrics` pass over the weights of rows, which the loss goes by.
        kind = "weighted_metrics" if is_weighted(spec.model) else "metrics"
        arguments += f", {kind}=[{', '.join(metrics)}]"
    arguments += f", steps_per_execution={STEPS_PER_EXECUTION}"
    if terms_of_parameters(training):
        lines.append(f"    {REGULARIZE}(model)")
    lines += [*wrap(f"{name}.compile({arguments})", 4), f"    return {name}"]
    return "\n".join(lines)


def _takes_shares(spec: Spec, training: Training) -> bool:
    """Whether a target may be a share, which accuracy rounds: Keras's compares it as it is.

    Where rows are mixed, Keras would take the classes of validation for shares as well.
    """
    data = spec.model.data
    if data is None:
        return False
    return is_mixed(spec) or (training.metric_kind == "binary" and holds_arrays(data.source))


def _threshold(training: Training) -> float:
    """Return that of a binary output: of logits, where the loss takes them."""
    return 0.0 if training.resolved_loss.leaves_out == "sigmoid" else 0.5


def _metric_sources(spec: Spec, training: Training) -> list[str]:
    """Return the definitions of the metrics that are not Keras's own."""
    asked = [] if is_measured_apart(spec) or is_composed(spec.model) else _metrics(spec, training)
    known = snippets("nnspec_keras.emitted", "metrics")
    found = []
    if "accuracy" in asked:
        is_binary = training.metric_kind == "binary"
        constants = {"IS_BINARY": is_binary, "THRESHOLD": _threshold(training)}
        found.append(with_constants(known["accuracy"].text, **constants))
    if any("R2" in metric for metric in asked):
        found.append(with_constants(known["R2"].text, HAS_WEIGHTS=is_weighted(spec.model)))
    return found


def _metrics(spec: Spec, training: Training) -> list[str]:
    """Return Keras's metrics; the binary threshold is that of logits where the loss takes them."""
    graph, found = spec.graph, list[str]()
    if not training.resolved_loss.is_compared_whole:
        return found
    for each in training.resolved_metrics:
        metric = each.type
        if not takes_logits(spec, metric):
            continue
        if metric == "accuracy":
            # Keras's takes a last axis of 1 for that of yes and no.
            is_lone = graph.types[graph.outputs[0]].shape[-1:] == (1,)
            is_class = training.metric_kind == "multiclass"
            if _takes_shares(spec, training) or (is_lone and is_class):
                found.append(metric)
            elif training.metric_kind == "binary":
                made = call(
                    "keras.metrics.BinaryAccuracy", name=metric, threshold=_threshold(training)
                )
                found.append(made.render())
            else:
                found.append(quoted(metric))
        elif metric == "mae":
            found.append(call("keras.metrics.MeanAbsoluteError", name=metric).render())
        elif metric == "r2":
            elements = elements_of(spec)
            if elements is not None:
                found.append(f"R2({elements})")
    return found
