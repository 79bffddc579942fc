"""One engine's training: gradients of a first batch, and the weights after some steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Inspectable, Trainable
from nnspec.network.loader import Spec
from nnspec.support.noise import QUIET
from nnspec.verification.engines import SourceEngine
from nnspec.verification.inspected import Inspected
from nnspec.verification.noise import feed, noise_seed
from nnspec.verification.samples import random_goals, random_inputs, sizes_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Target, Weights
    from nnspec.verification.state import State

GradientsOf = Callable[["Weights", Mapping[str, "Array"], "Target", int], tuple[float, "Weights"]]
"""(weights, inputs, target, seed of what random layers draw) -> loss and gradients."""

TRAINING_SEED = 100
"""Keeps the batches of training apart from the other inputs."""


@dataclass
class TrainedRun:
    """Results of one engine in training."""

    gradients: Weights = field(default_factory=dict)
    """Of the first batch, and of the loss that `losses` begins with."""
    losses: list[float] = field(default_factory=list)
    weights: Weights = field(default_factory=dict)
    """After the last step, statistics as the spec defines them."""
    notes: list[str] = field(default_factory=list)
    unsettled: dict[str, str] = field(default_factory=dict)
    """Statistics with a formula of the framework's own that cannot be undone, and why."""
    inspected: Inspected = field(default_factory=Inspected)


def train_steps(
    state: State,
    engine: SourceEngine,
    spec: Spec,
    weights: Weights,
    *,
    inspect: Callable[[Trainable], Inspected] | None = None,
    gradients_of: GradientsOf | None = None,
) -> TrainedRun:
    """Return the gradients of a first batch and the weights after the steps, in float64.

    inspect: further questions to the program, at the end. gradients_of: gives loss and gradients
    in the place of the program's own.
    """
    program = engine.build(spec, weights, "float64")
    assert isinstance(program, Trainable)
    run = TrainedRun()
    draws = spec.graph.is_random
    batches = batches_of(state.settings.steps, spec)
    for step in range(batches):
        inputs, target = batch_of(state, spec, step)
        seed = noise_seed(state, step)
        if gradients_of is not None:
            assert isinstance(program, Inspectable)
            loss, gradients = gradients_of(program.weights(), inputs, target, seed)
            run.gradients = run.gradients or gradients
            run.losses.append(loss)
            program.follow(inputs, target, gradients)
            continue
        if draws:
            feed(program, seed)
        if step == 0:
            _, run.gradients = program.gradients(inputs, target)
            if draws:
                feed(program, seed)
        run.losses.append(program.train_step(inputs, target))
    run.weights = program.weights()
    if draws:
        feed(program, QUIET)  # what else is asked is of values that stay where they are
    if inspect is not None:
        run.inspected = inspect(program)
    _undo_divergences(state, engine, spec, weights, run)
    return run


def batches_of(steps: int, spec: Spec) -> int:
    """Return how many batches so many optimizer steps take."""
    training = spec.model.training
    return steps * (training.accumulate if training is not None else 1)


def batch_of(state: State, spec: Spec, step: int) -> tuple[Mapping[str, Array], Target]:
    """Return inputs and targets, drawn or from the user's rows; these may have no targets."""
    assert spec.model.training is not None
    seed = state.settings.seed + TRAINING_SEED + step
    target = None
    if state.rows is not None:
        inputs, target = state.rows.drawn(state.batch, seed)
    else:
        inputs = random_inputs(spec.graph, state.batch, state.axes, seed)
    if target is None:
        target = random_goals(spec, state.batch, state.axes, seed, inputs)
    return inputs, target


def _undo_divergences(
    state: State, engine: SourceEngine, spec: Spec, weights: Weights, run: TrainedRun
) -> None:
    """Put the spec's value in the place of each statistic with a formula of the framework's own."""
    calls: dict[str, list[int]] = {}
    for at in spec.graph.walk():
        if type(at.node.layer) in engine.backend.divergences:
            elements = int(np.prod(sizes_of((*at.steps, *at.input_shapes[0]), state.axes)))
            calls.setdefault(at.home, []).append(state.batch * elements)
    for at in spec.graph.walk():
        divergence = engine.backend.divergences.get(type(at.node.layer))
        name = f"{at.path}.{divergence.parameter}" if divergence is not None else ""
        is_followed = getattr(at.node.layer, "trainable", True)
        if divergence is None or name not in run.weights or not is_followed:
            continue
        if len(set(calls[at.path])) > 1:
            run.unsettled[name] = (
                f"{name}: {engine.name} follows another variance, {divergence.formula}; its calls "
                "are over several numbers, so that none of the two follows from the other"
            )
            continue
        elements = calls[at.path][0]
        run.weights[name] = divergence.canonical(
            at.node.layer,
            weights[name],
            run.weights[name],
            batches_of(state.settings.steps, spec) * len(calls[at.path]),
            elements // run.weights[name].size,
        )
        note = f"{engine.name}, {divergence.parameter}: {divergence.formula}"
        if note not in run.notes:
            run.notes.append(note)
