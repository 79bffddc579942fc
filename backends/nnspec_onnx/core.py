"""Dense and shape layers."""

from __future__ import annotations

from typing import cast

import numpy as np

from nnspec import layers
from nnspec.layers import Dense, Flatten, Reshape
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
    # A 0 takes the input's own size: the batch.
    shape = context.constant("shape", np.array([0, *cast("tuple[int, ...]", target)], np.int64))
    return (context.node("Reshape", *context.inputs, shape),)


ROWS: Rows = {
    layers.Dense: dense,
    layers.Flatten: flatten,
    layers.Reshape: reshape,
}
