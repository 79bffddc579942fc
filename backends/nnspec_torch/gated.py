"""Activations that own a slope or gate one half of an axis by the other, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, X, apply


def prelu(layer: layers.Prelu, context: Context) -> Lowered:
    """nn.PReLU with a slope a channel."""
    (weight,) = context.parameters(layer)
    return Lowered(CALLED, call("nn.PReLU", ("num_parameters", weight.shape[0])))


def gating(function: str) -> Callable[[layers.Glu | layers.Swiglu, Context], Lowered]:
    """Return the lowering to a function that by default halves the last axis."""

    def lowering(layer: layers.Glu | layers.Swiglu, context: Context) -> Lowered:
        axis = context.axis(layer.axis)
        return Lowered(apply(function, X, **({} if axis == context.rank else {"dim": axis})))

    return lowering


ROWS: Rows = {
    layers.Prelu: prelu,
    layers.Glu: gating("F.glu"),
    layers.Swiglu: gating("swiglu"),
}
