"""Layers that choose and rearrange elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnspec import layers
from nnspec.layers import (
    ExpandDims,
    Flip,
    Gather,
    Permute,
    RepeatElements,
    RepeatVector,
    Roll,
    Slice,
    Squeeze,
    Stack,
    Tile,
)
from nnspec.layers.shapes import Dim
from nnspec_onnx.context import Context, Values
from nnspec_onnx.positions import positions
from nnspec_onnx.rows import Rows

_END = np.iinfo(np.int64).max


def permute(layer: Permute, context: Context) -> Values:
    """Transpose, or nothing where the axes keep their order."""
    if list(layer.axes) == sorted(layer.axes):
        return context.inputs
    return (
        context.node("Transpose", *context.inputs, perm=(0, *(axis + 1 for axis in layer.axes))),
    )


def repeat_vector(layer: RepeatVector, context: Context) -> Values:
    """Expand of a new axis."""
    row = context.node("Unsqueeze", *context.inputs, context.constant("axes", [1]), part="row")
    return (context.node("Expand", row, context.constant("shape", [1, layer.n, 1])),)


def expand_dims(layer: ExpandDims, context: Context) -> Values:
    """Unsqueeze."""
    axis = layer.axis % (len(context.shape) + 1) + 1
    return (context.node("Unsqueeze", *context.inputs, context.constant("axes", [axis])),)


def squeeze(layer: Squeeze, context: Context) -> Values:
    """Squeeze."""
    return (
        context.node(
            "Squeeze", *context.inputs, context.constant("axes", [context.axis(layer.axis)])
        ),
    )


def stack(layer: Stack, context: Context) -> Values:
    """Concat of the inputs, each with a new axis."""
    axis = layer.axis % (len(context.shape) + 1) + 1
    axes = context.constant("axes", [axis])
    unique = {
        value: context.node("Unsqueeze", value, axes, part=f"expanded_{i}")
        for i, value in enumerate(dict.fromkeys(context.inputs))
    }
    return (context.node("Concat", *(unique[value] for value in context.inputs), axis=axis),)


def slice_(layer: Slice, context: Context) -> Values:
    """Slice."""
    stop = _END if layer.stop is None else layer.stop
    return _sliced(layer.start, stop, layer.step, context.axis(layer.axis), context)


def flip(layer: Flip, context: Context) -> Values:
    """Slice from the end by steps of -1."""
    return _sliced(-1, -_END, -1, context.axis(layer.axis), context)


def gather(layer: Gather, context: Context) -> Values:
    """Gather."""
    return _gathered(layer.resolved(context.shape_as_declared), context.axis(layer.axis), context)


def roll(layer: Roll, context: Context) -> Values:
    """Gather: ONNX has no operator that rolls."""
    size, axis = _along(layer, context)
    if isinstance(size, str):
        (x,) = context.inputs
        places = positions(context, size, x=x, axis=axis)
        shift = context.constant("shift", np.array(layer.shift))
        moved = context.node("Sub", places, shift, part="moved")
        count = context.node("Squeeze", context.size(size, x, axis, part="size"), part="number")
        indices = context.node("Mod", moved, count, part="indices")
        return (context.node("Gather", x, indices, axis=axis),)
    return _gathered([(i - layer.shift) % size for i in range(size)], axis, context)


def repeat_elements(layer: RepeatElements, context: Context) -> Values:
    """Gather: ONNX has no operator that repeats elements."""
    size, axis = _along(layer, context)
    if isinstance(size, str):
        (x,) = context.inputs
        places = positions(context, size, x=x, axis=axis)
        column = context.node("Unsqueeze", places, context.constant("last", [1]), part="column")
        times = context.constant("times", [1, layer.repeats])
        rows = context.node("Tile", column, times, part="rows")
        indices = context.node("Reshape", rows, context.constant("flat", [-1]), part="indices")
        return (context.node("Gather", x, indices, axis=axis),)
    indices_of = [i for i in range(size) for _ in range(layer.repeats)]
    return _gathered(indices_of, axis, context)


def _along(layer: Roll | RepeatElements, context: Context) -> tuple[Dim, int]:
    """Return the size of the layer's axis, and where the model has it."""
    shape = context.shape_as_declared
    return shape[layer.resolved_axis(shape)], context.axis(layer.axis)


def tile(layer: Tile, context: Context) -> Values:
    """Tile."""
    times = [1] * (len(context.shape) + 1)
    times[context.axis(layer.axis)] = layer.repeats
    return (context.node("Tile", *context.inputs, context.constant("repeats", times)),)


def _sliced(start: int, stop: int, step: int, axis: int, context: Context) -> Values:
    bounds = [context.constant("start", [start]), context.constant("stop", [stop])]
    bounds.append(context.constant("axes", [axis]))
    if step != 1:
        bounds.append(context.constant("step", [step]))
    return (context.node("Slice", *context.inputs, *bounds),)


def _gathered(indices: Sequence[int], axis: int, context: Context) -> Values:
    return (
        context.node(
            "Gather", *context.inputs, context.constant("indices", list(indices)), axis=axis
        ),
    )


ROWS: Rows = {
    layers.Permute: permute,
    layers.RepeatVector: repeat_vector,
    layers.ExpandDims: expand_dims,
    layers.Squeeze: squeeze,
    layers.Stack: stack,
    layers.Slice: slice_,
    layers.Gather: gather,
    layers.Flip: flip,
    layers.Roll: roll,
    layers.RepeatElements: repeat_elements,
    layers.Tile: tile,
}
