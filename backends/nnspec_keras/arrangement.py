"""Layers that choose and rearrange elements, in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call, literal
from nnspec.emit.lowering import Context, Lowered


def permute(layer: layers.Permute, context: Context) -> Lowered:
    """layers.Permute, whose axes count from 1."""
    axes = tuple(axis + 1 for axis in layer.axes)
    return Lowered("{module}({0})", call("layers.Permute", ("dims", axes)))


def repeat_vector(layer: layers.RepeatVector, context: Context) -> Lowered:
    """layers.RepeatVector, or for anything but floats ops: the layer says it gives floats."""
    if context.inputs[0].dtype != "float32":
        return Lowered(f"ops.repeat(ops.expand_dims({{0}}, 1), {layer.n}, axis=1)")
    return Lowered("{module}({0})", call("layers.RepeatVector", ("n", layer.n)))


def expand_dims(layer: layers.ExpandDims, context: Context) -> Lowered:
    """ops.expand_dims."""
    return Lowered(f"ops.expand_dims({{0}}, {layer.axis % (context.rank + 1) + 1})")


def squeeze(layer: layers.Squeeze, context: Context) -> Lowered:
    """ops.squeeze of the one axis."""
    return Lowered(f"ops.squeeze({{0}}, {context.axis(layer.axis)})")


def stack(layer: layers.Stack, context: Context) -> Lowered:
    """ops.stack."""
    return Lowered(f"ops.stack([{{inputs}}], axis={layer.axis % (context.rank + 1) + 1})")


def slice_(layer: layers.Slice, context: Context) -> Lowered:
    """A slice."""
    start = layer.start or ""
    stop = "" if layer.stop is None else layer.stop
    bounds = f"{start}:{stop}" + (f":{layer.step}" if layer.step > 1 else "")
    return Lowered(f"{{0}}[{':, ' * context.axis(layer.axis)}{bounds}]")


def gather(layer: layers.Gather, context: Context) -> Lowered:
    """ops.take."""
    indices = literal(list(layer.resolved(context.inputs[0].shape)))
    return Lowered(f"ops.take({{0}}, {indices}, axis={context.axis(layer.axis)})")


def flip(layer: layers.Flip, context: Context) -> Lowered:
    """ops.flip."""
    return Lowered(f"ops.flip({{0}}, axis={context.axis(layer.axis)})")


def roll(layer: layers.Roll, context: Context) -> Lowered:
    """ops.roll."""
    return Lowered(f"ops.roll({{0}}, {layer.shift}, axis={context.axis(layer.axis)})")


def repeat_elements(layer: layers.RepeatElements, context: Context) -> Lowered:
    """ops.repeat."""
    return Lowered(f"ops.repeat({{0}}, {layer.repeats}, axis={context.axis(layer.axis)})")


def tile(layer: layers.Tile, context: Context) -> Lowered:
    """ops.tile."""
    times = [1] * (context.rank + 1)
    times[context.axis(layer.axis)] = layer.repeats
    return Lowered(f"ops.tile({{0}}, {tuple(times)})")
