"""Layers that number the places along axes."""

from __future__ import annotations

import numpy as np

from nnspec import layers
from nnspec.layers import Arange, CoordinateGrid, SequenceMask
from nnspec.layers.shapes import Dim
from nnspec_onnx.context import Context, Values
from nnspec_onnx.ir import ElementType
from nnspec_onnx.positions import positions, sizes_of
from nnspec_onnx.rows import Rows


def arange(layer: Arange, context: Context) -> Values:
    """Range, for every row."""
    (x,) = context.inputs
    size = layer.size(context.shape_as_declared)
    numbers = _numbers(context, size, x, context.axis(layer.axis))
    return (_for_each_row(context, numbers, [size], [context.axis(layer.axis)]),)


def coordinate_grid(layer: CoordinateGrid, context: Context) -> Values:
    """A constant, or Range along each axis."""
    shape = context.shape
    is_first = context.data_format == "channels_first"
    axes = range(1, len(shape)) if is_first else range(len(shape) - 1)
    sizes = [shape[axis] for axis in axes]
    low, high = float(layer.minimum), float(layer.maximum)
    known = [size for size in sizes if isinstance(size, int)]
    channel = 0 if is_first else len(sizes)
    if len(known) == len(sizes):
        lines = [low + (high - low) * np.arange(size) / max(size - 1, 1) for size in known]
        grid = np.stack(np.meshgrid(*lines, indexing="ij"), axis=channel)
        return (_for_each_row(context, context.constant("grid", grid), grid.shape, ()),)
    (x,) = context.inputs
    shape_of_grid = ""
    if len(sizes) > 1:
        parts = sizes_of(context, sizes, [axis + 1 for axis in axes], part="sizes")
        shape_of_grid = context.node("Concat", *parts, axis=0, part="sizes")
    planes = []
    for number, (axis, size) in enumerate(zip(axes, sizes, strict=True)):
        after = len(sizes) - number - 1
        line = _line(context, size, x, axis + 1, low, high, f"line_{number}", after)
        if after and isinstance(size, str):
            new = context.constant(f"line_{number}.axes", list(range(1, after + 1)))
            line = context.node("Unsqueeze", line, new, part=f"line_{number}.column")
        plane = line
        if len(sizes) > 1:
            plane = context.node("Expand", line, shape_of_grid, part=f"line_{number}.plane")
        channel_axis = context.constant(f"line_{number}.channel", [channel])
        part = f"line_{number}.as_channel"
        planes.append(context.node("Unsqueeze", plane, channel_axis, part=part))
    grid_ = planes[0]
    if len(planes) > 1:
        grid_ = context.node("Concat", *planes, axis=channel, part="grid")
    whole: list[Dim] = [len(sizes), *sizes] if is_first else [*sizes, len(sizes)]
    places = [0, *axes] if is_first else [*axes, 0]
    return (_for_each_row(context, grid_, whole, [place + 1 for place in places]),)


def _line(
    context: Context, size: Dim, x: str, axis: int, low: float, high: float, part: str, after: int
) -> str:
    """Return the coordinates along one axis; a constant has the axes after it, each of 1."""
    if isinstance(size, int):
        values = low + (high - low) * np.arange(size) / max(size - 1, 1)
        return context.constant(part, values.reshape(size, *[1] * after))
    to_float = ElementType("float32")
    numbers = positions(context, size, x=x, axis=axis, prefix=f"{part}.")
    count = context.size(size, x, axis, part=f"{part}.size")
    one = context.constant(f"{part}.least", [1])
    last = context.node("Sub", count, one, part=f"{part}.last")
    last = context.node("Max", last, one, part=f"{part}.divisor")
    places = context.node("Cast", numbers, to=to_float, part=f"{part}.places")
    divisor = context.node("Cast", last, to=to_float, part=f"{part}.float_divisor")
    range_ = context.constant(f"{part}.range", high - low)
    scaled = context.node("Mul", places, range_, part=f"{part}.scaled")
    share = context.node("Div", scaled, divisor, part=f"{part}.share")
    return context.node("Add", share, context.constant(f"{part}.low", low), part=part)


def sequence_mask(layer: SequenceMask, context: Context) -> Values:
    """Less of Range."""
    lengths = context.inputs[0]
    dtype = context.input_types[0].dtype
    size = layer.max_length or context.input_types[1].shape[0]
    if isinstance(size, int):
        numbers = context.constant("numbers", np.arange(size, dtype=dtype))
    else:
        numbers = positions(context, size, x=context.inputs[1])
        if dtype != "int64":
            numbers = context.node("Cast", numbers, to=ElementType(dtype), part="numbers")
    column = context.node("Unsqueeze", lengths, context.constant("axes", [-1]), part="column")
    return (context.node("Less", numbers, column),)


def _numbers(context: Context, size: Dim, x: str, axis: int) -> str:
    """Return 0 to n - 1, int64."""
    if isinstance(size, int):
        return context.constant("numbers", list(range(size)))
    return positions(context, size, x=x, axis=axis)


def _for_each_row(
    context: Context, tensor: str, sizes: list[Dim] | tuple[int, ...], axes: list[int] | tuple[()]
) -> str:
    """Return a tensor of these sizes, those of axes of the first input, for every row."""
    found = sizes_of(context, list(sizes), list(axes) or [0] * len(sizes), part="sizes_of_row")
    target = context.node("Concat", context.batch(), *found, axis=0, part="shape")
    return context.node("Expand", tensor, target)


ROWS: Rows = {
    layers.Arange: arange,
    layers.CoordinateGrid: coordinate_grid,
    layers.SequenceMask: sequence_mask,
}
