"""Activations that own a slope or gate one half of an axis by the other, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, X, apply


def prelu(layer: layers.Prelu, context: Context) -> Lowered:
    """nn.PReLU with one slope, or one a channel; a helper for one an element."""
    (weight,) = context.parameters(layer)
    if layer.slopes == "element":
        return Lowered(CALLED, call("ElementPReLU", *(("size", size) for size in weight.shape)))
    count = weight.shape[0]
    # One is what it has by default, whatever the number of channels.
    given = (("num_parameters", count),) if layer.slopes == "channel" else ()
    return Lowered(CALLED, call("nn.PReLU", *given))


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
