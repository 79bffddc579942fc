"""Batches whose gradients wait for an optimizer step, by neutral names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.network.graph import Graph
from nnspec.weights.waiting import BATCH, gradients_of
from nnspec_keras.variables import to_canonical, to_native

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights
    from nnspec_keras.optimizer_state import Held


def waiting(graph: Graph, optimizer: Any, trained: Sequence[Any], held: Held) -> Weights:
    """Return the number of batches that wait, and the part of the mean that they make."""
    parts = dict(zip(map(id, trained), optimizer.parts, strict=True))
    found: Weights = {BATCH: np.array(int(optimizer.batch.numpy()), np.int64)}
    for name, parameter, shape in gradients_of(graph):
        if parameter in held:
            variable, native = held[parameter]
            found[name] = to_canonical(native, parts[id(variable)].numpy(), shape)
        else:
            found[name] = np.zeros(shape, trained[0].dtype)
    return found


def wait_again(
    graph: Graph,
    optimizer: Any,
    trained: Sequence[Any],
    held: Held,
    state: Mapping[str, Array],
) -> None:
    """Give the optimizer what `waiting` found."""
    parts = dict(zip(map(id, trained), optimizer.parts, strict=True))
    optimizer.batch.assign(int(state[BATCH]))
    for name, parameter, _ in gradients_of(graph):
        if parameter not in held:
            continue
        variable, native = held[parameter]
        part = parts[id(variable)]
        array = to_native(native, np.asarray(state[name]))
        if native.row is not None:
            whole = part.numpy()
            whole[native.row] = array
            array = whole
        part.assign(array.astype(part.dtype))
