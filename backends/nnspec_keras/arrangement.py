"""Layers that choose and rearrange elements, in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit import alike
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, Inputs, Items, X, apply


def permute(layer: layers.Permute, context: Context) -> Lowered:
    """layers.Permute, whose axes count from 1."""
    axes = tuple(axis + 1 for axis in layer.axes)
    return Lowered(CALLED, call("layers.Permute", ("dims", axes)))


def repeat_vector(layer: layers.RepeatVector, context: Context) -> Lowered:
    """layers.RepeatVector, or for anything but floats ops: the layer says it gives floats."""
    if context.inputs[0].dtype != "float32":
        return Lowered(apply("ops.repeat", apply("ops.expand_dims", X, 1), layer.n, axis=1))
    return Lowered(CALLED, call("layers.RepeatVector", ("n", layer.n)))


def expand_dims(layer: layers.ExpandDims, context: Context) -> Lowered:
    """ops.expand_dims."""
    return Lowered(apply("ops.expand_dims", X, layer.axis % (context.rank + 1) + 1))


def squeeze(layer: layers.Squeeze, context: Context) -> Lowered:
    """ops.squeeze of the one axis."""
    return Lowered(apply("ops.squeeze", X, context.axis(layer.axis)))


def stack(layer: layers.Stack, context: Context) -> Lowered:
    """ops.stack."""
    axis = layer.axis % (context.rank + 1) + 1
    return Lowered(apply("ops.stack", Items((Inputs(),), is_list=True), axis=axis))


def sliced(layer: layers.Slice, context: Context) -> Lowered:
    """A slice. Keras does not see that one of an axis of any size has a size."""
    lowered = alike.sliced(layer, context)
    before, after = context.inputs[0].shape, context.outputs[0].shape
    axis = layer.axis % context.rank
    count = after[axis]
    if isinstance(before[axis], int) or not isinstance(count, int):
        return lowered
    if all(isinstance(size, int) for size in after):
        places = sorted(range(context.rank), key=context.axis)
        sizes = tuple(after[place] for place in places)
        return Lowered(apply("ops.reshape", lowered.forward, (-1, *sizes)))
    indices = [layer.start + layer.step * i for i in range(count)]
    return Lowered(apply("ops.take", X, indices, axis=context.axis(layer.axis)))


def gather(layer: layers.Gather, context: Context) -> Lowered:
    """ops.take."""
    indices = list(layer.resolved(context.inputs[0].shape))
    return Lowered(apply("ops.take", X, indices, axis=context.axis(layer.axis)))


def flip(layer: layers.Flip, context: Context) -> Lowered:
    """ops.flip."""
    return Lowered(apply("ops.flip", X, axis=context.axis(layer.axis)))


def roll(layer: layers.Roll, context: Context) -> Lowered:
    """ops.roll."""
    return Lowered(apply("ops.roll", X, layer.shift, axis=context.axis(layer.axis)))


def repeat_elements(layer: layers.RepeatElements, context: Context) -> Lowered:
    """ops.repeat."""
    return Lowered(apply("ops.repeat", X, layer.repeats, axis=context.axis(layer.axis)))


def tile(layer: layers.Tile, context: Context) -> Lowered:
    """ops.tile."""
    times = [1] * (context.rank + 1)
    times[context.axis(layer.axis)] = layer.repeats
    return Lowered(apply("ops.tile", X, tuple(times)))


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
