"""Layers that join several values, or part one, in Keras."""

from __future__ import annotations

from itertools import accumulate

from nnspec import layers
from nnspec.emit.code import call, literal
from nnspec.emit.lowering import Context, Lowered


def add(layer: layers.Add, context: Context) -> Lowered:
    """layers.Add."""
    return Lowered("{module}([{inputs}])", call("layers.Add"))


def multiply(layer: layers.Multiply, context: Context) -> Lowered:
    """layers.Multiply."""
    return Lowered("{module}([{inputs}])", call("layers.Multiply"))


def concatenate(layer: layers.Concatenate, context: Context) -> Lowered:
    """layers.Concatenate, by default over the last axis."""
    axis = context.axis(layer.resolved_axis(context.rank, context.data_format))
    keywords = {"axis": axis} if axis != context.rank else {}
    return Lowered("{module}([{inputs}])", call("layers.Concatenate", **keywords))


def split(layer: layers.Split, context: Context) -> Lowered:
    """ops.split, which takes the places to cut at."""
    cuts = literal(list(accumulate(layer.sizes))[:-1])
    return Lowered(f"ops.split({{0}}, {cuts}, axis={context.axis(layer.axis)})")
