"""The course of a verification: what is prepared, what runs first, and then every check."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import OnnxBackend, installed_backends, versions
from nnspec.errors import MissingDependencyError, UsageError
from nnspec.network.ids import followed
from nnspec.network.loader import Spec
from nnspec.support.causes import cause_of
from nnspec.training.lengths import ASSUMED, with_assumed_steps
from nnspec.verification.checks import Kind
from nnspec.verification.engine_list import engines_of
from nnspec.verification.engines import DirectOnnx, ExportedOnnx, SourceEngine, exported_name
from nnspec.verification.first_runs import can_compare, run_engines, telling_weights
from nnspec.verification.recorder import Recorder
from nnspec.verification.report import Report
from nnspec.verification.rows import given_rows
from nnspec.verification.samples import exercised_weights, random_inputs
from nnspec.verification.settings import Settings
from nnspec.verification.sizes import find_sizes
from nnspec.verification.state import State
from nnspec.verification.suite import AFTERWARDS, EARLY, WITH_EXACT, Suite
from nnspec.weights.canonical import check_weights

if TYPE_CHECKING:
    from nnspec.backend import Precision, Weights
    from nnspec.remote.processes import Workers


def verify_spec(
    spec: Spec,
    settings: Settings,
    workers: Workers | None = None,
    *,
    witness: Callable[[State], None] | None = None,
    redrawn: Callable[[Weights], Weights] | None = None,
) -> Report:
    """Compare what the backends compute from a spec; raises nothing for a difference.

    workers: the processes of the backends; without, all runs in this one. A check that breaks
    costs no other. witness: is shown the state while every engine's program in double precision
    is there. redrawn: where the weights of the settings are drawn ones, keeps others that are drawn
    in their place, and returns what it has kept.
    """
    start = time.perf_counter()
    if "training" not in settings.levels:
        settings = replace(settings, steps=1)  # of gradients, the first step shows all
    state = _begun(spec, settings, workers)
    may_draw = settings.weights is None or redrawn is not None
    if (weights := telling_weights(state, may_draw=may_draw)) is not None:
        weights = redrawn(weights) if redrawn is not None else weights
        state = _begun(spec, replace(settings, weights=weights), workers)
        state.recorder.note(
            "the weights of the seed give every row the same outputs, and were drawn anew"
        )
    if can_compare(state):
        run_suite(state, WITH_EXACT)
        if witness is not None:
            witness(state)
        state.forget_programs()
        run_suite(state, AFTERWARDS)
    report = state.recorder.report
    report.seconds = time.perf_counter() - start
    return report


def _begun(spec: Spec, settings: Settings, workers: Workers | None) -> State:
    """Return a state in which every engine has run."""
    known = with_assumed_steps(spec)
    state = prepared(known, settings, workers)
    if workers is not None and state.is_large:
        state.weights = workers.keep(state.weights)
    if known is not spec:
        state.recorder.note(
            f"lengths of the schedule are compared as of epochs of {ASSUMED} batches each"
        )
    _note_what_is_left_out(state)
    _begin_early(state)
    run_engines(state)
    return state


def prepared(spec: Spec, settings: Settings, workers: Workers | None) -> State:
    """Return the state that a verification begins with; raises UsageError for a wrong call."""
    batch, seed, graph = settings.batch, settings.seed, spec.graph
    if settings.weights is not None:
        check_weights(graph, settings.weights)
    if batch < 2:
        raise UsageError(
            f"a verification needs a batch of at least 2 rows, not {batch}: one row has no "
            "variance to normalise by, and no neighbour to depend on"
        )
    engines = engines_of(settings, workers)
    weights = settings.weights
    if weights is None:
        weights = exercised_weights(graph, seed)
    sizes = settings.sizes
    rows = given_rows(spec, settings.data) if settings.data is not None else None
    if rows is not None:
        batch = min(batch, len(rows))
        sizes = {name: (size, *sizes.get(name, ())) for name, size in rows.axes(graph).items()}
    found = find_sizes(graph, sizes)
    report = Report(
        spec.name, spec.sha256, versions(), settings.steps, levels=settings.levels,
        required=settings.require,
    )  # fmt: skip
    return State(
        spec,
        settings,
        Recorder(report, followed(graph).unknown),
        weights={name: array.astype(np.float64, copy=False) for name, array in weights.items()},
        batch=batch,
        rows=rows,
        inputs=(
            rows.drawn(batch, seed)[0]
            if rows is not None
            else random_inputs(graph, batch, found.base, seed)
        ),
        axes=found.base,
        other_sizes=found.others,
        parts=len(engines) + len(WITH_EXACT) + len(AFTERWARDS),
        engines=engines,
        sources=[engine for engine in engines if isinstance(engine, SourceEngine)],
        workers=workers,
    )


def _note_what_is_left_out(state: State) -> None:
    """Say what the call itself leaves out."""
    absent: tuple[Kind, ...] = ("adversarial", "weights")
    if not state.graph.is_random:
        absent = (*absent, "random")
    state.recorder.report.leave_unchosen(absent=absent)
    if not state.settings.trains and "meaning" in state.settings.levels:
        reason = "gradients where functions bend: neither gradients nor training are chosen"
        state.recorder.leave_out("range", (), reason, by_call=True)
    for backend in installed_backends():
        if backend.name not in state.settings.backends and not isinstance(backend, OnnxBackend):
            reason = f"{backend.name} is not among the backends"
            state.recorder.leave_out(None, (backend.name,), reason, by_call=True)
    if state.rows is None and (data := state.spec.model.data) is not None:
        reason = f"rows of {data.source}: none are given by `data`"
        state.recorder.leave_out("forward", (), reason, by_call=True)
    if state.settings.device is not None:
        for engine in state.engines:
            if isinstance(engine, DirectOnnx):
                reason = "onnxruntime runs it on the processor: it is compared with that alone"
                state.recorder.leave_out(None, (engine.name,), reason, by_call=True)
    runners = [engine.backend for engine in state.engines if isinstance(engine, DirectOnnx)]
    if not runners:
        writers = (each.name for each in installed_backends() if isinstance(each, OnnxBackend))
        for name in writers:
            state.recorder.leave_out(
                "export", (name,), f"{name} is not among the backends", by_call=True
            )
    elif not state.settings.exporters:
        for source in state.sources:
            if source.placing.variant:
                continue
            reason = "exporters are left out, as asked"
            state.recorder.leave_out(
                "export", (exported_name(source, runners[0]),), reason, by_call=True
            )


def _begin_early(state: State) -> None:
    """Begin what needs no other engine's outputs in processes, unless it would take much memory."""
    if state.workers is None:
        return
    if state.is_large:
        for engine in state.engines:
            if not isinstance(engine, ExportedOnnx) and not engine.placing.only_single:
                engine.start(state.spec, state.weights, "float64")
        return
    dtypes: tuple[Precision, ...] = ("float64", "float32")
    for dtype in dtypes:
        for engine in state.engines:
            if dtype == "float64" and engine.placing.only_single:
                continue
            engine.start(state.spec, state.weights, dtype)
            if dtype == "float32" and engine.is_onnx:
                engine.start(state.spec, state.weights, dtype, optimized=True)
    for begin in EARLY:
        with suppress(Exception):  # the check itself will say what is wrong
            begin(state)


def run_suite(state: State, suite: Suite) -> None:
    """Make these checks, those of no level that was chosen aside."""
    report = state.recorder.report
    for named, check in suite:
        kinds = (named,) if isinstance(named, str) else named
        kind = next((each for each in kinds if report.asks(each)), None)
        if kind is None:
            state.has_done_part()
            continue
        try:
            check(state)
        except MissingDependencyError:
            raise
        except Exception as error:
            reason = f"the check itself broke: {cause_of(error)}"
            pair = state.reference.engine.name, "the rest"
            state.recorder.add_failed(kind, pair, "float64", reason)
        state.has_done_part()
