"""Writes what refuses rows for which a watched metric, such as auc, is not defined."""

from __future__ import annotations

from typing import NamedTuple

from nnspec.emit.code import literal, wrap
from nnspec.emit.goals import as_trained, is_named
from nnspec.language.metrics import Metric
from nnspec.language.metrics_by_output import OfOutput, reported_metrics
from nnspec.language.schedules import Schedule
from nnspec.language.watching import Keep, metric_of, watched
from nnspec.language.weighting import is_weighted
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of

FUNCTION = "require_classes"


class Required(NamedTuple):
    """The definition, and the line of `main` that calls it."""

    text: str
    call: str


class _Watched(NamedTuple):
    name: str
    metric: Metric
    kind: str
    target: str
    rank: int
    ignored: float | None


def required_classes(spec: Spec) -> Required | None:
    """Return what raises an error before the first epoch, or None where nothing can be missing."""
    data, found = spec.model.data, _watched(spec)
    if data is None or not found:
        return None
    parameter = "targets" if is_named(spec) else "target"
    kind = "dict[str, np.ndarray]" if is_named(spec) else "np.ndarray"
    lines = [
        f"def {FUNCTION}({parameter}: {kind}) -> None:",
        '    """Raise an error where what epochs are judged by is not defined for their rows."""',
    ]
    for each in found:
        missing, told = _missing(each)
        if each.kind == "multiclass":
            lines += wrap(f"classes = {each.target}", 4)
            lines += [
                f"    if classes.ndim == {each.rank + 1}:  # a probability per class",
                "        classes = classes.argmax(axis=-1)",
            ]
            if each.ignored is not None:
                lines.append(f"    classes = classes[classes != {each.ignored}]")
        lines += wrap(f"if {missing}:", 4)
        message = f'"{each.name}" is not defined: {told}'
        lines += wrap(f"raise ValueError({literal(message)})", 8)
    part = "validation" if data.has_validation else "train"
    call = [f'        {FUNCTION}(data["{part}"][-1])']
    if is_weighted(spec.model):  # rows of weight 0 count for nothing
        counted = f"{parameter}[counts > 0]"
        if is_named(spec):
            counted = f"{{name: each[counts > 0] for name, each in {parameter}.items()}}"
        call = [
            f'        *_, {parameter}, counts = data["{part}"]',
            *wrap(f"{FUNCTION}({counted})", 8),
        ]
    return Required("\n".join(lines), "\n".join(call))


def _missing(each: _Watched) -> tuple[str, str]:
    """Return the condition under which it is not defined, and that in words."""
    if each.kind == "binary":
        if each.metric.least_classes == 2:
            return f"not 0 < np.mean({each.target} > 0.5) < 1", "all rows are of one class"
        return f"not ({each.target} > 0.5).any()", "no row is a yes"
    number = each.name.rpartition("_class_")[2]
    if "_class_" in each.name and number.isdecimal():
        absent = f"{number} not in classes"
        if each.metric.least_classes == 2:
            absent = f"{absent} or (classes == {number}).all()"
        return absent, f"class {number} has none of the rows, or all"
    return "len(np.unique(classes)) < 2", "all rows are of one class"


def _watched(spec: Spec) -> list[_Watched]:
    data, training = spec.model.data, as_trained(spec).model.training
    if data is None or training is None:
        return []
    rate = training.optimizer.learning_rate
    records: list[Keep | None] = [training.keep, training.stop]
    if isinstance(rate, Schedule):
        records.append(getattr(rate, "watched", None))
    losses = {term.output: term.training.resolved_loss for term in terms_of(spec.model, spec.graph)}
    found: dict[str, _Watched] = {}
    for record in records:
        name = watched(record, has_validation=data.has_validation)
        metric = metric_of(name, reported_metrics(training), training.kind)
        output, target, kind = spec.graph.outputs[0], "target", training.kind
        if isinstance(metric, OfOutput):
            output, kind = metric.output, metric.kind
            target = f"targets[{literal(output)}]"
            metric = metric.metric
        is_always = kind == "multiclass" and "_class_" not in name
        least = 0 if metric is None else metric.least_classes
        if metric is not None and least > (1 if is_always else 0):
            rank = spec.graph.types[output].rank
            loss = losses.get(output) or training.resolved_loss
            found[name] = _Watched(name, metric, kind, target, rank, loss.ignored)
    return list(found.values())
