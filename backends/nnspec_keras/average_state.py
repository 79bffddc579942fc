"""The average of the weights of a program: its state, and weights that stand for the model's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.language.averages import Average
from nnspec.network.graph import Graph
from nnspec.weights.averages import AVERAGE, averaged
from nnspec_keras.optimizer_state import Held
from nnspec_keras.variables import to_canonical, to_native

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


def averages_of(
    graph: Graph, record: Average, optimizer: Any, trained: Sequence[Any], held: Held, rest: Weights
) -> Weights:
    """Return the averages; before there are any, the weights. rest: those no variable holds."""
    has_begun = record.has_begun(int(optimizer.iterations.numpy()))
    by_variable = dict(zip(map(id, trained), optimizer.averages, strict=True))
    found = {}
    for name, shape in averaged(graph):
        if name in held:
            variable, native = held[name]
            source = by_variable[id(variable)] if has_begun else variable
            found[AVERAGE + name] = to_canonical(native, source.numpy(), shape)
        else:
            found[AVERAGE + name] = rest[name]
    return found


def load_averages(
    record: Average, optimizer: Any, trained: Sequence[Any], held: Held, given: Mapping[str, Array]
) -> None:
    """Set the averages; the optimizer knows its steps by now."""
    if not record.has_begun(int(optimizer.iterations.numpy())):
        for average in optimizer.averages:
            average.assign(np.zeros(average.shape))  # from which the first one is without rounding
        return
    by_variable = dict(zip(map(id, trained), optimizer.averages, strict=True))
    for name, array in given.items():
        if name in held:
            variable, native = held[name]
            average = by_variable[id(variable)]
            value = to_native(native, np.asarray(array))
            if native.row is not None:
                whole = average.numpy()
                whole[native.row] = value
                value = whole
            average.assign(value.astype(average.dtype))


@contextmanager
def standing_in(optimizer: Any) -> Iterator[None]:
    """Let the averages stand for the weights, where there are any."""
    optimizer.swap()
    try:
        yield
    finally:
        optimizer.swap()
