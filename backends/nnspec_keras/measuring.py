"""Writes what measures all rows together, and which epoch is kept or is the last."""

from __future__ import annotations

import math

from nnspec.emit.code import Expr, call, wrap
from nnspec.emit.goals import as_trained, is_named
from nnspec.emit.metrics import Measured, has_confusion, has_numbers, is_collected, measured_source
from nnspec.emit.snippets import snippets
from nnspec.emit.specialised import Specialisation, specialised
from nnspec.emit.training import shifts_target
from nnspec.language.arrays import holds_arrays
from nnspec.language.metrics_by_output import reported_metrics
from nnspec.language.objectives import is_composed
from nnspec.language.training_schema import Training
from nnspec.language.watching import Keep, better_of, watched
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.network.heads import loss_head
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of
from nnspec.network.weighting import weight_shape
from nnspec_keras.plateau import MADE, makes_plateau

STEPS_PER_EXECUTION = 16
"""Of `fit`: to call a graph takes as long as a small step, and no callback reads a batch."""


def is_measured_apart(spec: Spec) -> bool:
    """Whether `measure` measures, and not what the model is compiled with."""
    training = spec.model.training
    if training is None or spec.model.data is None:
        return False
    if is_named(spec):  # it is compiled with its losses alone
        return True
    is_apart = is_composed(spec.model) or is_collected(training) or is_weighted(spec.model)
    is_apart |= any(not takes_logits(spec, metric.type) for metric in training.resolved_metrics)
    if any(metric.type == "r2" for metric in training.resolved_metrics):
        is_apart |= elements_of(spec) is None
    return is_apart and has_metrics(spec)


def elements_of(spec: Spec) -> int | None:
    """Return the elements of a row, or of a place that counts as one; None for any number."""
    graph = spec.graph
    shape = graph.types[graph.outputs[0]].shape[len(weight_shape(spec.model, graph)) :]
    sizes = [size for size in shape if isinstance(size, int)]
    return math.prod(sizes) if len(sizes) == len(shape) else None


def takes_logits(spec: Spec, metric: str) -> bool:
    """Whether what the compiled model gives will do, if that lacks the last activation.

    The largest logit is that of the largest share, and a threshold has its logit.
    """
    training = spec.model.training
    assert training is not None
    if loss_head(spec.model, spec.graph) is None:
        return True
    is_threshold = training.metric_kind == "binary"
    left_out = training.resolved_loss.leaves_out
    return metric == "accuracy" and (left_out == "sigmoid" or not is_threshold)


def has_metrics(spec: Spec) -> bool:
    """Whether any output has metrics that are numbers."""
    return any(has_numbers(term.training) for term in terms_of(spec.model, spec.graph))


def _has_confusion(spec: Spec) -> bool:
    alone = as_trained(spec).model.training
    return alone is not None and has_confusion(alone)


def takes_scale(spec: Spec, training: Training) -> bool:
    """Whether a metric that the model is compiled with is in the units that the target had."""
    is_own = shifts_target(spec) and not is_measured_apart(spec)
    names = [metric.type for metric in training.resolved_metrics] if is_own else []
    return "mae" in names and training.resolved_loss.is_compared_whole


def measured_of(spec: Spec) -> Measured | None:
    """Return what measures, with the callback that logs it; None where Keras's metrics do."""
    training, data = spec.model.training, spec.model.data
    if training is None or data is None:
        return None
    is_apart = is_measured_apart(spec)
    if not is_apart and not _has_confusion(spec):
        return None
    is_table = not holds_arrays(data.source)
    if is_named(spec):
        from nnspec.emit.metrics_by_output import measured_by_output  # which few specs need

        return measured_by_output(spec, is_table=is_table)
    found = measured_source(as_trained(spec), is_table=is_table)
    if not is_apart:
        return found
    required = ["record"] if shifts_target(spec) else []
    if is_weighted(spec.model):
        required.append(SAMPLE_WEIGHT)
    given = ["logs", *required]
    constants = {
        "BATCH_SIZE": training.batch_size,
        "SHIFTS_TARGET": shifts_target(spec),
        "OF_VALIDATION": data.has_validation,
        "HAS_WEIGHTS": is_weighted(spec.model),
    }
    text = snippets("nnspec_keras.emitted", "measures")["Measures"].text
    made = specialised(text, Specialisation(values=constants, given=given, required=required))
    return found._replace(parts=(*found.parts, made))


