"""Layers that choose and rearrange elements, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import literal
from nnspec.emit.lowering import Context, Lowered


def permute(layer: layers.Permute, context: Context) -> Lowered:
    """Tensor.permute."""
    axes = ", ".join(str(axis) for axis in (0, *(axis + 1 for axis in layer.axes)))
    return Lowered(f"{{0}}.permute({axes})")


def repeat_vector(layer: layers.RepeatVector, context: Context) -> Lowered:
    """Tensor.expand of a new axis."""
    return Lowered(f"{{0}}.unsqueeze(1).expand(-1, {layer.n}, -1)")


def expand_dims(layer: layers.ExpandDims, context: Context) -> Lowered:
    """torch.unsqueeze."""
    return Lowered(f"torch.unsqueeze({{0}}, {layer.axis % (context.rank + 1) + 1})")


def squeeze(layer: layers.Squeeze, context: Context) -> Lowered:
    """torch.squeeze of the one axis."""
    return Lowered(f"torch.squeeze({{0}}, {context.axis(layer.axis)})")


def stack(layer: layers.Stack, context: Context) -> Lowered:
    """torch.stack."""
    return Lowered(f"torch.stack(({{inputs}}), dim={layer.axis % (context.rank + 1) + 1})")


def slice_(layer: layers.Slice, context: Context) -> Lowered:
    """A slice."""
    return Lowered(f"{{0}}[{':, ' * context.axis(layer.axis)}{bounds(layer)}]")


def gather(layer: layers.Gather, context: Context) -> Lowered:
    """An index by a list."""
    indices = literal(list(layer.resolved(context.inputs[0].shape)))
    return Lowered(f"{{0}}[{':, ' * context.axis(layer.axis)}{indices}]")


def flip(layer: layers.Flip, context: Context) -> Lowered:
    """torch.flip."""
    return Lowered(f"torch.flip({{0}}, dims=({context.axis(layer.axis)},))")


def roll(layer: layers.Roll, context: Context) -> Lowered:
    """torch.roll."""
    return Lowered(f"torch.roll({{0}}, {layer.shift}, dims={context.axis(layer.axis)})")


def repeat_elements(layer: layers.RepeatElements, context: Context) -> Lowered:
    """torch.repeat_interleave."""
    axis = context.axis(layer.axis)
    return Lowered(f"torch.repeat_interleave({{0}}, {layer.repeats}, dim={axis})")


def tile(layer: layers.Tile, context: Context) -> Lowered:
    """torch.tile."""
    times = [1] * (context.rank + 1)
    times[context.axis(layer.axis)] = layer.repeats
    return Lowered(f"torch.tile({{0}}, {tuple(times)})")


def bounds(layer: layers.Slice) -> str:
    """Return `start:stop:step`, without what Python supplies."""
    start = layer.start or ""
    stop = "" if layer.stop is None else layer.stop
    return f"{start}:{stop}" + (f":{layer.step}" if layer.step > 1 else "")
