"""Layers that join several values, or part one, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.base import Layer


def operands(context: Context) -> list[str]:
    """Return the inputs, each with the axes after the batch that it lacks."""
    ranks = [len(kind.shape) for kind in context.inputs]
    top = max(ranks)
    return [
        f"{{{i}}}" + (f"[:, {', '.join(['None'] * (top - rank))}]" if rank < top else "")
        for i, rank in enumerate(ranks)
    ]


def joined(operator: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to an operator between the inputs."""
    return lambda layer, context: Lowered(f" {operator} ".join(operands(context)))


def average(layer: layers.Average, context: Context) -> Lowered:
    """The sum by the number."""
    return Lowered(f"({' + '.join(operands(context))}) / {len(context.inputs)}")


def maximum(layer: layers.Maximum, context: Context) -> Lowered:
    """torch.where for two: torch.maximum gives each of two equal elements half the gradient."""
    return _extreme(">=", "max", context)


def minimum(layer: layers.Minimum, context: Context) -> Lowered:
    """torch.where for two: torch.minimum gives each of two equal elements half the gradient."""
    return _extreme("<=", "min", context)


def _extreme(comparison: str, function: str, context: Context) -> Lowered:
    given = operands(context)
    if len(given) == 2:
        a, b = given
        if context.is_one:
            # Both halves of the gradient reach it; nothing is compared with itself.
            return Lowered(f"torch.{function}imum({a}, {b})")
        return Lowered(f"torch.where({a} {comparison} {b}, {a}, {b})", comment="ties: the first")
    listed = ", ".join(given)
    if len({kind.shape for kind in context.inputs}) > 1:
        stacked = f"torch.stack(torch.broadcast_tensors({listed}))"
    else:
        stacked = f"torch.stack(({listed}))"
    return Lowered(f"torch.{function}({stacked}, dim=0).values")


def matmul(layer: layers.Matmul, context: Context) -> Lowered:
    """torch.matmul."""
    return Lowered(f"torch.matmul({', '.join(operands(context))})")


def dot(layer: layers.Dot, context: Context) -> Lowered:
    """torch.einsum, or a product and a sum for two vectors."""
    shapes = tuple(kind.shape for kind in context.inputs)
    ranks = len(shapes[0]), len(shapes[1])
    if ranks == (1, 1):
        return Lowered("torch.sum({0} * {1}, dim=1, keepdim=True)")
    equation = literal(layer.equation(ranks, layer.resolved((shapes[0], shapes[1]))))
    return Lowered(f"torch.einsum({equation}, {{0}}, {{1}})")


def concatenate(layer: layers.Concatenate, context: Context) -> Lowered:
    """torch.cat."""
    axis = layer.resolved_axis(context.rank, context.data_format)
    return Lowered(f"torch.cat(({{inputs}}), dim={context.axis(axis)})")


def split(layer: layers.Split, context: Context) -> Lowered:
    """torch.split."""
    axis = context.axis(layer.axis)
    return Lowered(f"torch.split({{0}}, {literal(list(layer.sizes))}, dim={axis})")
