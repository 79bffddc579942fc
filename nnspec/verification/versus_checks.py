"""A training of a generator against a discriminator: the same in every source, and by its laws."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Can, make_options, versions
from nnspec.backend.versus import Versus, of_models
from nnspec.language.adversarial import ROLES
from nnspec.network.networks import Networks
from nnspec.network.roles import has_statistics
from nnspec.remote.processes import RemoteProgram
from nnspec.support.noise import QUIET
from nnspec.support.streams import derived_seed, normal, stream, uniform
from nnspec.training.streams import drawn
from nnspec.verification.engine_list import engines_of
from nnspec.verification.engines import SourceEngine
from nnspec.verification.noise import silenced, with_noise
from nnspec.verification.recorder import Recorder
from nnspec.verification.remote import RemoteSource
from nnspec.verification.report import Report
from nnspec.verification.samples import exercised_weights, sizes_of
from nnspec.verification.settings import Settings
from nnspec.verification.tolerance import (
    DOUBLE_ROUNDOFF,
    EXACT,
    SAFETY,
    TRAINED,
    largest,
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
    from nnspec.remote.processes import Workers

ROUNDS = 10
"""Each of as many steps of the discriminator as the spec says, and one of the generator.

A step has as many batches as are accumulated.
"""
DRAWS = 3
"""Repetitions with weights that are off by rounding."""
PENALTY = 1e-6
"""Relative: the error of a loss whose slopes are differences."""
_FLOOR = 1e-3
"""Of the largest weight of a network: smaller tensors are compared with this."""


@dataclass
class _Played:
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


def verify_versus(networks: Networks, settings: Settings, workers: Workers | None = None) -> Report:
    """Compare what the sources make of ten rounds, and hold each to the laws of the steps."""
    start = time.perf_counter()
    report = Report(f"{networks.name}, its training", networks.sha256, versions(), ROUNDS)
    recorder = Recorder(report)
    engines = [
        engine
        for engine in engines_of(settings, workers)
        if isinstance(engine, SourceEngine) and Can.TRAINING in engine.backend.can
    ]
    trained = _quiet(networks, engines, recorder)
    weights = {
        f"{name}.{path}": array.astype(np.float64)
        for name, spec in networks.models.items()
        for path, array in exercised_weights(spec.graph, settings.seed).items()
    }
    runs: dict[str, _Played] = {}
    for engine in engines:
        settings.show(f"adversarial training of {engine.name}")
        run = recorder.attempt(
            partial(run_source, engine, trained, settings, weights, recorder),
            kind="adversarial",
            label=engine.name,
        )
        if run is not None:
            runs[engine.name] = run
    _add_laws(recorder, runs)
    if len(runs) < 2:
        only = ", ".join(runs) or "none"
        names = tuple(engine.name for engine in engines)
        reason = f"it takes two sources that train, and here is {only}"
        recorder.leave_out("adversarial", names, reason)
    else:
        _compare(recorder, trained, settings, weights, engines, runs)
    report.seconds = time.perf_counter() - start
    return report


def _quiet(networks: Networks, engines: Sequence[SourceEngine], recorder: Recorder) -> Networks:
    """Return the networks without the randomness that these sources cannot be given alike."""
    models = {}
    for name, spec in networks.models.items():
        graph = with_noise(spec.graph, [engine.backend for engine in engines])
        models[name] = dataclasses.replace(spec, graph=graph)
        if off := silenced(spec.graph, graph):
            paths = ", ".join(f"{name}.{path}" for path, _ in off)
            recorder.note(f"{paths}: the training is compared without what they draw")
    return dataclasses.replace(networks, models=models)


def _built(engine: SourceEngine, networks: Networks, weights: Weights) -> Versus:
    options = make_options(engine.backend, engine.own_options, training=True)
    if isinstance(engine, RemoteSource):
        program: Versus = RemoteProgram(  # type: ignore[assignment]  # it has the methods of it
            engine.worker,
            "build",
            spec=networks,
            weights=weights,
            options=options,
            dtype="float64",
            further={},
        ).ready()
        return program
    compiled = engine.backend.compile_networks(networks, options)
    return compiled.build(weights, dtype="float64")


def run_source(
    engine: SourceEngine,
    networks: Networks,
    settings: Settings,
    weights: Weights,
    recorder: Recorder,
) -> _Played:
    """Return the rounds of one source, and what it broke in them."""
    program = _built(engine, networks, weights)
    run = _Played()
    _hold_to_formulas(program, networks, settings, run, recorder)
    program = _built(engine, networks, weights)
    _hold_turns(program, networks, run)
    play(program, networks, settings, run)
    run.weights = _as_defined(engine, networks, settings, weights, run.weights)
    return run


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


def play(program: Versus, networks: Networks, settings: Settings, run: _Played) -> None:
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
    program: Versus, made: str, judged: str, before: Weights, run: _Played, *, of_generator: bool
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


def _hold_turns(program: Versus, networks: Networks, run: _Played) -> None:
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


def _hold_to_formulas(
    program: Versus, networks: Networks, settings: Settings, run: _Played, recorder: Recorder
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


def _as_defined(
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


def _add_laws(recorder: Recorder, runs: Mapping[str, _Played]) -> None:
    """Add what each source was held to by itself."""
    if not runs:
        return
    broken = {name: run.broken for name, run in runs.items()}
    recorder.add_findings("adversarial", "float64", "the laws of the steps", broken)
    for role in ROLES:
        errors = {
            name: (error, limit)
            for name, run in runs.items()
            for told, error, limit in run.formula
            if told == role
        }
        if errors:
            against = f"the spec's loss of the {role}"
            recorder.add_errors("adversarial", "float64", against, errors)


def _compare(
    recorder: Recorder,
    networks: Networks,
    settings: Settings,
    weights: Weights,
    engines: Sequence[SourceEngine],
    runs: Mapping[str, _Played],
) -> None:
    """Add a check of every pair; a tensor may differ by what rounding moves it by."""
    first = next(engine for engine in engines if engine.name in runs)
    rounding = max(
        (
            engine.rounding(spec.graph, of_gradient=True)
            for engine in engines
            for spec in networks.models.values()
        ),
        default=0.0,
    )
    moved = _moved(first, networks, settings, weights, runs[first.name], rounding)
    tolerance = {name: TRAINED + SAFETY * moved[name] for name in moved}
    for pair in itertools.combinations(runs, 2):
        errors = _errors(runs[pair[0]], runs[pair[1]])
        recorder.leave_free("adversarial", pair, errors, lambda name: tolerance[name])
        if errors:
            worst = max(errors, key=lambda name: errors[name] / tolerance[name])
            recorder.add(
                "adversarial",
                pair,
                "float64",
                errors[worst],
                tolerance[worst],
                blame=partial(_blame, worst),
            )


def _errors(first: _Played, second: _Played) -> dict[str, float]:
    """Return the relative error of every weight, and of the losses together."""
    floor = _FLOOR * max(map(largest, second.weights.values()), default=0.0)
    others = {**first.weights, **first.further}
    found = {
        name: tensor_error(others[name], array, floor)
        for name, array in {**second.weights, **second.further}.items()
    }
    found["losses"] = tensor_error(np.array(first.losses), np.array(second.losses))
    return found


def _moved(
    engine: SourceEngine,
    networks: Networks,
    settings: Settings,
    weights: Weights,
    run: _Played,
    rounding: float,
) -> dict[str, float]:
    """Return how far rounding moves each weight, measured by playing from weights that are off."""
    unit = max(rounding, DOUBLE_ROUNDOFF)
    moved: dict[str, float] = {}
    for number in range(DRAWS):
        draw = np.random.default_rng(derived_seed("versus rounding", settings.seed, number))
        off = {
            name: array * (1 + unit * draw.standard_normal(array.shape))
            for name, array in weights.items()
        }
        other = _Played()
        play(_built(engine, networks, off), networks, settings, other)
        other.weights = _as_defined(engine, networks, settings, off, other.weights)
        for name, error in _errors(other, run).items():
            moved[name] = max(moved.get(name, 0.0), error)
    return moved


def _blame(worst: str) -> tuple[None, str]:
    return None, f"After {ROUNDS} rounds {worst} differs most."
