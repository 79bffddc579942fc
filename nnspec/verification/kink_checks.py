"""Losses and gradients of each pair of sources, with values where functions bend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Trainable
from nnspec.network.loader import Spec
from nnspec.support.causes import cause_of
from nnspec.support.noise import QUIET
from nnspec.verification.comparison import LOSS, Tolerance, kinked_errors
from nnspec.verification.effort import Cost, Effort, leave_near
from nnspec.verification.gradient_blame import first_wrong_gradient
from nnspec.verification.inspected import kinked_gradients, rows_of
from nnspec.verification.kinks import PARTS, kinked_weights
from nnspec.verification.noise import feed
from nnspec.verification.samples import random_inputs
from nnspec.verification.slope_conditioning import SlopeConditioning
from nnspec.verification.tolerance import PROBES

if TYPE_CHECKING:
    from nnspec.backend import Weights
    from nnspec.verification.state import State

Kinked = Sequence[tuple[float, "Weights"]]
"""Loss and gradients, for each set of kinked weights."""


def compare_kinked(
    state: State,
    spec: Spec,
    pair: tuple[str, str],
    least: float,
    kinked: Mapping[str, Kinked],
) -> None:
    """Add the check of losses and gradients where functions bend inside the network."""
    errors = _worst(*(kinked[name] for name in pair))
    if unknown := _unknown(kinked[pair[0]]):
        where = f"in {unknown} of {PARTS} sets of weights"
        reason = f"gradients where functions bend: {where} something is not finite with {pair[0]}"
        state.recorder.leave_out("range", pair, reason)
    if not errors:
        return
    tolerance = Tolerance(least)
    effort = Effort(PROBES, 1)
    if tolerance.exceeded(errors):
        effort = Cost.of(spec.graph, state.batch, state.axes).of_gradients(PARTS)
        tolerance = tolerance.widened(_moved_slopes(state, spec, pair[0], effort))
    if tolerance.exceeded(errors):
        moved = max(_moved(state, spec, pair[0], kinked[pair[0]]).values())
        if moved > least:
            reason = (
                "gradients where functions bend: values are there but for rounding, which "
                f"alone moves the gradients by {moved:.1e}"
            )
            state.recorder.leave_out("range", pair, reason)
            return
    state.recorder.leave_free("range", pair, errors, tolerance.of)
    leave_near(state.recorder, "range", pair, errors, tolerance, effort)
    if not errors:
        return
    state.recorder.add(
        "range",
        (pair[0], f"{pair[1]}, gradients where functions bend"),
        "float64",
        *tolerance.worst(errors),
        blame=lambda: _blame(state, spec, pair),
    )


def _moved(state: State, spec: Spec, name: str, kinked: Kinked) -> dict[str, float]:
    """Return the movement of losses and gradients by rounding, where functions bend.

    Where a value is at a kink but for rounding, either side is right.
    """
    engine = state.source(name)
    program = engine.build(spec, state.weights, "float64")
    assert isinstance(program, Trainable)
    feed(program, QUIET)
    worst = {LOSS: 0.0}
    for draw in state.tolerances.amplification.draws():
        other = kinked_gradients(state, spec, program, draw)
        for each, error in _worst(kinked, other).items():
            worst[each] = max(worst.get(each, 0.0), error)
    return worst


def _moved_slopes(state: State, spec: Spec, name: str, effort: Effort) -> dict[str, float]:
    """Return the movement of losses and gradients by rounded derivatives, where functions bend.

    Values stay where they are, at a kink or beside it.
    """
    engine = state.source(name)
    worst: dict[str, float] = {}
    if effort.draws == 0:
        return worst
    try:
        network = SlopeConditioning(engine, spec, state.weights)
        inputs, target = rows_of(state, spec)
        for part in range(PARTS):
            weights = kinked_weights(spec.graph, state.weights, part, state.settings.seed)
            measured = network.at(weights, inputs, target)
            exact = network.exact(measured)
            for seed in state.tolerances.amplification.seeds()[: effort.draws]:
                draw = np.random.default_rng(seed)
                other = network.moved(measured, draw, of_results=False)
                for each, error in _worst([exact], [other]).items():
                    worst[each] = max(worst.get(each, 0.0), error)
    except Exception as error:
        state.recorder.note(
            f"rounding of derivatives could not be measured where functions bend: {cause_of(error)}"
        )
    return worst


def _blame(state: State, spec: Spec, pair: tuple[str, str]) -> tuple[str | None, str]:
    """Return the last layer whose gradient differs alone where functions bend."""
    for part in range(PARTS):
        weights = kinked_weights(spec.graph, state.weights, part, state.settings.seed)
        layer = wrong_alone(state, spec, pair, weights)
        if layer is not None:
            return layer, "alone its gradient differs where a function bends."
    return None, ""


def wrong_alone(state: State, spec: Spec, pair: tuple[str, str], weights: Weights) -> str | None:
    """Return the last layer whose gradient differs where both engines are fed the same."""
    state.progress(f"where the gradients of {pair[0]} and {pair[1]} part")
    inputs = random_inputs(spec.graph, state.batch, state.axes, state.settings.seed)
    found = (state.source(pair[0]), state.source(pair[1]))
    return first_wrong_gradient(spec, weights, inputs, found, state.axes)


def _is_finite(one: tuple[float, Weights]) -> bool:
    loss, gradients = one
    return bool(np.isfinite(loss)) and all(np.isfinite(each).all() for each in gradients.values())


def _unknown(kinked: Kinked) -> int:
    """Return how many sets of weights have a loss or a gradient that is not finite."""
    return sum(not _is_finite(each) for each in kinked)


def _worst(first: Kinked, second: Kinked) -> dict[str, float]:
    """Return the largest errors of loss and gradients, where all are finite."""
    errors: dict[str, float] = {}
    for one, other in zip(first, second, strict=True):
        if not _is_finite(one):
            continue
        for name, error in kinked_errors(one, other).items():
            errors[name] = max(errors.get(name, 0.0), error)
    return errors
