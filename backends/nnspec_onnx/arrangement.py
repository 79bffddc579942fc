"""Layers that choose and rearrange elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
from nnspec_onnx.context import Context, Values

_END = np.iinfo(np.int64).max


def permute(layer: Permute, at: Context) -> Values:
    """Transpose, or nothing where the axes keep their order."""
    if list(layer.axes) == sorted(layer.axes):
        return at.inputs
    return (at.node("Transpose", *at.inputs, perm=(0, *(axis + 1 for axis in layer.axes))),)


def repeat_vector(layer: RepeatVector, at: Context) -> Values:
    """Expand of a new axis."""
    row = at.node("Unsqueeze", *at.inputs, at.constant("axes", [1]), part="row")
    return (at.node("Expand", row, at.constant("shape", [1, layer.n, 1])),)


def expand_dims(layer: ExpandDims, at: Context) -> Values:
    """Unsqueeze."""
    axis = layer.axis % (len(at.shape) + 1) + 1
    return (at.node("Unsqueeze", *at.inputs, at.constant("axes", [axis])),)


def squeeze(layer: Squeeze, at: Context) -> Values:
    """Squeeze."""
    return (at.node("Squeeze", *at.inputs, at.constant("axes", [at.axis(layer.axis)])),)


def stack(layer: Stack, at: Context) -> Values:
    """Concat of the inputs, each with a new axis."""
    axis = layer.axis % (len(at.shape) + 1) + 1
    axes = at.constant("axes", [axis])
    unique = {
        value: at.node("Unsqueeze", value, axes, part=f"expanded_{i}")
        for i, value in enumerate(dict.fromkeys(at.inputs))
    }
    return (at.node("Concat", *(unique[value] for value in at.inputs), axis=axis),)


def slice_(layer: Slice, at: Context) -> Values:
    """Slice."""
    stop = _END if layer.stop is None else layer.stop
    return _sliced(layer.start, stop, layer.step, at.axis(layer.axis), at)


def flip(layer: Flip, at: Context) -> Values:
    """Slice from the end by steps of -1."""
    return _sliced(-1, -_END, -1, at.axis(layer.axis), at)


def gather(layer: Gather, at: Context) -> Values:
    """Gather."""
    return _gathered(layer.resolved(at.shape_as_declared), at.axis(layer.axis), at)


def roll(layer: Roll, at: Context) -> Values:
    """Gather: ONNX has no operator that rolls."""
    size = layer.fixed_size(at.shape_as_declared)
    return _gathered([(i - layer.shift) % size for i in range(size)], at.axis(layer.axis), at)


def repeat_elements(layer: RepeatElements, at: Context) -> Values:
    """Gather: ONNX has no operator that repeats elements."""
    size = layer.fixed_size(at.shape_as_declared)
    indices = [i for i in range(size) for _ in range(layer.repeats)]
    return _gathered(indices, at.axis(layer.axis), at)


def tile(layer: Tile, at: Context) -> Values:
    """Tile."""
    times = [1] * (len(at.shape) + 1)
    times[at.axis(layer.axis)] = layer.repeats
    return (at.node("Tile", *at.inputs, at.constant("repeats", times)),)


def _sliced(start: int, stop: int, step: int, axis: int, at: Context) -> Values:
    bounds = [at.constant("start", [start]), at.constant("stop", [stop])]
    bounds.append(at.constant("axes", [axis]))
    if step != 1:
        bounds.append(at.constant("step", [step]))
    return (at.node("Slice", *at.inputs, *bounds),)


def _gathered(indices: Sequence[int], axis: int, at: Context) -> Values:
    return (at.node("Gather", *at.inputs, at.constant("indices", list(indices)), axis=axis),)
