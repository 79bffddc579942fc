"""The state of Keras's optimizers by neutral names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.emit.lowering import NativeParameter
from nnspec.language.optimizers import Optimizer
from nnspec.network.graph import Graph
from nnspec.weights.optimizer_state import STEP, checked_state, slots_of
from nnspec_keras.factoring import standing
from nnspec_keras.variables import to_canonical, to_native

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

Held = Mapping[str, tuple[Any, NativeParameter]]
"""Canonical parameter -> its variable, and how it stands there."""


def state_of(
    graph: Graph,
    record: Optimizer,
    optimizer: Any,
    trained: Sequence[Any],
    held: Held,
    rest: Weights,
) -> Weights:
    """Return the state; what no output depends on, a parameter of `rest`, has that of no step."""
    variables = _variables(graph, record, optimizer, trained, held)
    shapes = {name: parameter.shape for name, parameter in graph.parameters()}
    found: Weights = {STEP: np.array(int(optimizer.iterations.numpy()), np.int64)}
    for name, parameter, slot, shape in slots_of(graph, record):
        if parameter in held:
            variable, native = held[parameter]
            slot, native = standing(slot, native, shapes[parameter])
            array = variables[slot][id(variable)].numpy()
            found[name] = to_canonical(native, array, shape)
        elif slot in record.begin_as_parameters:
            found[name] = np.array(rest[parameter])
        else:
            found[name] = np.full(shape, record.first(slot), trained[0].dtype)
    for name in record.scalars:
        found[name] = np.array(float(_scalar(optimizer, name).numpy()))
    return found


def load_state(
    graph: Graph,
    record: Optimizer,
    optimizer: Any,
    trained: Sequence[Any],
    held: Held,
    state: Mapping[str, Array],
) -> None:
    """Set the state; raises WeightsError."""
    steps = checked_state(graph, record, state)
    variables = _variables(graph, record, optimizer, trained, held)
    shapes = {name: parameter.shape for name, parameter in graph.parameters()}
    for name, parameter, slot, _ in slots_of(graph, record):
        if parameter in held:
            variable, native = held[parameter]
            slot, native = standing(slot, native, shapes[parameter])
            remembered = variables[slot][id(variable)]
            array = to_native(native, np.asarray(state[name]))
            if native.row is not None:
                whole = remembered.numpy()
                whole[native.row] = array
                array = whole
            remembered.assign(array.astype(remembered.dtype))
    for name in record.scalars:
        _scalar(optimizer, name).assign(float(state[name]))
    optimizer.iterations.assign(steps)


def _scalar(optimizer: Any, name: str) -> Any:
    return next(each for each in optimizer.variables if each.name == name)


def _variables(
    graph: Graph, record: Optimizer, optimizer: Any, trained: Sequence[Any], held: Held
) -> dict[str, dict[int, Any]]:
    """Return by slot, and by the variable that is trained, what the optimizer holds."""
    holders: dict[str, set[int]] = {slot: set() for slot in record.slots}
    for _, parameter, slot, _ in slots_of(graph, record):
        if parameter in held:
            holders[slot].add(id(held[parameter][0]))
    found = {}
    for slot, those in holders.items():
        # Keras names each after its variable and the slot, and keeps them in one order.
        named = [each for each in optimizer.variables if each.name.endswith(f"_{slot}")]
        found[slot] = dict(zip([id(v) for v in trained if id(v) in those], named, strict=True))
    return found
