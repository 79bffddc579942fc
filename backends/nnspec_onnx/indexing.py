"""Layers that number, order and look up elements."""

from __future__ import annotations

import numpy as np

from nnspec import layers
from nnspec.layers import Cumsum, OneHot, Take, TakeAlongAxis, TopK
from nnspec.layers.indexing import Argsort, Sort
from nnspec.layers.shapes import Dim
from nnspec_onnx.context import Context, Values
from nnspec_onnx.ir import ElementType
from nnspec_onnx.rows import Rows


def one_hot(layer: OneHot, context: Context) -> Values:
    """Equal with each of the numbers: ONNX Runtime has OneHot for few dtypes."""
    (x,) = context.inputs
    dtype = context.input_types[0].dtype
    axes, numbers = context.constant("axes", [-1]), np.arange(layer.num_classes, dtype=dtype)
    column = context.node("Unsqueeze", x, axes, part="column")
    hot = context.node("Equal", column, context.constant("numbers", numbers), part="hot")
    return (context.node("Cast", hot, to=ElementType("float32")),)


def cumsum(layer: Cumsum, context: Context) -> Values:
    """CumSum."""
    axis = context.constant("axis", np.array(context.axis(layer.axis)))
    return (context.node("CumSum", *context.inputs, axis),)


def sort(layer: Sort, context: Context) -> Values:
    """The values of TopK."""
    _ordered(layer, context, (context.outputs[0], f"{context.path}.places"))
    return context.outputs


def argsort(layer: Argsort, context: Context) -> Values:
    """The indices of TopK."""
    _ordered(layer, context, (f"{context.path}.values", context.outputs[0]))
    return context.outputs


def _ordered(layer: Sort | Argsort, context: Context, outputs: tuple[str, str]) -> None:
    size = layer.size(context.shape_as_declared)
    _largest(context, context.axis(layer.axis), size, outputs, largest=layer.descending)


def top_k(layer: TopK, context: Context) -> Values:
    """TopK."""
    first, second = context.outputs
    _largest(context, context.axis(layer.axis), layer.k, (first, second), largest=True)
    return context.outputs


def _largest(
    context: Context, axis: int, k: Dim, outputs: tuple[str, str], *, largest: bool
) -> None:
    (x,) = context.inputs
    many = context.constant("k", [k]) if isinstance(k, int) else context.size(k, x, axis, part="k")
    context.operator("TopK", (x, many), outputs, axis=axis, largest=int(largest), sorted=1)


def take(layer: Take, context: Context) -> Values:
    """GatherND in each row, the axis in front."""
    x, indices = context.inputs
    rank, axis = len(context.shape), context.axis(layer.axis)
    order = (0, axis, *(each for each in range(1, rank + 1) if each != axis))
    if axis > 1:
        x = context.node("Transpose", x, perm=order, part="in_front")
    if context.input_types[1].dtype != "int64":
        indices = context.node("Cast", indices, to=ElementType("int64"), part="long")
    last = context.constant("axes", [-1])
    places = context.node("Unsqueeze", indices, last, part="places")
    many = context.input_types[1].rank
    is_last = axis == 1 or many == 0
    taken = context.node("GatherND", x, places, part=None if is_last else "taken", batch_dims=1)
    if is_last:
        return (taken,)
    # (batch, indices, other axes) -> the indices in the place of the axis
    first = many + axis
    perm = (0, *range(many + 1, first), *range(1, many + 1), *range(first, many + rank))
    return (context.node("Transpose", taken, perm=perm),)


def take_along_axis(layer: TakeAlongAxis, context: Context) -> Values:
    """GatherElements."""
    return (context.node("GatherElements", *context.inputs, axis=context.axis(layer.axis)),)


ROWS: Rows = {
    layers.OneHot: one_hot,
    layers.Cumsum: cumsum,
    layers.Sort: sort,
    layers.Argsort: argsort,
    layers.TopK: top_k,
    layers.Take: take,
    layers.TakeAlongAxis: take_along_axis,
}
