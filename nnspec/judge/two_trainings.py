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
from nnspec.language.optimizers.groups import Settings
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Training
from nnspec.network.loader import Spec
from nnspec.network.parameter_groups import parameter_settings
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
PLAIN = {"groups": (), "l2": 0.0, "decay": 0.0}
"""Settings that parameters may have of their own."""


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
    found = [
        *_differing(first, second), *_of_parameters(first, second, report),
        *_frozen(first, second, report),
    ]  # fmt: skip
    unsure = [*_unsure(first, second, report)]
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
    is_named = set(first.graph.outputs) == set(second.graph.outputs)
    one, other = (_losses(each, is_named=is_named) for each in (first, second))
    if one != other:
        yield f"it minimises {_told_losses(other)}, and {first.name} {_told_losses(one)}"
    yield from _optimizers(mine.optimizer, theirs.optimizer)
    for key in ("clip", "average"):
        a, b = (_dumped(getattr(each, key)) for each in (mine, theirs))
        if a != b:
            yield f"its `{key}` is {_told(b)}, and not {_told(a)}"
    if mine.accumulate != theirs.accumulate and _rows(mine) != _rows(theirs):
        yield f"its `accumulate` is {theirs.accumulate}, and not {mine.accumulate}"
    if _same_mask(first, second) is False:
        yield f"its `mask` is {_told(theirs.mask)}, and not {_told(mine.mask)}"


def _unsure(first: Spec, second: Spec, report: Judgement) -> Iterator[str]:
    """Yield what may be the same in other words."""
    mine, theirs = (_resolved(each) for each in (first, second))
    one, other = mine.optimizer, theirs.optimizer
    names = [name for name, each in first.graph.parameters() if each.learns]
    if (one.is_grouped or other.is_grouped) and _dumped(one) != _dumped(other):
        unknown = [name for name in names if name not in report.sources]
        if unknown:
            yield f"the settings of parameters by their names: of {unknown[0]} the other is unknown"
    if _same_mask(first, second) is None:
        yield f"whether the mask {theirs.mask} is the input that {mine.mask} is"
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


def _losses(spec: Spec, *, is_named: bool) -> list[tuple[str | int, Any]]:
    """Return the losses of a spec by the names, or else by the places of its outputs."""
    training, outputs = spec.model.training, spec.graph.outputs
    assert training is not None
    given = trained_outputs(training, outputs)
    trained = sorted(given) if is_named else sorted(given, key=outputs.index)
    return [
        (name if is_named else outputs.index(name), _dumped(loss_of(training, name)))
        for name in trained
    ]


def _told_losses(losses: list[tuple[str | int, Any]]) -> str:
    return " + ".join(_told(each) for _, each in losses)


def _optimizers(mine: Optimizer, theirs: Optimizer) -> Iterator[str]:
    """Yield how two optimizers differ: by their words, where their steps do too.

    Where one has settings by the names of parameters, they are compared parameter by parameter.
    """
    if mine.is_grouped or theirs.is_grouped:
        # One rate for all is followed by each parameter, where no schedule says more.
        is_plain = not any(isinstance(each.learning_rate, Schedule) for each in (mine, theirs))
        update = PLAIN | ({"learning_rate": 1e-3} if is_plain else {})
        mine, theirs = (each.model_copy(update=update) for each in (mine, theirs))
    one, other = _dumped(mine), _dumped(theirs)
    if one == other or _steps_alike(mine, theirs):
        return
    if mine.type != theirs.type:
        yield f"its optimizer is {theirs.type}, and not {mine.type}"
    for key in one:
        if key != "type" and key in other and one[key] != other[key]:
            yield f"its {key} is {_told(other[key])}, and not {_told(one[key])}"


def _of_parameters(first: Spec, second: Spec, report: Judgement) -> Iterator[str]:
    """Yield a parameter whose own rate, l2 or decay is another in the other spec."""
    one, other = (_resolved(each).optimizer for each in (first, second))
    if not one.is_grouped and not other.is_grouped:
        return
    theirs = parameter_settings(second.graph, other)
    for name, own in parameter_settings(first.graph, one).items():
        source = report.sources.get(name)
        given = theirs.get(source.tensor) if source is not None else None
        if given is not None and (told := _unlike(one, own, other, given)):
            which = source.tensor if source is not None else name
            yield f"the {told[0]} of its {which} is {told[2]}, and that of {name} {told[1]}"
            return


def _unlike(
    one: Optimizer, own: Settings, other: Optimizer, given: Settings
) -> tuple[str, float, float] | None:
    """Return which setting of a parameter differs, and both."""
    for key in ("l2", "decay"):
        a, b = getattr(own, key), getattr(given, key)
        if not np.isclose(a, b, rtol=SAME, atol=0.0):
            return key, a, b
    is_scheduled = any(isinstance(each.learning_rate, Schedule) for each in (one, other))
    if is_scheduled and own[:2] == given[:2]:  # the schedules are compared by themselves
        return None
    if _has_plateau(one) or _has_plateau(other):
        return "scale", own.scale, given.scale
    for step in FAR[::100]:
        base = one.rate(step), other.rate(step)
        rates = own.rate_of(base[0]), given.rate_of(base[1])
        if not np.isclose(*rates, rtol=SAME, atol=0.0):
            return "learning rate", *rates
    return None


def _steps_alike(mine: Optimizer, theirs: Optimizer) -> bool:
    """Whether the rates and the formulas of two optimizers give the same."""
    if any(each.cycles_momentum or _has_plateau(each) for each in (mine, theirs)):
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


def _has_plateau(optimizer: Optimizer) -> bool:
    rate = optimizer.learning_rate
    return isinstance(rate, Schedule) and rate.schedule == "plateau"


def _rows(training: Training) -> int:
    """Return the rows of a step."""
    return training.accumulate * training.batch_size


def _same_mask(first: Spec, second: Spec) -> bool | None:
    """Whether the masks of two specs are one input, None where that is not known for sure.

    Inputs of one name are the same; of the others, those in one place are taken to be.
    """
    mine, theirs = (_resolved(each).mask for each in (first, second))
    if mine == theirs:
        return True
    inputs = [list(each.graph.inputs) for each in (first, second)]
    if mine is None or theirs is None or mine in inputs[1] or theirs in inputs[0]:
        return False
    unlike = [
        [name for name in some if name not in others] for some, others in (inputs, reversed(inputs))
    ]
    return unlike[0].index(mine) == unlike[1].index(theirs) or None


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
