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
from nnspec.layers.shapes import broadcast

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


def add(layer: layers.Add, context: Context) -> Lowered:
    """layers.Add, or differences where its ops.add could take an operand for a bias."""
    total = _sum(context)
    if total is None:
        return merged("layers.Add", operator.add)(layer, context)
    return Lowered(total, comment=_NO_BIAS)


def average(layer: layers.Average, context: Context) -> Lowered:
    """layers.Average, or differences where its ops.add could take an operand for a bias."""
    total = _sum(context)
    if total is None:
        return Lowered(_CALLED_ON_LIST, call("layers.Average"))
    return Lowered(total / len(context.inputs), comment=_NO_BIAS)


_NO_BIAS = "keras.ops.add would take it for a bias"


def _sum(context: Context) -> Expression | None:
    """Return the sum, or None where + means it.

    ops.add (Keras 3.15) hands what has but one axis that is not of size 1, the batch too, to
    tf.nn.bias_add, along the last axis or the second, wherever that axis lies.
    """
    shapes = [type_.shape for type_ in context.inputs]
    total, so_far = operands(context)[0], shapes[0]
    is_plain = True
    for value, shape in zip(operands(context)[1:], shapes[1:], strict=True):
        joined = broadcast([so_far, shape])
        assert joined is not None
        is_bias = bool(shape) and shape[-1] != 1 and shape[-1:] == so_far[-1:]
        if shape == so_far or (is_bias and isinstance(shape[-1], int)):
            total = total + value
        else:
            total, is_plain = total - -value, False
        so_far = joined
    return None if is_plain else total


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
    layers.Add: add,
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
