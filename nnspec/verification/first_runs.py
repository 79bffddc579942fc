"""First runs of every engine in double precision, and the choice of the reference among them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import (
    Placed,
    Trainable,
    declared_options,
    installed_backends,
    refused_training,
)
from nnspec.errors import UnsupportedError, UsageError
from nnspec.support.causes import cause_of
from nnspec.verification.engines import Engine, Outputs, Reference, trainable_backends
from nnspec.verification.evaluators import SingleOnly, run_exact
from nnspec.verification.memory import TooLarge, require_memory
from nnspec.verification.samples import exercised_weights, is_alike
from nnspec.verification.state import State
from nnspec.verification.tolerance import not_finite
from nnspec.verification.training_runs import trained_spec, why_untrained

if TYPE_CHECKING:
    from nnspec.backend import Weights
    from nnspec.verification.checks import Kind

TRIES = 8
"""Draws of weights, where those of the seed leave every row with the same outputs."""


def run_engines(state: State) -> None:
    """Build every engine in float64, and run it on the inputs; those that fail go."""
    for engine in list(state.engines):
        state.progress(f"{engine.name} in float64")
        if engine.is_onnx:
            _choose_reference(state)
        outputs = state.recorder.attempt(
            partial(_run, state, engine), kind="forward", label=engine.name, is_first=True
        )
        state.has_done_part()
        if outputs is None:
            state.engines.remove(engine)
            state.programs.pop(engine.name, None)
            continue
        state.outputs[engine.name] = outputs
    _require_device(state)
    state.sources = [engine for engine in state.sources if engine.name in state.programs]
    _find_trainers(state)
    _choose_reference(state)


def _require_device(state: State) -> None:
    """Raise UsageError where nothing runs on the device that was asked for, and say why."""
    device = state.settings.device
    if device is None or any(e.placing.variant for e in [*state.engines, *state.single_only]):
        return
    reasons = [
        each.reason
        for each in state.recorder.report.not_checked
        if "there is no device" in each.reason
    ]
    if not reasons:
        able = [each.name for each in installed_backends() if "device" in declared_options(each)]
        reasons = [
            f"{' and '.join(able)} compute on a device, and none of them is among the backends"
        ]
    raise UsageError("; ".join(dict.fromkeys(reasons)))


def _find_trainers(state: State) -> None:
    """Find the sources that can train the network, and say of the others that they cannot."""
    is_trained = not why_untrained(state.graph)
    spec = trained_spec(state) if is_trained else state.spec
    for engine in state.sources:
        if not isinstance(state.programs[engine.name], Trainable):
            if is_trained:
                state.recorder.note(f"{engine.name} runs networks, and trains none")
        elif refused := refused_training(engine.backend, spec):
            reason = f"{engine.name} cannot express {'; '.join(refused)}"
            state.recorder.leave_out("gradient", (engine.name,), reason)
            state.recorder.leave_out("training", (engine.name,), reason)
        else:
            state.trainers.append(engine)


def _run(state: State, engine: Engine) -> Outputs | None:
    """Return the outputs of an engine in float64, or None if only float32 will do."""
    try:
        if engine.placing.variant:
            return _run_on_device(state, engine)
        expected = state.reference.outputs if state.has_reference else None
        return run_exact(state, engine, state.inputs, expected)
    except TooLarge as error:
        try:
            require_memory(engine, state.graph, "float32", state.settings.memory)
        except TooLarge:
            raise error from None
        _keep_in_float32(state, engine, error)
    except SingleOnly as error:
        _keep_in_float32(state, engine, error)
    return None


def _run_on_device(state: State, engine: Engine) -> Outputs:
    """Return the outputs of an engine on a device; raises UnsupportedError where there is none."""
    only_single = engine.placing.only_single
    try:
        program = state.build(engine, "float32" if only_single else "float64")
    except UsageError as error:
        raise UnsupportedError(cause_of(error)) from None
    if isinstance(program, Placed):
        state.recorder.note(f"{engine.name} computes on {program.placed()}")
    if only_single:
        kinds: tuple[Kind, ...] = ("gradient", "training")
        for kind in kinds:
            reason = f"in float32 they are not compared, and {only_single}"
            state.recorder.leave_out(kind, (engine.name,), reason)
        raise SingleOnly(only_single)
    state.programs[engine.name] = program
    return program.forward(state.inputs)


def _keep_in_float32(state: State, engine: Engine, error: UnsupportedError) -> None:
    """Keep an engine for the checks in float32, and say so."""
    state.single_only.append(engine)
    for kind in ("forward", "dynamic_shape"):
        state.recorder.leave_out(kind, (engine.name,), f"in float64: {error}")


def _choose_reference(state: State) -> None:
    """Measure the rest against the first source that runs and trains, if there is one."""
    if state.has_reference:
        return
    for engine in state.sources:
        program = state.programs.get(engine.name)
        if not isinstance(program, Trainable):
            continue
        reference = Reference(engine, program, state.outputs[engine.name])
        if unknown := not_finite(reference.outputs):
            reason = f"{unknown} are not finite: only that they are the same is compared"
            state.recorder.leave_out("forward", (engine.name,), reason)
            arrays = reference.outputs.values()
            if not any(np.isfinite(array).any() for array in arrays):
                state.recorder.report.blank = "no output is finite, so that no value was compared"
        state.measure_against(reference)
        return


def telling_weights(state: State, *, may_draw: bool) -> Weights | None:
    """Return weights with which the outputs tell rows apart, where the state's do not.

    A network of which every row has the same outputs, as behind a relu that gives 0 alone, would
    hide most faults. None where the state's are as good as any, or the user's: not `may_draw`.
    """
    if not state.has_reference or not is_alike(state.reference.outputs):
        return None
    program = state.reference.program
    if may_draw:
        try:
            for draw in range(1, TRIES + 1):
                weights = exercised_weights(state.graph, state.settings.seed + draw)
                if draw % 2:  # as numbers that a relu lets pass
                    weights = {name: np.abs(array) for name, array in weights.items()}
                program.load_weights(weights)
                if not is_alike(program.forward(state.inputs)):
                    return weights
        finally:
            program.load_weights(state.weights)
    state.recorder.note(
        "every row has the same outputs, whatever its inputs: that they agree says little"
    )
    return None


def can_compare(state: State) -> bool:
    """Whether there is a reference, and another engine.

    Raises UsageError where there is none, and no failed check says why.
    """
    if state.has_reference and len(state.engines) + len(state.single_only) >= 2:
        return True
    report = state.recorder.report
    if report.checks:
        reason = "there is nothing left to compare with"
        state.recorder.leave_out(None, tuple(state.programs), reason)
        return False
    reasons = "".join(
        f"; {', '.join(each.pair)} is left out: {each.reason}"
        for each in report.not_checked
        if each.kind is None
    )
    first = state.engines[0].name if state.engines else "none"
    raise UsageError(
        "a verification measures the rest against its first backend, which must train: "
        f"{' or '.join(trainable_backends())}, not {first}{reasons}"
    )
