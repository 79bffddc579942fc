"""Dense and shape layers."""

from __future__ import annotations

from typing import cast

import numpy as np

from nnspec.layers import Dense, Flatten, Reshape
from nnspec_onnx.context import Context, Values


def dense(layer: Dense, at: Context) -> Values:
    """Gemm for a vector per row, else MatMul and Add."""
    (x,) = at.inputs
    if len(at.shape) == 1:
        tensors = [at.parameter(name) for name in at.parameters]
        return (at.node("Gemm", x, *tensors, transB=1),)
    weight = at.transposed("weight")
    if not layer.use_bias:
        return (at.node("MatMul", x, weight),)
    product = at.node("MatMul", x, weight, part="product")
    return (at.node("Add", product, at.parameter("bias")),)


def flatten(layer: Flatten, at: Context) -> Values:
    """Flatten, or nothing for a vector."""
    if len(at.shape) == 1:
        return at.inputs
    return (at.node("Flatten", *at.inputs, axis=1),)


def reshape(layer: Reshape, at: Context) -> Values:
    """Reshape, or nothing where the shape is the same."""
    target = at.output_types[0].shape
    if target == at.shape:
        return at.inputs
    # A 0 takes the input's own size: the batch.
    shape = at.constant("shape", np.array([0, *cast("tuple[int, ...]", target)], np.int64))
    return (at.node("Reshape", *at.inputs, shape),)