def callback_lines(spec: Spec) -> list[str]:
    """Return the line that makes the callback which measures each epoch."""
    data = spec.model.data
    assert data is not None
    target = "targets" if is_named(spec) else "target"
    rows = ", ".join(["inputs", target, *weight_names(spec)])
    if data.has_validation:
        is_single = len(spec.graph.inputs) == 1
        rows = '*data["validation"]'
        if not is_single:
            rows = "validation, expected" + (", counts" if is_weighted(spec.model) else "")
    more = ", record=record" if shifts_target(spec) else ""
    made = measures_of(spec, f"{rows}{more}")
    return wrap(f"measures = {made}", 4)


def measures_of(spec: Spec, rows: str) -> str:
    """Return the call that makes what measures these rows."""
    if not is_named(spec):
        return f"Measures(model, {rows})"
    serving = ", serving=model" if has_metrics(spec) else ""
    return f"Measures(network, {rows}{serving})"


def weight_names(spec: Spec) -> list[str]:
    """Return what a script calls the weights of its rows, where they have some."""
    return [SAMPLE_WEIGHT] if is_weighted(spec.model) else []


def callbacks(training: Training, *, has_validation: bool, is_measured: bool) -> list[Expr]:
    """Return the callbacks of `fit`."""
    name = watched(training.keep, has_validation=has_validation)
    more, worst = "", "np.inf"
    if training.keep is not None:
        mode = _mode(training, training.keep, name)
        more, worst = f' mode="{mode}",', "np.inf" if mode == "min" else "-np.inf"
    # Else the weights of a first epoch that diverges would be kept.
    made = [
        f'keras.callbacks.ModelCheckpoint(pattern, monitor="{name}",{more} '
        f"save_best_only=True, save_weights_only=True, initial_value_threshold={worst})"
    ]
    stop = training.stop
    if stop is not None:
        name = watched(stop, has_validation=has_validation)
        arguments = {
            "monitor": name, "min_delta": stop.min_delta, "patience": stop.patience,
            "mode": _mode(training, stop, name),
        }  # fmt: skip
        if not stop.min_delta:
            del arguments["min_delta"]
        made.append(call("keras.callbacks.EarlyStopping", **arguments).render())
    if makes_plateau(training):
        made.append(f"{MADE}()")
    made.append("keras.callbacks.TerminateOnNaN()")
    # First: what it logs, the others watch. Before it, as weights that diverged are not kept.
    ends = "keras.callbacks.LambdaCallback(on_epoch_end=require_finite)"
    made = [ends, *(["measures"] if is_measured else []), *made]
    if training.keeps_average:
        made = ["Averaged()", *made, "Restored()"]
    return [Expr(each) for each in made]


def _mode(training: Training, record: Keep, name: str) -> str:
    return better_of(record, name, reported_metrics(training), training.metric_kind)


def ending(spec: Spec, unpack: str) -> list[str]:
    """Return the lines after those that measure and print each part of the rows."""
    training, data = spec.model.training, spec.model.data
    assert data is not None
    if training is None or is_named(spec) or not has_confusion(training):
        return []
    part = "test" if data.has_test else "validation" if data.has_validation else "train"
    given = ", ".join(["target", "output", *weight_names(spec)])
    return [
        f'    {unpack} = data["{part}"]',
        *wrap(f"output = model.predict(inputs, batch_size={training.batch_size}, verbose=0)", 4),
        *wrap(f'print("{part}", {{"confusion_matrix": confusion({given})}})', 4),
    ]
