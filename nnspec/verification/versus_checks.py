"""A training of a generator against a discriminator: the same in every source, and by its laws."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Can, make_options, versions
from nnspec.backend.versus import Versus
from nnspec.language.adversarial import ROLES
from nnspec.network.networks import Networks
from nnspec.remote.processes import RemoteProgram
from nnspec.support.streams import derived_seed
from nnspec.verification.engine_list import engines_of
from nnspec.verification.engines import SourceEngine
from nnspec.verification.noise import silenced, with_noise
from nnspec.verification.recorder import Recorder
from nnspec.verification.remote import RemoteSource
from nnspec.verification.report import Report
from nnspec.verification.samples import exercised_weights
from nnspec.verification.settings import Settings
from nnspec.verification.tolerance import (
    DOUBLE_ROUNDOFF,
    SAFETY,
    TRAINED,
    largest,
    tensor_error,
)
from nnspec.verification.versus_playing import (
    ROUNDS,
    Played,
    as_defined,
    hold_to_formulas,
    hold_turns,
    play,
)

if TYPE_CHECKING:
    from nnspec.backend import Weights
    from nnspec.remote.processes import Workers

DRAWS = 3
"""Repetitions with weights that are off by rounding."""
_FLOOR = 1e-3
"""Of the largest weight of a network: smaller tensors are compared with this."""


def verify_versus(networks: Networks, settings: Settings, workers: Workers | None = None) -> Report:
    """Compare what the sources make of ten rounds, and hold each to the laws of the steps."""
    start = time.perf_counter()
    report = Report(
        f"{networks.name}, its training", networks.sha256, versions(), ROUNDS,
        levels=settings.levels, required=tuple(e for e in settings.require if e == "training"),
    )  # fmt: skip
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
    runs: dict[str, Played] = {}
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
) -> Played:
    """Return the rounds of one source, and what it broke in them."""
    program = _built(engine, networks, weights)
    run = Played()
    hold_to_formulas(program, networks, settings, run, recorder)
    program = _built(engine, networks, weights)
    hold_turns(program, networks, run)
    play(program, networks, settings, run)
    run.weights = as_defined(engine, networks, settings, weights, run.weights)
    return run


def _add_laws(recorder: Recorder, runs: Mapping[str, Played]) -> None:
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
    runs: Mapping[str, Played],
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


def _errors(first: Played, second: Played) -> dict[str, float]:
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
    run: Played,
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
        other = Played()
        play(_built(engine, networks, off), networks, settings, other)
        other.weights = as_defined(engine, networks, settings, off, other.weights)
        for name, error in _errors(other, run).items():
            moved[name] = max(moved.get(name, 0.0), error)
    return moved


def _blame(worst: str) -> tuple[None, str]:
    return None, f"After {ROUNDS} rounds {worst} differs most."
