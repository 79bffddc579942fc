"""Layers that number, order and look up elements, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Apply, Expression, Input, Name, X, apply
from nnspec.layers.indexing import Argsort, Sort


def one_hot(layer: layers.OneHot, context: Context) -> Lowered:
    """F.one_hot, which takes and gives int64."""
    numbers = _long(X, context, 0)
    floats = apply("torch.get_default_dtype")
    return Lowered(apply("F.one_hot", numbers, layer.num_classes).method("to", floats))


def cumsum(layer: layers.Cumsum, context: Context) -> Lowered:
    """torch.cumsum, which would make int64 of int32."""
    is_narrow = context.inputs[0].dtype == "int32"
    dtype = {"dtype": Name("torch.int32")} if is_narrow else {}
    return Lowered(apply("torch.cumsum", X, dim=context.axis(layer.axis), **dtype))


def sort(layer: Sort, context: Context) -> Lowered:
    """The values of torch.sort."""
    return Lowered(_sorted(layer, context).attribute("values"))


def argsort(layer: Argsort, context: Context) -> Lowered:
    """The indices of torch.sort."""
    return Lowered(_sorted(layer, context).attribute("indices"))


def _sorted(layer: Sort | Argsort, context: Context) -> Apply:
    keywords = {"descending": True} if layer.descending else {}
    return apply("torch.sort", X, dim=context.axis(layer.axis), **keywords, stable=True)


def top_k(layer: layers.TopK, context: Context) -> Lowered:
    """A function: torch.topk gives equal elements in any order."""
    return Lowered(apply("stable_top_k", X, layer.k, dim=context.axis(layer.axis)))


def take(layer: layers.Take, context: Context) -> Lowered:
    """torch.take_along_dim, which stretches indices of one axis over the other axes."""
    axis, indices = context.axis(layer.axis), _long(Input(1), context, 1)
    axes = context.inputs[1].rank
    if axes > 1:
        indices = indices.method("flatten", 1)
    places: list[object] = [None] * context.rank
    if axes:
        places[axis - 1] = slice(None)
    if None in places:
        indices = indices[(slice(None), *places)]
    taken = apply("torch.take_along_dim", X, indices, dim=axis)
    if axes > 1:
        taken = taken.method("unflatten", axis, Input(1).attribute("shape")[1:])
    return Lowered(taken if axes else taken.method("squeeze", axis))


def take_along_axis(layer: layers.TakeAlongAxis, context: Context) -> Lowered:
    """torch.gather."""
    axis = context.axis(layer.axis)
    return Lowered(apply("torch.gather", X, axis, _long(Input(1), context, 1)))


def _long(numbers: Expression, context: Context, index: int) -> Expression:
    return numbers if context.inputs[index].dtype == "int64" else numbers.method("long")


ROWS: Rows = {
    layers.OneHot: one_hot,
    layers.Cumsum: cumsum,
    layers.Sort: sort,
    layers.Argsort: argsort,
    layers.TopK: top_k,
    layers.Take: take,
    layers.TakeAlongAxis: take_along_axis,
}
