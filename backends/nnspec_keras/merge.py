"""Layers that join several values, or part one, in Keras."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

from nnspec import layers
from nnspec.emit.code import call, literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.base import Layer


def merged(function: str, operator: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to a layer, or for whole numbers an operator: the layer gives floats."""

    def lowering(layer: Layer, context: Context) -> Lowered:
        if context.inputs[0].dtype == "float32":
            return Lowered("{module}([{inputs}])", call(f"layers.{function}"))
        text, *others = operands(context)
        for other in others:
            text = operator.format(text, other)
        return Lowered(text)

    return lowering


def divide(layer: layers.Divide, context: Context) -> Lowered:
    """The operator."""
    return Lowered(" / ".join(operands(context)))


def matmul(layer: layers.Matmul, context: Context) -> Lowered:
    """ops.matmul."""
    return Lowered(f"ops.matmul({', '.join(operands(context))})")


def dot(layer: layers.Dot, context: Context) -> Lowered:
    """layers.Dot for two vectors, else ops.einsum: the layer's axes mean another thing there."""
    shapes = tuple(kind.shape for kind in context.inputs)
    ranks = len(shapes[0]), len(shapes[1])
    if ranks == (1, 1):
        return Lowered("{module}([{inputs}])", call("layers.Dot", axes=1))
    equation = literal(layer.equation(ranks, layer.resolved((shapes[0], shapes[1]))))
    return Lowered(f"ops.einsum({equation}, {{0}}, {{1}})")


def operands(context: Context) -> list[str]:
    """Return the inputs, each with the axes after the batch that it lacks."""
    ranks = [len(kind.shape) for kind in context.inputs]
    top = max(ranks)
    axes = {rank: tuple(range(1, top - rank + 1)) for rank in ranks}
    return [
        f"ops.expand_dims({{{i}}}, {literal(axes[rank][0] if top - rank == 1 else axes[rank])})"
        if rank < top
        else f"{{{i}}}"
        for i, rank in enumerate(ranks)
    ]


def concatenate(layer: layers.Concatenate, context: Context) -> Lowered:
    """layers.Concatenate, by default over the last axis."""
    axis = context.axis(layer.resolved_axis(context.rank, context.data_format))
    keywords = {"axis": axis} if axis != context.rank else {}
    return Lowered("{module}([{inputs}])", call("layers.Concatenate", **keywords))


def split(layer: layers.Split, context: Context) -> Lowered:
    """ops.split, which takes the places to cut at."""
    cuts = literal(list(accumulate(layer.sizes))[:-1])
    return Lowered(f"ops.split({{0}}, {cuts}, axis={context.axis(layer.axis)})")
