"""Whether the metrics of a spec fit its task, and what it watches is measured."""

from __future__ import annotations

from typing import Any

from nnspec.errors import Mark, nearest
from nnspec.language.metrics import METRICS, Metric
from nnspec.language.metrics_by_output import alone_in, reported_metrics
from nnspec.language.problems import Problems
from nnspec.language.schema import Model
from nnspec.language.training_schema import Training
from nnspec.language.tree import Map, Sequence
from nnspec.language.watching import Keep, metric_of

_TARGETS = {
    "regression": "numbers",
    "binary": "yes or no",
    "multiclass": "one of several classes",
    "labels": "lists of labels",
}
_COMPARED = {
    "distance": "distances, of which none alone says yes",
    "distances": "distances of pairs, of which none alone says yes",
    "cosines": "cosines of pairs, of which none alone says yes",
    "triplets": "two distances",
    "ranks": "scores of labels, of which none alone says yes",
    "nothing": "a loss without a target",
}
"""Words for the views of losses of which their kind does not say all."""
_SOME_CLASS = 2


def report_metrics(model: Model, given: Any, problems: Problems) -> None:
    """Report what is wrong with `metrics` and with what is watched; given: the whole training."""
    training = model.training
    assert training is not None
    kind, trained = training.metric_kind, alone_in(training)
    names: dict[str, str] = {}
    for i, metric in enumerate(training.metrics or ()):
        mark = _item_mark(given, i)
        if not any(each.takes_metric(metric) for each in trained):
            _report_unfit(metric, trained, mark, problems)
            continue
        for name in metric.names(kind, _SOME_CLASS) or (metric.type,):
            if name in names:
                problems.add(
                    "duplicate-name",
                    f"two metrics are reported as `{name}`",
                    mark,
                    "leave one out, or give it another average",
                )
                break
            names[name] = metric.type
    rate: Any = training.optimizer.learning_rate
    records: dict[str, Keep | None] = {"stop": training.stop, "keep": training.keep}
    if getattr(rate, "schedule", "") == "plateau":
        records["optimizer.learning_rate"] = rate.watched
    for key, record in records.items():
        if record is not None and record.metric is not None:
            _report_watched(model, key, record, given, problems)


def _report_unfit(
    metric: Metric, trained: list[Training], mark: Mark | None, problems: Problems
) -> None:
    """Report a metric that fits none of these trainings, each of one output."""
    fitting = [
        name
        for name, each in METRICS.items()
        if any(_takes(training, each) for training in trained)
    ]
    why = " nor for ".join(dict.fromkeys(map(_predicted, trained)))
    problems.add(
        "unfit-metric",
        f'the metric "{metric.type}" is not defined for {why}',
        mark,
        f"choose of {', '.join(fitting)}" if fitting else "leave out `metrics`",
    )


def _takes(training: Training, metric: type[Metric]) -> bool:
    # Without logits, whether the network ends in probabilities is not known here.
    loss = training.resolved_loss
    has_logits = loss.compares in ("", "signs") and bool(loss.leaves_out)
    return training.takes_metric(_usual(metric)) and (has_logits or not metric.needs_probabilities)


def _predicted(training: Training) -> str:
    """Return in words what one output predicts, and what says so."""
    loss, kind = training.resolved_loss, training.metric_kind
    if loss.only_metrics or loss.compares or kind != training.kind:
        targets = _COMPARED.get(loss.compares, _TARGETS[kind])
        return f"{targets}, which the loss {loss.type} compares"
    return f'{_TARGETS[kind]}, which the task "{training.task}" predicts'


def _shown(metric: Metric, kind: Any) -> list[str]:
    """Return the names of a metric; of classes, of which it is not known how many, the first."""
    names = list(metric.names(kind, _SOME_CLASS))
    if len(names) < _SOME_CLASS:
        return names
    return [f"{names[0]} and so on, one for each class"]


def _usual(metric: type[Metric]) -> Metric:
    return metric.model_validate({"type": metric.model_fields["type"].default})


def _report_watched(model: Model, key: str, record: Keep, given: Any, problems: Problems) -> None:
    training = model.training
    assert training is not None
    kind, metrics = training.metric_kind, reported_metrics(training)
    holder, mark = given, None
    for part in key.split("."):
        mark = _mark(holder, part) or mark
        holder = holder.get(part) if isinstance(holder, dict) else None
    mark = _mark(holder, "metric") or mark
    name = record.metric or ""
    validation = None if model.data is None else model.data.has_validation
    known = ["loss"]
    prefix = "" if validation is False else "val_"
    if validation is not False:
        known.append("val_loss")
    known += [f"{prefix}{each}" for one in metrics for each in one.names(kind, _SOME_CLASS)]
    shown = [f"{prefix}{each}" for one in metrics for each in _shown(one, kind)]
    measured = f"measured: {', '.join([*(['loss', 'val_loss'][: 1 + bool(prefix)]), *shown])}"
    is_known = name in known or (
        metric_of(name, metrics, kind) is not None
        and (validation is None or name.startswith("val_") == validation)
    )
    if is_known:
        return
    bare = name.removeprefix("val_")
    hint, meant = measured, nearest(name, known)
    if validation is False and bare in ("loss", *known):
        hint = f"no rows are kept for validation: write {bare}, or give `data.validation` a share"
    elif f"val_{name}" in known:
        hint = f"it is measured of the validation rows: write val_{name}"
    elif bare in METRICS and kind in METRICS[bare].fits:
        hint, meant = f"add {bare} to `metrics`; {hint}", ""
    problems.add(
        "unknown-measure",
        f'`training.{key}.metric` is "{name}", which no epoch measures{meant}',
        mark,
        hint,
    )


def _item_mark(given: Any, i: int) -> Mark | None:
    listed = given.get("metrics") if isinstance(given, dict) else None
    if isinstance(listed, Sequence) and i < len(listed.marks):
        return listed.marks[i]
    return _mark(given, "metrics")


def _mark(holder: Any, key: str) -> Mark | None:
    return holder.marks[key][1] if isinstance(holder, Map) and key in holder.marks else None
