"""Dense and shape layers."""

from __future__ import annotations

import numpy as np

from nnspec import layers
from nnspec.layers import Dense, Flatten, Reshape
from nnspec.layers.core import computed_axis
from nnspec.layers.rows import MergeRows, PartRows
from nnspec.layers.shapes import Dim
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows


def dense(layer: Dense, context: Context) -> Values:
    """Gemm for a vector per row, else MatMul and Add."""
    (x,) = context.inputs
    if len(context.shape) == 1:
        tensors = [context.parameter(name) for name in context.parameters]
        return (context.node("Gemm", x, *tensors, transB=1),)
    weight = context.transposed("weight")
    if not layer.use_bias:
        return (context.node("MatMul", x, weight),)
    product = context.node("MatMul", x, weight, part="product")
    return (context.node("Add", product, context.parameter("bias")),)


def flatten(layer: Flatten, context: Context) -> Values:
    """Flatten, or nothing for a vector."""
    if len(context.shape) == 1:
        return context.inputs
    return (context.node("Flatten", *context.inputs, axis=1),)


def reshape(layer: Reshape, context: Context) -> Values:
    """Reshape, or nothing where the shape is the same."""
    target = context.output_types[0].shape
    if target == context.shape:
        return context.inputs
    given, (x,) = context.shape, context.inputs
    computed = computed_axis(given, target)
    # A 0 takes the input's own size at its place: the batch.
    sizes: list[Dim] = [0]
    for i, size in enumerate(target):
        is_own = isinstance(size, str) and i < len(given) and given[i] == size
        sizes.append(-1 if i == computed else 0 if is_own else size)
    kept = [(i, size) for i, size in enumerate(sizes) if isinstance(size, str)]
    if len(kept) == 1 and computed is None:
        sizes[kept[0][0]] = -1
        kept = []
    if not kept:
        shape = context.constant("shape", np.array(sizes, np.int64))
        return (context.node("Reshape", x, shape),)
    parts, at = [], 0
    for n, (i, size) in enumerate((*kept, (len(sizes), ""))):
        if i > at:
            parts.append(context.constant(f"sizes_{n}", np.array(sizes[at:i], np.int64)))
        if size:
            axis = given.index(size) + 1
            parts.append(context.size(size, x, axis, part=f"size_{n}"))
        at = i + 1
    shape = context.node("Concat", *parts, axis=0, part="shape")
    return (context.node("Reshape", x, shape),)


def merge_rows(layer: MergeRows, context: Context) -> Values:
    """Reshape; -1 stands for the rows."""
    (x,) = context.inputs
    rest = context.shape[1:]
    if all(isinstance(size, int) for size in rest):
        return (context.node("Reshape", x, context.constant("shape", np.array([-1, *rest]))),)
    rows = context.constant("rows", [-1])
    sizes = context.node("Shape", x, start=2, part="sizes")
    shape = context.node("Concat", rows, sizes, axis=0, part="shape")
    return (context.node("Reshape", x, shape),)


def part_rows(layer: PartRows, context: Context) -> Values:
    """Reshape; -1 stands for the rows of the batch."""
    x, source = context.inputs
    target = context.output_types[0].shape
    if all(isinstance(size, int) for size in target):
        return (context.node("Reshape", x, context.constant("shape", np.array([-1, *target]))),)
    rows = context.node("Shape", source, start=0, end=2, part="rows")
    if all(isinstance(size, int) for size in target[1:]):
        sizes = context.constant("sizes", np.array(target[1:]))
    else:
        sizes = context.node("Shape", x, start=1, part="sizes")
    shape = context.node("Concat", rows, sizes, axis=0, part="shape")
    return (context.node("Reshape", x, shape),)


ROWS: Rows = {
    layers.Dense: dense,
    layers.Flatten: flatten,
    layers.Reshape: reshape,
    MergeRows: merge_rows,
    PartRows: part_rows,
}
