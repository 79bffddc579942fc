"""Layers that join several values, in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
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
