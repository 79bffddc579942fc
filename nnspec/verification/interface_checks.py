"""Dtypes and axes: what the engines give, and what an ONNX file declares, against the spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnspec.backend import Declares
from nnspec.layers.shapes import TensorType
from nnspec.verification.samples import sizes_of

if TYPE_CHECKING:
    from nnspec.backend import Precision, Program
    from nnspec.verification.engines import Outputs
    from nnspec.verification.state import State

SPEC = "the spec"
"""Stands for the other engine in a check that compares with none."""


def compare_interfaces(state: State) -> None:
    """Compare dtypes and declared axes of every engine in float64 with the spec's."""
    wrong = {
        engine.name: faults(
            state, state.programs[engine.name], state.outputs[engine.name], "float64"
        )
        for engine in state.engines
    }
    state.recorder.add_findings("interface", "float64", SPEC, wrong)


def faults(state: State, program: Program, outputs: Outputs, dtype: Precision) -> list[str]:
    """Return the differences of a program's dtypes and axes from the spec's, a sentence each."""
    graph = state.graph
    found = []
    for name in graph.outputs:
        expected = _in(dtype, graph.types[name])
        if name not in outputs:
            found.append(f'there is no output "{name}"')
            continue
        if str(outputs[name].dtype) != expected:
            found.append(f'the output "{name}" is {outputs[name].dtype}, not {expected}')
        shape = sizes_of(graph.types[name].shape, state.axes)
        if outputs[name].shape[1:] != shape:
            found.append(f'a row of the output "{name}" is {outputs[name].shape[1:]}, not {shape}')
    if unknown := [name for name in outputs if name not in graph.outputs]:
        found.append(f"the spec has no output {', '.join(unknown)}")
    if isinstance(program, Declares):
        kinds = {**graph.inputs, **{name: graph.types[name] for name in graph.outputs}}
        found += _undeclared(program, kinds, dtype)
    return found


def _undeclared(program: Declares, kinds: Mapping[str, TensorType], dtype: Precision) -> list[str]:
    found = []
    for name, (dtype_given, shape) in program.declared().items():
        kind = kinds[name]
        if dtype_given != _in(dtype, kind):
            found.append(f'"{name}" is declared {dtype_given}, not {_in(dtype, kind)}')
        axes = ("batch", *kind.shape)
        if len(shape) != len(axes):
            if shape:
                found.append(f'"{name}" is declared with {len(shape)} axes, not {len(axes)}')
            continue
        for size, declared in zip(axes, shape, strict=True):
            if isinstance(size, str) and isinstance(declared, int):
                found.append(f'the axis "{size}" of "{name}" is fixed at {declared}')
            elif isinstance(size, int) and isinstance(declared, int) and size != declared:
                found.append(f'an axis of "{name}" is declared {declared}, not {size}')
    return found


def _in(dtype: Precision, kind: TensorType) -> str:
    return dtype if kind.dtype == "float32" else kind.dtype
