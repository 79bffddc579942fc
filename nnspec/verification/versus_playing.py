"""The rounds of two networks in one source, held to their laws and to the formulas of losses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.versus import Versus, of_models
from nnspec.network.networks import Networks
from nnspec.network.roles import has_statistics
from nnspec.support.noise import QUIET
from nnspec.support.streams import derived_seed, normal, stream, uniform
from nnspec.training.streams import drawn
from nnspec.verification.engines import SourceEngine
from nnspec.verification.recorder import Recorder
from nnspec.verification.samples import sizes_of
from nnspec.verification.settings import Settings
from nnspec.verification.tolerance import (
    EXACT,
    tensor_error,
)
from nnspec.verification.versus_average import Averages
from nnspec.verification.versus_formulas import (
    MOST,
    discriminator_loss,
    generator_loss,
    penalty,
)

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

ROUNDS = 10
"""Each of as many steps of the discriminator as the spec says, and one of the generator.

A step has as many batches as are accumulated.
"""
PENALTY = 1e-6
"""Relative: the error of a loss whose slopes are differences."""


@dataclass
class Played:
    """The rounds of one source.

    losses: of every step. weights: after the last, statistics as the spec defines them. further:
    averages and samples. broken: laws that a step broke. formula: the largest relative error of a
    loss by the spec's formula.
    """

    losses: list[float] = field(default_factory=list)
    weights: Weights = field(default_factory=dict)
    further: Weights = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    formula: list[tuple[str, float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class _Batch:
    real: Array
    noise: Array
    mix: Array


def _batch(networks: Networks, settings: Settings, step: int) -> _Batch:
    """Return the rows of a step, which depend on its number alone."""
    (taken,) = networks.discriminator.graph.inputs.values()
    (given,) = networks.generator.graph.inputs.values()
    shape, rows = [int(size) for size in taken.shape], settings.batch
    count = rows * int(np.prod(shape))
    key = settings.seed, step
    real = normal(stream("versus real", *key), count).reshape(rows, *shape)
    sizes = [int(size) for size in given.shape]
    noise = drawn(networks.training, rows, sizes, "verify", *key).astype(np.float64)
    return _Batch(real, noise, uniform(stream("versus mix", *key), rows))


def play(program: Versus, networks: Networks, settings: Settings, run: Played) -> None:
    """Take the rounds; the first and the last are watched for what they must not change."""
    training = networks.training
    made, judged = training.generator.model, training.discriminator.model
    averages, number = Averages(networks), 0
    for turn in range(ROUNDS):
        is_watched = turn in (0, ROUNDS - 1)
        for is_last in (*(False,) * training.turn, *(True,) * training.generator.accumulate):
            batch = _batch(networks, settings, number)
            program.take_noise(derived_seed("versus noise", settings.seed, number))
            before = _seen(program, judged if is_last else made) if is_watched else {}
            if is_last:
                run.losses.append(program.generator_step(batch.noise))
                averages.follow(program)
            else:
                run.losses.append(program.discriminator_step(batch.real, batch.noise, batch.mix))
            if is_watched:
                _watch(program, made, judged, before, run, of_generator=is_last)
            number += 1
    run.weights = program.weights()
    run.broken += averages.broken(program)
    run.further = {f"the average of {name}": each for name, each in averages.kept(program).items()}
    if not has_statistics(networks.generator.graph):  # whose formulas may be the framework's own
        run.further["samples"] = program.sample(batch.noise)


def _seen(program: Versus, model: str) -> Weights:
    gradients = program.gradients_left(model)
    return {
        **of_models(program.weights(), model),
        **{f"the gradient of {name}": array for name, array in gradients.items()},
    }


def _watch(
    program: Versus, made: str, judged: str, before: Weights, run: Played, *, of_generator: bool
) -> None:
    """Note what a step has changed of the network that it does not train."""
    other = judged if of_generator else made
    after = _seen(program, other)
    step = "generator" if of_generator else "discriminator"
    for name, array in after.items():
        if name not in before or not np.array_equal(before[name], array, equal_nan=True):
            told = f"the {step}'s step changes {name} of {other}"
            if told not in run.broken:
                run.broken.append(told)


def hold_turns(program: Versus, networks: Networks, run: Played) -> None:
    """See that the emitted program lets the generator step when the spec says."""
    turn = networks.training.turn
    wrong = [
        number
        for number in range(1, 3 * turn + 2)
        if program.is_generators_turn(number) != (number % turn == 0)
    ]
    if wrong:
        run.broken.append(
            f"the generator is to follow every {turn} batches of the discriminator, and after "
            f"{wrong[0]} the program says otherwise"
        )


def hold_to_formulas(
    program: Versus, networks: Networks, settings: Settings, run: Played, recorder: Recorder
) -> None:
    """Compare the losses of the first steps with the spec's formulas of their scores."""
    training = networks.training
    made, judged = training.generator.model, training.discriminator.model
    batch, loss = _batch(networks, settings, 0), training.loss
    program.take_noise(QUIET)
    weight = float(getattr(loss, "gradient_penalty", 0.0))
    fake = program.outputs_in_training(made, batch.noise)
    is_known = not weight or (
        fake[0].size <= MOST and not has_statistics(networks.discriminator.graph)
    )
    if is_known:
        scores = [program.outputs_in_training(judged, rows) for rows in (batch.real, fake)]
        expected = discriminator_loss(loss, *scores)
        if weight:
            expected += weight * penalty(program, judged, batch.real, fake, batch.mix)
        told = program.discriminator_step(batch.real, batch.noise, batch.mix)
        limit = PENALTY if weight else EXACT
        run.formula.append(("discriminator", _off(told, expected), limit))
    else:
        recorder.note(
            "the penalty of the gradient is compared between the sources alone: its rows are too "
            "large for differences, or not scored one by one"
        )
    fake = program.outputs_in_training(made, batch.noise)
    expected = generator_loss(loss, program.outputs_in_training(judged, fake))
    run.formula.append(("generator", _off(program.generator_step(batch.noise), expected), EXACT))


def _off(found: float, expected: float) -> float:
    return tensor_error(np.array(found), np.array(expected), 1e-3)


def as_defined(
    engine: SourceEngine,
    networks: Networks,
    settings: Settings,
    weights: Weights,
    trained: Weights,
) -> Weights:
    """Put the spec's value in the place of each statistic with a formula of the framework's own."""
    training = networks.training
    found = dict(trained)
    passes = {
        training.generator.model: ROUNDS * training.generator.accumulate,
        training.discriminator.model: 2 * ROUNDS * training.turn,
    }
    for model, times in passes.items():
        graph = networks.models[model].graph
        calls: dict[str, list[int]] = {}
        for at in graph.walk():
            if type(at.node.layer) in engine.backend.divergences:
                elements = int(np.prod(sizes_of((*at.steps, *at.input_shapes[0]), {})))
                calls.setdefault(at.home, []).append(settings.batch * elements)
        for at in graph.walk():
            divergence = engine.backend.divergences.get(type(at.node.layer))
            if divergence is None or at.home != at.path:
                continue
            name = f"{model}.{at.path}.{divergence.parameter}"
            if name not in found or not getattr(at.node.layer, "trainable", True):
                continue
            elements = calls[at.path][0]
            found[name] = divergence.canonical(
                at.node.layer,
                weights[name],
                found[name],
                times * len(calls[at.path]),
                elements // found[name].size,
            )
    return found
