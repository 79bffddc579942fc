"""The weights that each emitted source gives itself, against the laws of the spec."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Inspectable
from nnspec.layers.base import Parameter
from nnspec.layers.rare_initializers import LengthOfWeight
from nnspec.layers.weighted import DIRECTION, split
from nnspec.verification.distributions import fault_of
from nnspec.weights.normalized import length_of

if TYPE_CHECKING:
    from nnspec.backend import Weights
    from nnspec.verification.state import State


def compare_first_weights(state: State) -> None:
    """Hold the first weights of every source against the spec's initializers."""
    parameters = dict(state.graph.parameters())
    programs = {
        engine.name: program
        for engine in state.sources
        if isinstance(program := state.programs[engine.name], Inspectable)
    }
    if not parameters or not programs:
        return
    if state.is_large:
        reason = f"the network has {state.weight_bytes / 1e9:.1f} GB of weights in double precision"
        state.recorder.leave_out("first_weights", tuple(programs), reason)
        return
    state.progress("first weights")
    findings: dict[str, list[str]] = {}
    layers: dict[str, str] = {}
    for name, program in programs.items():
        found = state.recorder.attempt(
            partial(_faults, state, program),
            kind="first_weights",
            label=name,
            when="when it draws its first weights",
        )
        if found is None:
            continue
        findings[name] = [sentence for _, sentence in found]
        if found:
            layers[name] = found[0][0]
    state.recorder.add_findings("first_weights", "float32", "the spec", findings, layers=layers)


def _faults(state: State, program: Inspectable) -> list[tuple[str, str]]:
    """Return the faults of first values: the layer, and a sentence."""
    values = program.first_weights(state.settings.seed)
    wrong: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
    for at in state.graph.walk():
        for parameter in at.parameters():
            name = f"{at.path}.{parameter.name}"
            if name not in values:
                continue  # no output depends on it
            if fault := _fault(values, name, parameter):
                wrong.append((at.path, f"{name}: {fault}"))
            elif np.unique(values[name]).size > _SOME:
                content = values[name].tobytes()
                if content in seen:
                    wrong.append((at.path, f"{name} is drawn as {seen[content]}"))
                seen[content] = name
    return wrong


def _fault(values: Weights, name: str, parameter: Parameter) -> str:
    if not isinstance(parameter.initializer, LengthOfWeight):
        return fault_of(values[name], parameter)
    weight, _ = split(name)
    length = length_of(values[weight + DIRECTION].astype(np.float64), parameter.shape)
    is_same = np.allclose(values[name], length, rtol=_SINGLE, atol=0)
    return "" if is_same else "they are not the lengths of the directions"


_SINGLE = 1e-5
"""Relative: first weights are made in float32."""
_SOME = 4
"""Different values: fewer are a constant, and a row of another perhaps."""
