"""The variables of a Keras model, by the canonical parameters that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from nnspec.emit.lowering import NativeParameter
from nnspec.network.graph import Graph
from nnspec_keras.natives import natives_of

if TYPE_CHECKING:
    from nnspec.backend import Array


def layers_of(model: Any) -> Iterator[Any]:
    """Yield the layers of a model; a block that is called again is a model among them."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_of(layer)
        else:
            yield layer


def canonical_variables(
    graph: Graph, model: Any
) -> Iterator[tuple[str, tuple[Any, NativeParameter]]]:
    """Yield each canonical parameter with its Keras variable in this model.

    A layer that no output depends on is no part of a Keras model, and has none.
    """
    layers = {layer.name: layer for layer in layers_of(model)}
    for path, natives in natives_of(graph):
        if natives and path in layers:
            variables: dict[str, list[Any]] = {}
            for variable in layers[path].variables:
                variables.setdefault(variable.name, []).append(variable)
            for native in natives:
                variable = variables[native.name][native.occurrence]
                yield f"{path}.{native.parameter}", (variable, native)


def to_canonical(native: NativeParameter, array: Array, shape: tuple[int, ...]) -> Array:
    """Return an array of a Keras variable's shape in the canonical layout, of this shape.

    It may be the array itself.
    """
    if native.row is not None:
        array = array[native.row]
    if native.permutation is not None:
        array = array.transpose(np.argsort(native.permutation))
    if native.shape is not None:
        array = array.reshape(shape)
    if native.blocks is not None:
        array = _reordered(array, tuple(np.argsort(native.blocks)))
    return np.ascontiguousarray(array)


def to_native(native: NativeParameter, array: Array) -> Array:
    """Return a canonical array in the layout of the Keras variable, or of its row."""
    if native.blocks is not None:
        array = _reordered(array, native.blocks)
    if native.shape is not None:
        array = array.reshape(native.shape)
    if native.permutation is not None:
        array = array.transpose(native.permutation)
    return array


def _reordered(array: Array, blocks: tuple[int, ...]) -> Array:
    """Return the equal blocks of the first axis in this order."""
    parts = np.split(array, len(blocks))
    return np.concatenate([parts[i] for i in blocks])


@contextmanager
def unmoved(model: Any) -> Iterator[None]:
    """Let what is not trained, such as running statistics, be afterwards as before."""
    kept = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)
