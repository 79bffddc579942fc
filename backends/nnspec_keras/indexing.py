"""Layers that number, order and look up elements, in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, MODULE, Expression, Input, X, apply
from nnspec.layers.indexing import Argsort, Sort


def one_hot(layer: layers.OneHot, context: Context) -> Lowered:
    """ops.one_hot, of floats in the precision in which the network computes."""
    floats = apply("keras.config.floatx")
    return Lowered(apply("ops.one_hot", X, layer.num_classes, dtype=floats))


def cumsum(layer: layers.Cumsum, context: Context) -> Lowered:
    """ops.cumsum."""
    return Lowered(apply("ops.cumsum", X, axis=context.axis(layer.axis)))


def sort(layer: Sort, context: Context) -> Lowered:
    """ops.sort, which begins with the smallest."""
    return Lowered(_signed(_ordered("ops.sort", layer, context), layer))


def argsort(layer: Argsort, context: Context) -> Lowered:
    """ops.argsort, which gives int32."""
    return Lowered(apply("ops.cast", _ordered("ops.argsort", layer, context), "int64"))


def _ordered(function: str, layer: Sort | Argsort, context: Context) -> Expression:
    return apply(function, _signed(X, layer), axis=context.axis(layer.axis))


def _signed(value: Expression, layer: Sort | Argsort) -> Expression:
    return -value if layer.descending else value


def top_k(layer: layers.TopK, context: Context) -> Lowered:
    """A class around ops.top_k, which takes the last axis alone and gives int32."""
    axis = context.axis(layer.axis)
    keywords = {"axis": axis} if axis != context.rank else {}
    return Lowered(CALLED, call("TopK", ("k", layer.k), **keywords))


def take(layer: layers.Take, context: Context) -> Lowered:
    """ops.take_along_axis, which stretches indices of one axis over the other axes."""
    axis = context.axis(layer.axis)
    if context.inputs[1].rank > 1:
        return Lowered(apply(MODULE, X, Input(1)), call("Take", axis=axis))
    indices: Expression = Input(1)
    is_one = context.inputs[1].rank == 0
    new = tuple(each for each in range(1, context.rank + 1) if is_one or each != axis)
    if new:
        indices = apply("ops.expand_dims", indices, new[0] if len(new) == 1 else new)
    taken = apply("ops.take_along_axis", X, indices, axis=axis)
    return Lowered(apply("ops.squeeze", taken, axis) if is_one else taken)


def take_along_axis(layer: layers.TakeAlongAxis, context: Context) -> Lowered:
    """ops.take_along_axis."""
    return Lowered(apply("ops.take_along_axis", X, Input(1), axis=context.axis(layer.axis)))


ROWS: Rows = {
    layers.OneHot: one_hot,
    layers.Cumsum: cumsum,
    layers.Sort: sort,
    layers.Argsort: argsort,
    layers.TopK: top_k,
    layers.Take: take,
    layers.TakeAlongAxis: take_along_axis,
}
