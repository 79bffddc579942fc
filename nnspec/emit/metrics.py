"""Writes what measures in a training script: scikit-learn over all rows of a part, as nnspec does.

Accuracy, mae and r2 alone are measured by each framework's own means; see `is_collected`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from nnspec.emit.code import wrap, wrap_item
from nnspec.emit.comparing import compared_lines, label_parts
from nnspec.emit.snippets import snippets
from nnspec.emit.specialised import Specialisation, specialised
from nnspec.language.metrics import Metric
from nnspec.language.training_schema import Training
from nnspec.language.weighting import is_weighted
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.network.scores import Scores, scores_of, threshold

PLAIN = frozenset({"accuracy", "mae", "r2"})
"""Metrics that the frameworks have, and measure alike."""


class Measured(NamedTuple):
    """Definitions that measure; imports: statements that they need."""

    parts: tuple[str, ...]
    imports: tuple[str, ...]


def is_collected(training: Training) -> bool:
    """Whether a script collects what the network gives, and measures that."""
    if training.kind == "regression" and training.resolved_loss.leaves_out:
        return True  # the metrics are of numbers, and the loss of their logits
    if training.resolved_metrics and not training.resolved_loss.is_compared_whole:
        return True
    watched = [record.metric or "" for record in (training.stop, training.keep) if record]
    return any(metric.type not in PLAIN for metric in training.resolved_metrics) or any(
        name.removeprefix("val_") not in ("", "loss") for name in watched
    )


def has_numbers(training: Training) -> bool:
    """Whether any metric is a number, which a script measures after each epoch."""
    return any(metric.is_number for metric in training.resolved_metrics)


def has_confusion(training: Training) -> bool:
    """Whether a script prints a confusion matrix at its end."""
    return any(metric.type == "confusion_matrix" for metric in training.resolved_metrics)


class _Given(NamedTuple):
    """All that the expressions of the metrics depend on."""

    kind: str
    classes: int
    scores: Scores
    has_weights: bool


Value = Callable[[Any, _Given], str]


def _by_class(function: str) -> Value:
    def expression(metric: Any, given: _Given) -> str:
        if metric.average == "per_class":
            labels = f"average=None, labels=range({given.classes})"
            return f"{function}(target, predicted, {labels}, zero_division=0)"
        average = metric.average or ("" if given.kind == "binary" else "macro")
        told = f'average="{average}", ' if average else ""
        return f"{function}(target, predicted, {told}zero_division=0)"

    return expression


def _plain(text: str) -> Value:
    return lambda metric, given: text


def _labels(metric: Any, given: _Given) -> str:
    return f"labels=range({given.classes})"


_VALUES: Mapping[str, Value] = {
    "accuracy": _plain("accuracy_score(target, predicted)"),
    "balanced_accuracy": _plain(
        'recall_score(target, predicted, average="macro", labels=np.unique(target))'
    ),
    "brier": lambda metric, given: (
        "brier_score_loss(target, probabilities)"
        if given.kind == "binary"
        else f"np.mean(np.sum((np.eye({given.classes})[target] - probabilities) ** 2, axis=-1))"
    ),
    "f1": _by_class("f1_score"),
    "iou": _by_class("jaccard_score"),
    "kappa": _plain("cohen_kappa_score(target, predicted) if differing else 0.0"),
    "log_loss": lambda metric, given: (
        f"log_loss(target, probabilities, labels=range({given.classes}))"
    ),
    "mae": _plain("mean_absolute_error(target, output)"),
    "mape": lambda metric, given: (
        "100 * np.mean(np.mean(np.abs(output - target) / np.maximum(np.abs(target), 1e-7), axis=1))"
        if given.has_weights
        else "100 * np.mean(np.abs(output - target) / np.maximum(np.abs(target), 1e-7))"
    ),
    "matthews": _plain("matthews_corrcoef(target, predicted) if differing else 0.0"),
    "mse": _plain("mean_squared_error(target, output)"),
    "perplexity": lambda metric, given: (
        f"np.exp(log_loss(target, probabilities, labels=range({given.classes})))"
    ),
    "precision": _by_class("precision_score"),
    "r2": _plain("r2(target, output)"),
    "recall": _by_class("recall_score"),
    "rmse": _plain("np.sqrt(mean_squared_error(target, output))"),
    "top_k_accuracy": lambda metric, given: (
        f"top_k_accuracy_score(target, output, k={metric.k}, labels=range({given.classes}))"
    ),
}
"""Type of a metric -> the expression of its value, of `target`, `output` and what follows of it."""

_OF_TWO = ("kappa", "matthews")
"""Those that mean nothing where one class alone is there and predicted."""
_RANKED = {"auc": "roc_auc_score", "average_precision": "average_precision_score"}
"""Those that are not defined for all rows, and their functions."""
_OF_SKLEARN = frozenset(
    {
        *("accuracy_score", "average_precision_score", "brier_score_loss", "cohen_kappa_score"),
        *("confusion_matrix", "f1_score", "jaccard_score", "log_loss", "matthews_corrcoef"),
        *("mean_absolute_error", "mean_squared_error", "precision_score", "r2_score"),
        *("recall_score", "roc_auc_score", "top_k_accuracy_score"),
    }
)


def measured_source(spec: Spec, *, is_table: bool) -> Measured:
    """Return `measure`, and `confusion` where the spec asks for it."""
    training, graph = spec.model.training, spec.graph
    assert training is not None
    if training.metric_kind == "labels" and has_numbers(training):
        return Measured(tuple(label_parts(training, has_weights=is_weighted(spec.model))), ())
    given = _given(graph, training, has_weights=is_weighted(spec.model))
    numbers = [metric for metric in training.resolved_metrics if metric.is_number]
    parts = []
    if numbers:
        definition = _measure(numbers, given, graph, training, is_table=is_table)
        parts.append("\n".join(definition))
    if any(metric.type == "r2" for metric in numbers):
        parts.insert(0, r2_source(has_weights=given.has_weights))
    if has_confusion(training):
        lines = [
            *_head(
                "confusion", "list[list[float]]" if given.has_weights else "list[list[int]]", given
            ),
            '    """Return how often each class, a row, is predicted as each, a column."""',
            *_prepared({"target", "predicted"}, given, graph, training, is_table=is_table),
            *wrap(f"table = {_counted(_confusion(given), given)}", 4),
            "    return table.tolist()",
        ]
        parts.append("\n".join(lines))
    return Measured(tuple(parts), imports_of(parts))


def r2_source(*, has_weights: bool) -> str:
    """Return `r2`, of rows that count by weights or not."""
    required = ["weights"] if has_weights else []
    text = snippets("nnspec.emit.emitted", "metrics")["r2"].text
    values = {"HAS_WEIGHTS": has_weights}
    return specialised(text, Specialisation(values=values, given=required, required=required))


def measuring(
    graph: Graph, training: Training, function: str, *, is_table: bool, has_weights: bool = False
) -> tuple[list[str], bool]:
    """Return the lines of a function that measures one output, none without metrics.

    Also whether it needs `r2`. Two empty lines part it from others that it needs.
    """
    metrics = [metric for metric in training.resolved_metrics if metric.is_number]
    if not metrics:
        return [], False
    if training.metric_kind == "labels":
        parts = label_parts(training, function, has_weights=has_weights)
        return "\n\n\n".join(parts).split("\n"), False
    given = _given(graph, training, has_weights=has_weights)
    lines = _measure(metrics, given, graph, training, is_table=is_table, function=function)
    return lines, any(metric.type == "r2" for metric in metrics)


def imports_of(parts: Iterable[str]) -> tuple[str, ...]:
    """Return the import statements that definitions need."""
    called = {
        node.func.id
        for part in parts
        for node in ast.walk(ast.parse(part))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    used = sorted(called & _OF_SKLEARN)
    imports = [f"from sklearn.metrics import {', '.join(used)}"] if used else []
    if used and len(imports[0]) > 88:  # as isort breaks them
        imports = ["from sklearn.metrics import (", *(f"    {name}," for name in used), ")"]
    scipy = [name for name in ("expit", "softmax") if name in called]
    statements = [f"from scipy.special import {', '.join(scipy)}"] if scipy else []
    return (*statements, *(["\n".join(imports)] if imports else []))


def _head(name: str, result: str, given: _Given) -> list[str]:
    more = ", sample_weight: np.ndarray" if given.has_weights else ""
    return wrap(f"def {name}(target: np.ndarray, output: np.ndarray{more}) -> {result}:")


def _confusion(given: _Given) -> str:
    return f"confusion_matrix(target, predicted, labels=range({given.classes}))"


def _counted(value: str, given: _Given) -> str:
    """Return the expression of a metric with the weights of the rows, where there are some."""
    if not given.has_weights:
        return value
    from nnspec.emit.weighting import weighted_metric

    return weighted_metric(value, _OF_SKLEARN)


def _given(graph: Graph, training: Training, *, has_weights: bool) -> _Given:
    kind, shape = training.metric_kind, graph.types[graph.outputs[0]].shape
    last = shape[training.resolved_loss.class_axis] if shape else 1
    classes = last if kind == "multiclass" and isinstance(last, int) else 2
    return _Given(kind, classes, scores_of(graph, training), has_weights)


def _measure(
    metrics: Iterable[Metric],
    given: _Given,
    graph: Graph,
    training: Training,
    *,
    is_table: bool,
    function: str = "measure",
) -> list[str]:
    values: list[str] = []
    later: list[str] = []
    ranked: dict[str, list[str]] = {}
    for metric in metrics:
        names = [*metric.names(given.kind, given.classes)]  # type: ignore[arg-type]
        if metric.type in _RANKED:
            test, block = _ranked(metric, names, given)
            ranked.setdefault(test, []).extend(block)
            continue
        value = _counted(_VALUES[metric.type](metric, given), given)
        if getattr(metric, "average", None) == "per_class":
            later += wrap(f"{metric.type} = {value}", 4)
            name = f'f"{metric.type}_class_{{i}}"'
            later += wrap(
                f"values |= {{{name}: value for i, value in enumerate({metric.type})}}", 4
            )
        else:
            values.append(f'"{names[0]}": {value}')
    lines = wrap(f"values = {{{', '.join(values)}}}", 4)
    if len(lines) > 1:
        lines = [
            "    values = {",
            *(each for pair in values for each in wrap_item(pair, 8)),
            "    }",
        ]
    lines += later
    if ranked and given.kind == "multiclass":
        lines.append("    classes = np.unique(target)")
    for test, block in ranked.items():
        lines += [*([test] if test else []), *block]
    text = "\n".join(lines)
    if any(metric.type in _OF_TWO for metric in metrics):
        differing = "    differing = len(np.union1d(target, predicted)) > 1"
        lines.insert(0, f"{differing}  # else nothing can agree")
    used = {name for name in ("target", "predicted", "probabilities", "output") if name in text}
    return [
        *_head(function, "dict[str, float]", given),
        '    """Return the metrics of all rows of a part together."""',
        *_prepared(used, given, graph, training, is_table=is_table),
        *lines,
        "    return {name: float(value) for name, value in values.items()}",
    ]


def _ranked(metric: Any, names: list[str], given: _Given) -> tuple[str, list[str]]:
    """Return the condition under which it is defined, and what then gives its value."""
    function, name = _RANKED[metric.type], metric.type
    if given.kind == "binary":
        test = "0 < target.mean() < 1" if metric.least_classes == 2 else "target.any()"
        value = _counted(f"{function}(target, probabilities)", given)
        line = f'values["{names[0]}"] = {value}'
        return f"    if {test}:  # else it is not defined", wrap(line, 8)
    is_always = metric.least_classes < 2
    test = "" if is_always else "    if len(classes) > 1:  # else it is not defined"
    indent = 4 if is_always else 8
    each = _counted(f"{function}(target == i, probabilities[:, i])", given)
    if metric.average == "per_class":
        loop = f"{' ' * indent}for i in classes:"
        return test, [loop, *wrap(f'values[f"{name}_class_{{i}}"] = {each}', indent + 4)]
    if metric.average == "weighted":
        of_class = "weights[target == i]" if given.has_weights else "target == i"
        weights = f"weights=[np.sum({of_class}) for i in classes]"
        return test, [
            *wrap(f"found = [{each} for i in classes]", indent),
            *wrap(f'values["{names[0]}"] = np.average(found, {weights})', indent),
        ]
    return test, wrap(f'values["{names[0]}"] = np.mean([{each} for i in classes])', indent)


def _prepared(
    used: set[str], given: _Given, graph: Graph, training: Training, *, is_table: bool
) -> list[str]:
    """Return the lines that make of target and output what the metrics take."""
    loss = training.resolved_loss
    begun = compared_lines(loss, has_weights=given.has_weights)
    lines = _rows(used, given, graph, training, is_table=is_table)
    if not given.has_weights:
        return [*begun, *lines]
    counts = "    weights = np.repeat(sample_weight[kept], target.size // kept.sum())"
    if given.kind == "regression":
        counts = "    weights = sample_weight[kept]"
    return [
        *begun,
        "    kept = sample_weight > 0",
        "    target, output = target[kept], output[kept]",
        *lines,
        counts,
    ]


def _rows(
    used: set[str], given: _Given, graph: Graph, training: Training, *, is_table: bool
) -> list[str]:
    loss = training.resolved_loss
    if given.kind == "regression":
        shaped = '.reshape(len(target), -1).astype("float64")'
        return [f"    target = target{shaped}", f"    output = output{shaped}"]
    lines = []
    rank = graph.types[graph.outputs[0]].rank
    if given.kind == "binary":
        lines = ['    target = (target.reshape(-1) > 0.5).astype("int64")']
        if used & {"predicted", "probabilities", "output"}:
            lines.append("    output = output.reshape(-1)")
        if "predicted" in used:
            limit = f"{threshold(graph, training):g}"
            lines.append(f'    predicted = (output > {limit}).astype("int64")')
        if "probabilities" in used:
            wide = 'output.astype("float64")'
            made = f"expit({wide})" if given.scores == "logits" else wide
            lines.append(f"    probabilities = {made}")
        return lines
    if not is_table and loss.class_axis == -1 and loss.ignored is None:
        lines += [
            "    if target.ndim == output.ndim:  # a probability per class",
            "        target = target.argmax(axis=-1)",
        ]
    if rank > 1 and loss.ignored is None:
        lines += [f"    target, output = target.reshape(-1), output.reshape(-1, {given.classes})"]
    if "predicted" in used:
        lines.append("    predicted = output.argmax(axis=-1)")
    if "probabilities" in used:
        wide = 'output.astype("float64")'
        if given.scores == "logits":
            lines.append(f"    probabilities = softmax({wide}, axis=-1)")
        else:
            lines.append(f"    probabilities = {wide}")
        if given.scores == "probabilities":
            lines.append("    probabilities /= probabilities.sum(axis=-1, keepdims=True)")
    return lines
