"""Whether an ONNX model is wrong, or what evaluates it in double precision.

ONNX models are evaluated by onnx's reference evaluator, whose operators may be wrong or round to
float32. So where it fails or disagrees, each operator is held against ONNX Runtime before anyone
is accused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from nnspec.backend import Program
from nnspec.errors import UnsupportedError
from nnspec.support.causes import cause_of
from nnspec.verification.engines import Engine, EngineError, Outputs
from nnspec.verification.samples import single, sizes_of
from nnspec.verification.tolerance import LOOSE, SAFETY, UNIT_ROUNDOFF, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.state import State


class SingleOnly(UnsupportedError):
    """Nothing at hand evaluates a model in double precision rightly."""


@runtime_checkable
class Evaluated(Program, Protocol):
    """A program in an evaluator that may be wrong."""

    def disagreements(self, inputs: Mapping[str, Array]) -> list[str]:
        """Return the operators that ONNX Runtime, given the same, computes otherwise."""
        ...

    def in_runtime(self) -> Program:
        """Return the model in ONNX Runtime, in double precision; raises where that cannot be."""
        ...

    def moved_by_float32(self, inputs: Mapping[str, Array], seed: int) -> Mapping[str, Array]:
        """Return the outputs with what the model has in float32 off by one place at random."""
        ...

    def operators(self) -> list[str]:
        """Return the types of the model's operators."""
        ...


def run_exact(
    state: State, engine: Engine, inputs: Mapping[str, Array], expected: Outputs | None
) -> Outputs:
    """Return the outputs of an engine in float64, by an evaluator that is right.

    expected: what it should be; what differs is looked into. The program that gave it stands in
    `state.programs` afterwards. Raises SingleOnly where only float32 can be trusted, and what the
    program raises.
    """
    try:
        if engine.name not in state.programs:
            state.programs[engine.name] = state.build(engine, "float64")
        program = state.programs[engine.name]
        outputs = program.forward(inputs)
    except Exception as error:
        if not engine.is_onnx or isinstance(error, UnsupportedError):
            raise
        why = f"onnx's reference evaluator fails on it ({cause_of(error)})"
        return _run_elsewhere(state, engine, inputs, expected, why, error)
    if expected is None or not isinstance(program, Evaluated):
        return outputs
    off = relative_error(outputs, expected)
    reference = state.reference.engine
    if off <= state.tolerances.in_float64(reference, engine, error=off, inputs=inputs):
        return outputs
    if wrong := program.disagreements(inputs):
        why = f"onnx's reference evaluator computes {', '.join(wrong)} otherwise than ONNX Runtime"
        return _run_elsewhere(state, engine, inputs, expected, why, None)
    _allow_float32(state, engine, program, inputs, outputs)
    return outputs


def _run_elsewhere(
    state: State,
    engine: Engine,
    inputs: Mapping[str, Array],
    expected: Outputs | None,
    why: str,
    error: Exception | None,
) -> Outputs:
    """Return the outputs of the model in ONNX Runtime, in double precision."""
    program = state.programs.get(engine.name)
    try:
        if not isinstance(program, Evaluated):
            raise EngineError("there is no such model")
        other = program.in_runtime()
        outputs: Outputs = other.forward(inputs)
    except Exception as refused:
        outputs = _in_single(state, engine, inputs, error or refused)
        off = relative_error(outputs, expected) if expected is not None else 0.0
        if off > LOOSE and off > state.tolerances.ill_conditioned(inputs, LOOSE):
            raise EngineError(
                f"{why}, and in float32 ONNX Runtime gives something else than expected"
            ) from error
        raise SingleOnly(
            f"{why}, and ONNX Runtime cannot run it in double precision ({cause_of(refused)}): "
            "compared in float32 alone"
        ) from None
    state.programs[engine.name] = other
    state.recorder.note(
        f"{engine.name}: {why}; so it is compared in ONNX Runtime, in double precision"
    )
    return outputs


def _in_single(
    state: State, engine: Engine, inputs: Mapping[str, Array], error: Exception
) -> Outputs:
    """Return the outputs in ONNX Runtime in float32; raises `error` where that fails too."""
    try:
        program = state.build(engine, "float32")
        return program.forward({name: single(array) for name, array in inputs.items()})
    except Exception:
        raise error from None


def _allow_float32(
    state: State,
    engine: Engine,
    program: Evaluated,
    inputs: Mapping[str, Array],
    outputs: Outputs,
) -> None:
    """Widen the engine's tolerance by what its model's float32 numbers move the outputs."""
    if engine.name in state.tolerances.of_float32:
        return
    moved = max(
        relative_error(program.moved_by_float32(inputs, seed), outputs)
        for seed in state.tolerances.amplification.seeds()
    )
    if not np.isfinite(moved):
        raise SingleOnly(
            "the model holds numbers in float32, or computes in it, in double precision too; that "
            "moves the outputs beyond what is finite, or back: compared in float32 alone"
        )
    allowed = SAFETY * moved
    if "Resize" in program.operators():
        # By ONNX's definition its scales are float32.
        graph = state.graph
        allowed += state.tolerances.amplified(
            UNIT_ROUNDOFF
            * sum(
                at.node.layer.float32_rounding(
                    tuple(sizes_of(shape, state.axes) for shape in at.input_shapes),
                    graph.data_format,
                )
                for at in graph.walk()
            )
        )
    state.tolerances.of_float32[engine.name] = allowed
    if allowed:
        state.recorder.note(
            f"{engine.name}: the model holds numbers in float32, or computes in it, in double "
            f"precision too; that moves the outputs by {allowed / SAFETY:.1e}, and the tolerance "
            "is as wide"
        )
