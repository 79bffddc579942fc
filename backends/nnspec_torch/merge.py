"""Layers that join several values, or part one, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import literal
from nnspec.emit.lowering import Context, Lowered


def _joined(operator: str, context: Context) -> Lowered:
    return Lowered(operator.join(f"{{{i}}}" for i in range(len(context.inputs))))


def add(layer: layers.Add, context: Context) -> Lowered:
    """The sum."""
    return _joined(" + ", context)


def multiply(layer: layers.Multiply, context: Context) -> Lowered:
    """The product."""
    return _joined(" * ", context)


def concatenate(layer: layers.Concatenate, context: Context) -> Lowered:
    """torch.cat."""
    axis = layer.resolved_axis(context.rank, context.data_format)
    return Lowered(f"torch.cat(({{inputs}}), dim={context.axis(axis)})")


def split(layer: layers.Split, context: Context) -> Lowered:
    """torch.split."""
    axis = context.axis(layer.axis)
    return Lowered(f"torch.split({{0}}, {literal(list(layer.sizes))}, dim={axis})")
