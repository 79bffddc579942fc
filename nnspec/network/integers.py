"""Layers computed on whole numbers in NumPy, so that ids that reach a table are known before.

Arrays have the batch axis first. A layer that is no key of `COMPUTED` computes with weights or
fractions, and what it gives is known to the framework alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import layers
from nnspec.layers.base import Layer
from nnspec.layers.rows import MergeRows, PartRows
from nnspec.layers.shapes import DataFormat

Array = NDArray[Any]
Compute = Callable[[Any, Sequence[Array], DataFormat], Sequence[Array]]


def _axis(axis: int, rank: int) -> int:
    """Return an axis of an array of `rank` axes, the batch not counted, as NumPy counts it."""
    return axis % rank + 1


def _chosen(choose: Callable[[Any, Array, int], Array]) -> Compute:
    """Return what works along the layer's `axis`."""

    def compute(layer: Any, inputs: Sequence[Array], _: DataFormat) -> Sequence[Array]:
        (x,) = inputs
        return (choose(layer, x, _axis(layer.axis, x.ndim - 1)),)

    return compute


def _sliced(layer: layers.Slice, x: Array, axis: int) -> Array:
    return x[(slice(None),) * axis + (slice(layer.start, layer.stop, layer.step),)]


def _reshaped(layer: Any, x: Array) -> Array:
    return x.reshape(len(x), *(size if isinstance(size, int) else -1 for size in layer.shape))


def is_computed(layer: Layer) -> bool:
    """Whether NumPy can compute the layer from its inputs alone."""
    if isinstance(layer, layers.Reshape):
        # A name is a size that does not stand in the layer: one can be computed, and no more.
        return sum(size == -1 or not isinstance(size, int) for size in layer.shape) <= 1
    return type(layer) in COMPUTED


def _of_one(function: Callable[[Any, Array], Array]) -> Compute:
    return lambda layer, inputs, _: (function(layer, inputs[0]),)


def lined_up(inputs: Sequence[Array]) -> list[Array]:
    """Return arrays of one rank: the batch stays in front, the rest lines up at the last axes."""
    rank = max(x.ndim for x in inputs)
    return [x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in inputs]


def _of_pairs(function: Callable[[Array, Array], Array]) -> Compute:
    return lambda _, inputs, __: (reduce(function, lined_up(inputs)),)


def _compared(function: Callable[[Array, Array], Array]) -> Compute:
    def compute(layer: Any, inputs: Sequence[Array], _: DataFormat) -> Sequence[Array]:
        given = inputs if layer.value is None else [*inputs, np.asarray([layer.value])]
        return (function(*lined_up(given)),)

    return compute


def _concatenated(
    layer: layers.Concatenate, inputs: Sequence[Array], data_format: DataFormat
) -> Sequence[Array]:
    axis = layer.resolved_axis(inputs[0].ndim - 1, data_format)
    return (np.concatenate(inputs, axis + 1),)


def _split(layer: layers.Split, inputs: Sequence[Array], _: DataFormat) -> Sequence[Array]:
    (x,) = inputs
    return np.split(x, np.cumsum(layer.sizes)[:-1], _axis(layer.axis, x.ndim - 1))


def _constant(layer: layers.ConstantTensor, inputs: Sequence[Array], _: DataFormat) -> list[Array]:
    value = np.asarray(layer.value, np.float64 if layer.dtype == "float32" else layer.dtype)
    return [np.broadcast_to(value, (len(inputs[0]), *value.shape))]


def _parted(x: Array, source: Array) -> Array:
    return x.reshape(len(source), source.shape[1], *x.shape[1:])


def _numbered(x: Array, axis: int) -> Array:
    return np.broadcast_to(np.arange(x.shape[axis]), (len(x), x.shape[axis]))


MOVED: dict[type[Layer], Compute] = {
    layers.Concatenate: _concatenated,
    layers.ExpandDims: _of_one(lambda layer, x: np.expand_dims(x, _axis(layer.axis, x.ndim))),
    layers.Flatten: _of_one(lambda _, x: x.reshape(len(x), -1)),
    layers.Flip: _chosen(lambda _, x, axis: np.flip(x, axis)),
    layers.Gather: _chosen(lambda layer, x, axis: np.take(x, layer.indices, axis)),
    layers.Linear: _of_one(lambda _, x: x),
    MergeRows: _of_one(lambda _, x: x.reshape(-1, *x.shape[2:])),
    PartRows: lambda _, inputs, __: (_parted(*inputs),),
    layers.Permute: _of_one(lambda layer, x: x.transpose(0, *(axis + 1 for axis in layer.axes))),
    layers.RepeatElements: _chosen(lambda layer, x, axis: np.repeat(x, layer.repeats, axis)),
    layers.RepeatVector: _of_one(lambda layer, x: np.repeat(x[:, None], layer.n, 1)),
    layers.Reshape: _of_one(_reshaped),
    layers.Roll: _chosen(lambda layer, x, axis: np.roll(x, layer.shift, axis)),
    layers.Slice: _chosen(_sliced),
    layers.Split: _split,
    layers.StopGradient: _of_one(lambda _, x: x),
    layers.Squeeze: _chosen(lambda _, x, axis: np.squeeze(x, axis)),
    layers.Stack: lambda layer, inputs, _: (np.stack(inputs, _axis(layer.axis, inputs[0].ndim)),),
    layers.Tile: _chosen(lambda layer, x, axis: np.concatenate([x] * layer.repeats, axis)),
}
"""Layers whose outputs hold elements of their inputs, unchanged."""

COMPUTED: dict[type[Layer], Compute] = {
    **MOVED,
    layers.Abs: _of_one(lambda _, x: np.abs(x)),
    layers.Add: _of_pairs(np.add),
    layers.Cast: _of_one(lambda layer, x: x.astype(layer.dtype)),
    layers.ConstantTensor: _constant,
    layers.Cumsum: _chosen(lambda _, x, axis: np.cumsum(x, axis, dtype=x.dtype)),
    layers.Arange: _of_one(lambda layer, x: _numbered(x, _axis(layer.axis, x.ndim - 1))),
    layers.Clip: _of_one(lambda layer, x: np.clip(x, layer.min_value, layer.max_value)),
    layers.Equal: _compared(np.equal),
    layers.FloorDivide: _of_one(lambda layer, x: x // layer.divisor),
    layers.Greater: _compared(np.greater),
    layers.GreaterEqual: _compared(np.greater_equal),
    layers.Less: _compared(np.less),
    layers.LessEqual: _compared(np.less_equal),
    layers.LogicalAnd: _of_pairs(np.logical_and),
    layers.LogicalNot: _of_one(lambda _, x: np.logical_not(x)),
    layers.LogicalOr: _of_pairs(np.logical_or),
    layers.LogicalXor: _of_pairs(np.logical_xor),
    layers.Maximum: _of_pairs(np.maximum),
    layers.Minimum: _of_pairs(np.minimum),
    layers.Modulo: _of_one(lambda layer, x: x % layer.divisor),
    layers.Multiply: _of_pairs(np.multiply),
    layers.Negative: _of_one(lambda _, x: -x),
    layers.NotEqual: _compared(np.not_equal),
    layers.Sign: _of_one(lambda _, x: np.sign(x)),
    layers.Square: _of_one(lambda _, x: x * x),
    layers.Subtract: _of_pairs(np.subtract),
    layers.Where: lambda _, inputs, __: (np.where(*lined_up(inputs)),),
}
