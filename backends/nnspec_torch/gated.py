"""Activations that own a slope or gate one half of an axis by the other, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered


def prelu(layer: layers.Prelu, context: Context) -> Lowered:
    """nn.PReLU with a slope a channel."""
    (weight,) = context.parameters(layer)
    return Lowered("{module}({0})", call("nn.PReLU", ("num_parameters", weight.shape[0])))


def glu(layer: layers.Glu, context: Context) -> Lowered:
    """F.glu, by default over the last axis."""
    axis = context.axis(layer.axis)
    return Lowered("F.glu({0})" if axis == context.rank else f"F.glu({{0}}, dim={axis})")


def swiglu(layer: layers.Swiglu, context: Context) -> Lowered:
    """The helper, by default over the last axis."""
    axis = context.axis(layer.axis)
    return Lowered("swiglu({0})" if axis == context.rank else f"swiglu({{0}}, dim={axis})")
