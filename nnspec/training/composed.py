"""Measures of a network that minimises several losses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnspec.backend import HoldsRows, Measured, Positions, Trainable
from nnspec.errors import UsageError
from nnspec.language.metrics_by_output import OfOutput, reported_metrics
from nnspec.language.objectives import named_outputs
from nnspec.language.watching import metric_of, watched
from nnspec.network.loader import Spec
from nnspec.network.objectives import Term, terms_of
from nnspec.network.regularization import PENALTY
from nnspec.network.scores import threshold
from nnspec.training.metrics import measure, require_measurable, undefined

if TYPE_CHECKING:
    from nnspec.data.dataset import Dataset, Part

Array = NDArray[Any]


def measured_by_output(
    spec: Spec, losses: Mapping[str, float], outputs: Mapping[str, Array], part: Part
) -> dict[str, float]:
    """Return the sum of the losses by their weights, each loss, and the metrics of each output.

    losses: each without its weight. The metrics are called after the output: `score_mae`.
    """
    terms = terms_of(spec.model, spec.graph)
    sums = [term.loss.weight * losses[term.output] for term in terms]
    values = {"loss": math.fsum([*sums, losses.get(PENALTY, 0.0)])}
    assert spec.model.training is not None
    if not named_outputs(spec.model.training):  # one loss, with a weight
        return values | metrics_of(terms[0], outputs, part.target, part.weight)
    values |= {f"{term.output}_loss": losses[term.output] for term in terms}
    for term in terms:
        found = metrics_of(term, outputs, part.target, part.weight)
        values |= {f"{term.output}_{name}": value for name, value in found.items()}
    return values


def metrics_of(
    term: Term, outputs: Mapping[str, Array], target: Any, weight: Array | None = None
) -> dict[str, float]:
    """Return the metrics of one output."""
    output, goal = outputs[term.output], target[term.output]
    return measure(term.graph, term.training, output, goal, weight=weight)


def evaluate_composed(
    program: Trainable, spec: Spec, part: Part, batch_size: int
) -> dict[str, float]:
    """Return what `measured_by_output` does, of a part of the rows, as at inference."""
    if not isinstance(program, HoldsRows):
        raise UsageError("several losses are measured of programs that hold rows alone")
    steps = math.ceil(len(part) / batch_size)
    take: Callable[[Positions], Measured] = program.measurer(part.inputs, part.goal, steps)
    totals: dict[str, float] = {}
    outputs: dict[str, list[Array]] = {}
    for start in range(0, len(part), batch_size):
        rows = slice(start, min(start + batch_size, len(part)))
        losses, given = take(rows)
        assert isinstance(losses, Mapping)
        assert isinstance(given, Mapping)
        for name, loss in losses.items():
            totals[name] = totals.get(name, 0.0) + loss * (rows.stop - rows.start)
        for name, values in given.items():
            outputs.setdefault(name, []).append(values)
    means = {name: total / len(part) for name, total in totals.items()}
    whole = {name: np.concatenate(parts) for name, parts in outputs.items()}
    return measured_by_output(spec, means, whole, part)


def require_composed(spec: Spec) -> None:
    """Raise UsageError for a metric that means nothing for the task of its output."""
    for term in terms_of(spec.model, spec.graph):
        require_measurable(term.training)


def require_watched(spec: Spec, data: Dataset) -> None:
    """Raise UsageError where `keep`, `stop` or the rate follow what no epoch measures."""
    from nnspec.training.watching import plateau_of

    training = spec.model.training
    assert training is not None
    has_validation = data.validation is not None
    part = data.validation if data.validation is not None else data.train
    terms = {term.output: term for term in terms_of(spec.model, spec.graph)}
    is_named = bool(named_outputs(training))
    (first, *_) = terms.values()
    metrics = reported_metrics(training) if is_named else first.training.resolved_metrics
    records = {"stop": training.stop, "keep": training.keep}
    for key, record in (*records.items(), ("optimizer.learning_rate", plateau_of(training))):
        name = watched(record, has_validation=has_validation)
        bare = name.removeprefix("val_")
        if bare == "loss" and (name == bare or has_validation):
            continue
        found = metric_of(name, metrics, first.training.metric_kind)
        why = ""
        if found is None or (name == bare) == has_validation:
            why = "no epoch measures it"
        else:
            output = found.output if isinstance(found, OfOutput) else first.output
            term, own = terms[output], bare.removeprefix(f"{output}_") if is_named else bare
            assert isinstance(part.target, dict)
            if own in undefined(term.graph, term.training, part.target[output], part.weight):
                why = "it is not defined for the rows that epochs measure"
        if why:
            raise UsageError(f'`training.{key}` watches "{name}": {why}')


def thresholds_of(spec: Spec) -> dict[str, str]:
    """Return what an exported model says of its outputs of yes or no: what exceeds it is yes."""
    found = {
        term.output: threshold(term.graph, term.training)
        for term in terms_of(spec.model, spec.graph)
        if term.training.kind == "binary"
    }
    return {"nnspec.thresholds": json.dumps(found)} if found else {}
