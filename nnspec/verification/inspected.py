"""Properties of each source in training that no comparison of ordinary batches shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Inspectable, KeepsAverages, Trainable
from nnspec.backend.programs import Paced
from nnspec.data.weighting import parted
from nnspec.errors import NnspecError
from nnspec.language.objectives import is_composed, named_outputs
from nnspec.language.schedules import Schedule
from nnspec.language.schedules.plateau import Plateau
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of
from nnspec.network.parameter_groups import parameter_settings
from nnspec.support.causes import cause_of
from nnspec.training.composed import metrics_of
from nnspec.training.metrics import measure, require_measurable
from nnspec.verification.kinks import PARTS, bends, kinked_weights
from nnspec.verification.optimizer_checks import formula_errors
from nnspec.verification.samples import random_goals, random_inputs
from nnspec.verification.schedule_checks import plateau_errors, rate_errors
from nnspec.verification.settings import BATCH
from nnspec.verification.tolerance import DOUBLE_ROUNDOFF, EXACT, perturbed

if TYPE_CHECKING:
    from nnspec.backend import Array, Target, Weights
    from nnspec.verification.recorder import Blame
    from nnspec.verification.state import State

MANY_ROWS = 64
"""Of which metrics are measured, where the network is small."""
FOLLOWS = True
"""Whether optimizers are held to their formulas."""
METRIC = 1e-5
"""Relative: Keras averages metrics in float32."""


@dataclass
class Inspected:
    """Properties of one source in training.

    kinked: loss and gradients with weights that bring values to where functions bend.
    formula: the largest error of an optimizer step, and a sentence, where it was followed.
    metrics: by name, what was measured, if it was, and what the spec's definition gives.
    unfollowed: why its optimizer was not followed, where that is to be said; unmeasured: why its
    metrics were not measured.
    """

    kinked: list[tuple[float, Weights]] = field(default_factory=list)
    formula: tuple[float, list[str]] | None = None
    metrics: dict[str, tuple[float | None, float]] = field(default_factory=dict)
    unfollowed: str = ""
    unmeasured: str = ""


def inspect(state: State, spec: Spec, program: object) -> Inspected:
    """Return the properties of a program in float64; it has other weights after."""
    found = Inspected()
    training = spec.model.training
    if not isinstance(program, Trainable) or training is None:
        return found
    seed = state.settings.seed
    inputs, target = rows_of(state, spec)
    if state.is_large and isinstance(program, Inspectable):
        program.start_training()  # what the optimizer remembers is as much as two networks
    is_kinked = not is_smooth(state, spec)
    if is_kinked:
        found.kinked = kinked_gradients(state, spec, program)
    if not isinstance(program, Inspectable):
        found.unfollowed = "its programs show no single step (nnspec.backend.Inspectable)"
        return found
    if state.spec.model.training is not None and spec.graph.outputs == state.graph.outputs:
        if is_kinked:  # else those after the steps are as good
            program.load_weights(state.weights)
        try:
            if not is_composed(spec.model):
                require_measurable(training)
        except NnspecError as error:
            found.unmeasured = cause_of(error)
        else:
            found.metrics = _metrics(state, spec, program)
    optimizer = training.optimizer
    followed = []
    if FOLLOWS and optimizer.steps() is None:
        found.unfollowed = f"{optimizer.type} has no formula to follow"
    elif FOLLOWS and state.is_large:
        size = f"{state.weight_bytes / 1e9:.1f} GB of weights in double precision"
        found.unfollowed = f"the network has {size}"
    elif FOLLOWS:
        own = parameter_settings(spec.graph, optimizer)
        followed.append(formula_errors(program, training, own, state.weights, inputs, target, seed))
    if training.keeps_average and (state.is_large or not isinstance(program, KeepsAverages)):
        found.unfollowed = "the averages of its weights are not followed"
    if isinstance(optimizer.learning_rate, Schedule):
        followed.append(rate_errors(program, optimizer))
        if isinstance(optimizer.learning_rate, Plateau) and isinstance(program, Paced):
            data = spec.model.data
            has_validation = data is not None and data.has_validation
            followed.append(plateau_errors(program, training, has_validation=has_validation))
    found.formula = max(followed, key=lambda errors: errors[0], default=None)
    return found


def is_smooth(state: State, spec: Spec) -> bool:
    """Whether a large network bends nowhere, so that its gradients at kinks would be no others."""
    return state.is_large and not bends(spec)


def rows_of(state: State, spec: Spec) -> tuple[dict[str, Array], Target]:
    """Return the inputs and the target of which a source shows more."""
    rows, axes, seed = state.batch, state.axes, state.settings.seed
    inputs = random_inputs(spec.graph, rows, axes, seed)
    return inputs, random_goals(spec, rows, axes, seed, inputs)


def kinked_gradients(
    state: State, spec: Spec, program: Trainable, draw: np.random.Generator | None = None
) -> list[tuple[float, Weights]]:
    """Return loss and gradients for each set of kinked weights.

    draw: moves inputs and the weights that are at no kink by rounding in double precision.
    """
    inputs, target = rows_of(state, spec)
    if draw is not None:
        inputs = {name: perturbed(array, DOUBLE_ROUNDOFF, draw) for name, array in inputs.items()}
    found = []
    for part in range(PARTS):
        weights = kinked_weights(spec.graph, state.weights, part, state.settings.seed)
        if draw is not None:
            roots = {name: n**0.5 for name, n in state.tolerances.amplification.lengths.items()}
            weights = {
                name: perturbed(array, DOUBLE_ROUNDOFF * roots.get(name, 1.0), draw)
                if array is state.weights.get(name)
                else array
                for name, array in weights.items()
            }
        program.load_weights(weights)
        with np.errstate(all="ignore"):
            found.append(program.gradients(inputs, target))
    return found


def _metrics(
    state: State, spec: Spec, program: Inspectable
) -> dict[str, tuple[float | None, float]]:
    training = spec.model.training
    assert training is not None
    is_small = state.batch >= BATCH and not state.is_large
    rows = MANY_ROWS if is_small else state.batch
    inputs = random_inputs(spec.graph, rows, state.axes, state.settings.seed)
    goal = random_goals(spec, rows, state.axes, state.settings.seed, inputs)
    target, weight = parted(goal)
    outputs = program.forward(inputs)
    if isinstance(target, Mapping):
        expected = {
            f"{term.output}_{name}": value
            for term in terms_of(spec.model, spec.graph)
            for name, value in metrics_of(term, outputs, target, weight).items()
        }
    else:
        (output,) = outputs.values()
        expected = measure(spec.graph, training, output, target, weight=weight)
    actual = program.measured(inputs, goal)
    if is_composed(spec.model) and not named_outputs(training):
        # Of one loss, which is one of several by its own weight or target, none has its output.
        actual = {f"{spec.graph.outputs[0]}_{name}": value for name, value in actual.items()}
    # Without data a source measures what its framework does, and where a loss is not finite none.
    is_finite = bool(np.isfinite([*actual.values()]).all())
    has_all = spec.model.data is not None and bool(actual) and is_finite
    return {
        name: (actual.get(name), value)
        for name, value in expected.items()
        if has_all or name in actual
    }


def add_inspected(state: State, spec: Spec, found: Mapping[str, Inspected]) -> None:
    """Add what each source showed of its optimizer and its metrics."""
    training = spec.model.training
    assert training is not None
    followed = {name: each.formula for name, each in found.items() if each.formula is not None}
    if followed:
        against = f"{training.optimizer.type} as the spec defines it"
        state.recorder.add_errors(
            "optimizer",
            "float64",
            against,
            {name: (error, EXACT) for name, (error, _) in followed.items()},
            blames={name: _told("; ".join(detail)) for name, (_, detail) in followed.items()},
        )
    for name, each in found.items():
        if each.unfollowed:
            state.recorder.leave_out("optimizer", (name,), each.unfollowed)
        if each.unmeasured:
            state.recorder.leave_out("metrics", (name,), each.unmeasured)
    measured = {name: each.metrics for name, each in found.items() if each.metrics}
    if measured:
        findings = {
            name: [
                f"{metric} is {actual:.6g}, and should be {expected:.6g}"
                if actual is not None
                else f"{metric} is not measured"
                for metric, (actual, expected) in metrics.items()
                if actual is None or not abs(actual - expected) <= METRIC * max(abs(expected), 1.0)
            ]
            for name, metrics in measured.items()
        }
        state.recorder.add_findings("metrics", "float64", "the spec", findings)


def _told(detail: str) -> Blame:
    return lambda: (None, detail)
