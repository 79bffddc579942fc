"""Layers that join several values, or part one, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import average, joined, operands
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Binary, Input, Inputs, Items, Operator, X, apply


def maximum(layer: layers.Maximum, context: Context) -> Lowered:
    """torch.where for two: torch.maximum gives each of two equal elements half the gradient."""
    return _extreme(">=", "max", context)


def minimum(layer: layers.Minimum, context: Context) -> Lowered:
    """torch.where for two: torch.minimum gives each of two equal elements half the gradient."""
    return _extreme("<=", "min", context)


def _extreme(comparison: Operator, function: str, context: Context) -> Lowered:
    given = operands(context)
    if len(given) == 2:
        a, b = given
        if context.is_one:
            # Both halves of the gradient reach it; nothing is compared with itself.
            return Lowered(apply(f"torch.{function}imum", a, b))
        chosen = apply("torch.where", Binary(comparison, a, b), a, b)
        return Lowered(chosen, comment="ties: the first")
    if len({type_.shape for type_ in context.inputs}) > 1:
        stacked = apply("torch.stack", apply("torch.broadcast_tensors", *given))
    else:
        stacked = apply("torch.stack", tuple(given))
    return Lowered(apply(f"torch.{function}", stacked, dim=0).attribute("values"))


def matmul(layer: layers.Matmul, context: Context) -> Lowered:
    """torch.matmul."""
    return Lowered(apply("torch.matmul", *operands(context)))


def dot(layer: layers.Dot, context: Context) -> Lowered:
    """torch.einsum, or a product and a sum for two vectors."""
    shapes = tuple(type_.shape for type_ in context.inputs)
    ranks = len(shapes[0]), len(shapes[1])
    if ranks == (1, 1):
        return Lowered(apply("torch.sum", X * Input(1), dim=1, keepdim=True))
    equation = layer.equation(ranks, layer.resolved((shapes[0], shapes[1])))
    return Lowered(apply("torch.einsum", equation, X, Input(1)))


def concatenate(layer: layers.Concatenate, context: Context) -> Lowered:
    """torch.cat."""
    axis = layer.resolved_axis(context.rank, context.data_format)
    return Lowered(apply("torch.cat", Items((Inputs(),)), dim=context.axis(axis)))


def split(layer: layers.Split, context: Context) -> Lowered:
    """torch.split."""
    axis = context.axis(layer.axis)
    return Lowered(apply("torch.split", X, list(layer.sizes), dim=axis))


ROWS: Rows = {
    layers.Add: joined("+"),
    layers.Subtract: joined("-"),
    layers.Multiply: joined("*"),
    layers.Divide: joined("/"),
    layers.Average: average,
    layers.Maximum: maximum,
    layers.Minimum: minimum,
    layers.Matmul: matmul,
    layers.Dot: dot,
    layers.Concatenate: concatenate,
    layers.Split: split,
}
