"""Layers that join several values, or part one, in Keras."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial, reduce
from itertools import accumulate

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import MODULE, Expression, Input, Inputs, Items, X, apply
from nnspec.layers.base import Layer

_CALLED_ON_LIST = apply(MODULE, Items((Inputs(),), is_list=True))


def merged(
    function: str, join: Callable[[Expression, Expression], Expression]
) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to a layer, or for whole numbers to `join`: the layer gives floats."""

    def lowering(layer: Layer, context: Context) -> Lowered:
        if context.inputs[0].dtype == "float32":
            return Lowered(_CALLED_ON_LIST, call(function))
        return Lowered(reduce(join, operands(context)))

    return lowering


def average(layer: layers.Average, context: Context) -> Lowered:
    """layers.Average."""
    return Lowered(_CALLED_ON_LIST, call("layers.Average"))


def divide(layer: layers.Divide, context: Context) -> Lowered:
    """The operator."""
    return Lowered(reduce(operator.truediv, operands(context)))


def matmul(layer: layers.Matmul, context: Context) -> Lowered:
    """ops.matmul."""
    return Lowered(apply("ops.matmul", *operands(context)))


def dot(layer: layers.Dot, context: Context) -> Lowered:
    """layers.Dot for two vectors, else ops.einsum: the layer's axes mean another thing there."""
    shapes = tuple(type_.shape for type_ in context.inputs)
    ranks = len(shapes[0]), len(shapes[1])
    if ranks == (1, 1):
        return Lowered(_CALLED_ON_LIST, call("layers.Dot", axes=1))
    equation = layer.equation(ranks, layer.resolved((shapes[0], shapes[1])))
    return Lowered(apply("ops.einsum", equation, X, Input(1)))


def operands(context: Context) -> list[Expression]:
    """Return the inputs, each with the axes after the batch that it lacks."""
    ranks = [len(type_.shape) for type_ in context.inputs]
    return [_expanded(Input(i), max(ranks) - rank) for i, rank in enumerate(ranks)]


def _expanded(value: Expression, axes: int) -> Expression:
    if not axes:
        return value
    return apply("ops.expand_dims", value, 1 if axes == 1 else tuple(range(1, axes + 1)))


def concatenate(layer: layers.Concatenate, context: Context) -> Lowered:
    """layers.Concatenate, by default over the last axis."""
    axis = context.axis(layer.resolved_axis(context.rank, context.data_format))
    keywords = {"axis": axis} if axis != context.rank else {}
    return Lowered(_CALLED_ON_LIST, call("layers.Concatenate", **keywords))


def split(layer: layers.Split, context: Context) -> Lowered:
    """ops.split, which takes the places to cut at."""
    cuts = list(accumulate(layer.sizes))[:-1]
    return Lowered(apply("ops.split", X, cuts, axis=context.axis(layer.axis)))


ROWS: Rows = {
    layers.Add: merged("layers.Add", operator.add),
    layers.Subtract: merged("layers.Subtract", operator.sub),
    layers.Multiply: merged("layers.Multiply", operator.mul),
    layers.Divide: divide,
    layers.Average: average,
    layers.Maximum: merged("layers.Maximum", partial(apply, "ops.maximum")),
    layers.Minimum: merged("layers.Minimum", partial(apply, "ops.minimum")),
    layers.Matmul: matmul,
    layers.Dot: dot,
    layers.Concatenate: concatenate,
    layers.Split: split,
}
