"""Two specs that are to train alike: what a step of each minimises and follows, beside the numbers.

Their networks are compared with the loss and the optimizer of the first alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nnspec.errors import NnspecError
from nnspec.judge.judgement import Judgement
from nnspec.language.objectives import loss_of, trained_outputs
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Training
from nnspec.network.loader import Spec
from nnspec.support.streams import derived_seed
from nnspec.training.lengths import with_assumed_steps
from nnspec.verification.recorder import Recorder

RUN = ("epochs", "batch_size", "shuffle", "seed", "stop", "keep")
"""Settings of a run, which no step of the optimizer shows."""
STEPS = 5
"""That two optimizers of other words are followed for."""
FAR = (*range(2000), *range(2000, 200_000, 997))
"""Steps whose learning rates are compared."""
SAME = 1e-9
"""Relative, of what two optimizers give."""


def compare_trainings(first: Spec, second: Spec, report: Judgement) -> None:
    """Add to a report of two specs what they say of training, which may take its agreement back."""
    mine, theirs = first.model.training, second.model.training
    if mine is None and theirs is None:
        return
    recorder, pair = Recorder(report), (first.name, report.against)
    if mine is None or theirs is None:
        which = pair[0] if mine is None else pair[1]
        _take_back(report)
        recorder.leave_out("training", pair, f"{which} has no `training`: no loss, no optimizer")
        return
    found = [*_differing(first, second), *_frozen(first, second, report)]
    unsure = [*_unsure(mine, theirs)]
    if found or unsure:
        _take_back(report)
    if found:
        recorder.add_findings("training", "", pair[0], {pair[1]: found})
    for reason in unsure:
        recorder.leave_out("training", pair, reason)
    for key in RUN:
        one, other = (getattr(each, key) for each in (mine, theirs))
        if one != other:
            told = f"`{key}` is {_told(one)} in {pair[0]}, and {_told(other)} in {pair[1]}"
            recorder.note(f"{told}, which the steps do not show")


def _take_back(report: Judgement) -> None:
    """Take away that steps agree with the loss and the optimizer of the first spec."""
    report.checks[:] = [
        each for each in report.checks if each.kind != "training" or not each.passed
    ]


def _differing(first: Spec, second: Spec) -> Iterator[str]:
    """Yield what two specs minimise or follow otherwise, a sentence each."""
    mine, theirs = (_resolved(each) for each in (first, second))
    one, other = (_losses(each) for each in (first, second))
    if one != other:
        yield f"it minimises {_told_losses(other)}, and {first.name} {_told_losses(one)}"
    yield from _optimizers(mine.optimizer, theirs.optimizer)
    for key in ("clip", "average"):
        a, b = (_dumped(getattr(each, key)) for each in (mine, theirs))
        if a != b:
            yield f"its `{key}` is {_told(b)}, and not {_told(a)}"
    if mine.accumulate != theirs.accumulate and _rows(mine) != _rows(theirs):
        yield f"its `accumulate` is {theirs.accumulate}, and not {mine.accumulate}"
    a, b = (_mask(each) for each in (first, second))
    if a != b:
        yield f"its `mask` is {_told(theirs.mask)}, and not {_told(mine.mask)}"


def _unsure(mine: Training, theirs: Training) -> Iterator[str]:
    """Yield what may be the same in other words."""
    if _dumped(mine.regularization) != _dumped(theirs.regularization):
        yield "the terms of weights or activations in the loss are not those of the other"
    if mine.accumulate != theirs.accumulate and _rows(mine) == _rows(theirs):
        yield "a step takes as many rows in other batches: they are the same for some layers alone"


def _frozen(first: Spec, second: Spec, report: Judgement) -> Iterator[str]:
    """Yield a parameter that learns in one spec alone."""
    theirs = dict(second.graph.parameters())
    for name, each in first.graph.parameters():
        source = report.sources.get(name)
        other = theirs.get(source.tensor) if source is not None else None
        if other is not None and not each.is_fixed and each.learns != other.learns:
            which = (first.name, report.against) if each.learns else (report.against, first.name)
            yield f"{name} learns in {which[0]}, and not in {which[1]}"
            return


def _resolved(spec: Spec) -> Training:
    """Return a training whose schedule is one of steps."""
    try:
        found = with_assumed_steps(spec).model.training
    except NnspecError:  # of lengths that no run has
        found = spec.model.training
    assert found is not None
    return found


def _losses(spec: Spec) -> list[tuple[int, Any]]:
    """Return the losses of a spec by the places of its outputs."""
    training, outputs = spec.model.training, spec.graph.outputs
    assert training is not None
    return [
        (outputs.index(name), _dumped(loss_of(training, name)))
        for name in trained_outputs(training, outputs)
    ]


def _told_losses(losses: list[tuple[int, Any]]) -> str:
    return " + ".join(_told(each) for _, each in losses)


def _optimizers(mine: Optimizer, theirs: Optimizer) -> Iterator[str]:
    """Yield how two optimizers differ: by their words, where their steps do too."""
    one, other = _dumped(mine), _dumped(theirs)
    if one == other or (_places(one) == _places(other) and _steps_alike(mine, theirs)):
        return
    if mine.type != theirs.type:
        yield f"its optimizer is {theirs.type}, and not {mine.type}"
    for key in one:
        if key != "type" and key in other and one[key] != other[key]:
            yield f"its {key} is {_told(other[key])}, and not {_told(one[key])}"


def _places(dumped: dict[str, Any]) -> list[Any]:
    """Return what depends on the names of parameters."""
    return [dumped["groups"], *(dumped[n] for n in ("l2", "decay") if isinstance(dumped[n], dict))]


def _steps_alike(mine: Optimizer, theirs: Optimizer) -> bool:
    """Whether the rates and the formulas of two optimizers give the same."""
    for each in (mine, theirs):
        rate = each.learning_rate
        if each.cycles_momentum or (isinstance(rate, Schedule) and rate.schedule == "plateau"):
            return False  # what the number of a step alone does not say
    one, other = mine.steps(), theirs.steps()
    if one is None or other is None or mine.keeps_average != theirs.keeps_average:
        return False
    rates = [[each.rate(step) for step in FAR] for each in (mine, theirs)]
    if not np.allclose(rates[0], rates[1], rtol=SAME, atol=0.0):
        return False
    draw = np.random.default_rng(derived_seed("two optimizers"))
    first = second = draw.normal(size=(3, 4))
    for step in range(1, STEPS + 1):
        gradient = draw.normal(size=first.shape)
        first, second = one(first, gradient, step), other(second, gradient, step)
    return bool(np.allclose(first, second, rtol=SAME, atol=SAME))


def _rows(training: Training) -> int:
    """Return the rows of a step."""
    return training.accumulate * training.batch_size


def _mask(spec: Spec) -> int | None:
    """Return the place of the input that is the mask."""
    training = spec.model.training
    assert training is not None
    return list(spec.graph.inputs).index(training.mask) if training.mask is not None else None


def _dumped(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_dumped(each) for each in value]
    return value.model_dump() if hasattr(value, "model_dump") else value


def _told(value: Any) -> str:
    """Return a value as a spec has it: what has a type by that, and what it sets."""
    if value is None:
        return "none"
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    if isinstance(value, dict):
        kind = value.get("type") or value.get("schedule")
        rest = {n: each for n, each in value.items() if n not in ("type", "schedule")}
        own = ", ".join(f"{n}: {_told(each)}" for n, each in rest.items() if each is not None)
        return f"{kind} ({own})" if kind and own else str(kind or f"{{{own}}}")
    return str(value)
