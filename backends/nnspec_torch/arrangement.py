"""Layers that choose and rearrange elements, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import sliced
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Inputs, Items, X, apply


def permute(layer: layers.Permute, context: Context) -> Lowered:
    """Tensor.permute."""
    return Lowered(X.method("permute", 0, *(axis + 1 for axis in layer.axes)))


def repeat_vector(layer: layers.RepeatVector, context: Context) -> Lowered:
    """Tensor.expand of a new axis."""
    return Lowered(X.method("unsqueeze", 1).method("expand", -1, layer.n, -1))


def expand_dims(layer: layers.ExpandDims, context: Context) -> Lowered:
    """torch.unsqueeze."""
    return Lowered(apply("torch.unsqueeze", X, layer.axis % (context.rank + 1) + 1))


def squeeze(layer: layers.Squeeze, context: Context) -> Lowered:
    """torch.squeeze of the one axis."""
    return Lowered(apply("torch.squeeze", X, context.axis(layer.axis)))


def stack(layer: layers.Stack, context: Context) -> Lowered:
    """torch.stack."""
    axis = layer.axis % (context.rank + 1) + 1
    return Lowered(apply("torch.stack", Items((Inputs(),)), dim=axis))


def gather(layer: layers.Gather, context: Context) -> Lowered:
    """An index by a list."""
    indices = list(layer.resolved(context.inputs[0].shape))
    return Lowered(X[(*[slice(None)] * context.axis(layer.axis), indices)])


def flip(layer: layers.Flip, context: Context) -> Lowered:
    """torch.flip."""
    return Lowered(apply("torch.flip", X, dims=(context.axis(layer.axis),)))


def roll(layer: layers.Roll, context: Context) -> Lowered:
    """torch.roll."""
    return Lowered(apply("torch.roll", X, layer.shift, dims=context.axis(layer.axis)))


def repeat_elements(layer: layers.RepeatElements, context: Context) -> Lowered:
    """torch.repeat_interleave."""
    axis = context.axis(layer.axis)
    return Lowered(apply("torch.repeat_interleave", X, layer.repeats, dim=axis))


def tile(layer: layers.Tile, context: Context) -> Lowered:
    """torch.tile."""
    times = [1] * (context.rank + 1)
    times[context.axis(layer.axis)] = layer.repeats
    return Lowered(apply("torch.tile", X, tuple(times)))


ROWS: Rows = {
    layers.Permute: permute,
    layers.RepeatVector: repeat_vector,
    layers.ExpandDims: expand_dims,
    layers.Squeeze: squeeze,
    layers.Stack: stack,
    layers.Slice: sliced,
    layers.Gather: gather,
    layers.Flip: flip,
    layers.Roll: roll,
    layers.RepeatElements: repeat_elements,
    layers.Tile: tile,
}
