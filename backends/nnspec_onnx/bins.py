"""The bins of adaptive pooling along axes whose sizes are known when a model runs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnspec.layers.global_pooling import AdaptivePooling
from nnspec_onnx.context import Context
from nnspec_onnx.ir import ElementType


class Bins(NamedTuple):
    """The bins of one axis: how long it is, and of each bin the first and the last element.

    These stand one under the other.
    """

    name: str
    length: str
    first: str
    last: str


def bins_of(layer: AdaptivePooling, context: Context, x: str, axis: int, size: str) -> Bins:
    """Return the bins of an axis of x, 2 or 3, whose size has a name."""
    output = layer.output_size[axis - 2]
    name = "bins" if layer.axes == 1 else ("row_bins", "column_bins")[axis - 2]
    length = context.size(size, x, axis, part=f"{name}_length")
    many = context.constant(f"{name}_many", [output])
    begins = context.constant(f"{name}_numbers", np.arange(output)[:, None])
    first = context.node("Mul", begins, length, part=f"{name}_begins")
    first = context.node("Div", first, many, part=f"{name}_first")
    # The end rounded up, less one: of positive numbers (n - 1) // d.
    ends = context.constant(f"{name}_next", np.arange(1, output + 1)[:, None])
    end = context.node("Mul", ends, length, part=f"{name}_ends")
    end = context.node("Sub", end, context.constant(f"{name}_one", [1]), part=f"{name}_before")
    return Bins(name, length, first, context.node("Div", end, many, part=f"{name}_last"))


def means(context: Context, bins: Bins, *, is_turned: bool) -> str:
    """Return the matrix that averages each bin: (output, size), or turned."""
    many = context.node("Squeeze", bins.length, part=f"{bins.name}_size")
    elements = _upto(context, f"{bins.name}_elements", many)
    after = context.node("LessOrEqual", bins.first, elements, part=f"{bins.name}_after")
    before = context.node("LessOrEqual", elements, bins.last, part=f"{bins.name}_not_past")
    inside = context.node("And", after, before, part=f"{bins.name}_inside")
    ones = context.node("Cast", inside, to=ElementType("float32"), part=f"{bins.name}_ones")
    along = context.constant(f"{bins.name}_axis", [1])
    total = context.node("ReduceSum", ones, along, keepdims=1, part=f"{bins.name}_total")
    matrix = context.node("Div", ones, total, part=f"{bins.name}_matrix")
    if not is_turned:
        return matrix
    return context.node("Transpose", matrix, perm=(1, 0), part=f"{bins.name}_turned")


def largest(context: Context, x: str, axis: int, bins: Bins, part: str | None) -> str:
    """Return the largest element of each bin along the axis."""
    # Bins are as long as the longest; what they lack is their last element once more.
    widths = context.node("Sub", bins.last, bins.first, part=f"{bins.name}_widths")
    widest = context.node("ReduceMax", widths, keepdims=0, part=f"{bins.name}_widest")
    one = context.constant(f"{bins.name}_one_more", np.array(1))
    width = context.node("Add", widest, one, part=f"{bins.name}_width")
    steps = _upto(context, f"{bins.name}_steps", width)
    chosen = context.node("Add", bins.first, steps, part=f"{bins.name}_chosen")
    chosen = context.node("Min", chosen, bins.last, part=f"{bins.name}_places")
    x = context.node("Gather", x, chosen, axis=axis, part=f"by_{bins.name}")
    axes = context.constant(f"{bins.name}_axis", (axis + 1,))
    return context.node("ReduceMax", x, axes, keepdims=0, part=part)


def _upto(context: Context, name: str, stop: str) -> str:
    """Return 0 to n - 1, n being a scalar."""
    zero = context.constant(f"{name}_zero", np.array(0))
    one = context.constant(f"{name}_step", np.array(1))
    return context.node("Range", zero, stop, one, part=name)
