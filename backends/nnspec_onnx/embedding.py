"""Embeddings, positions and tensors that every row gets."""

from __future__ import annotations

import numpy as np

from nnspec import layers
from nnspec.layers import (
    ConstantTensor,
    Embedding,
    LearnedTensor,
    PositionEmbedding,
    Shared,
    SinusoidalPosition,
    TiedDense,
)
from nnspec_onnx import rotary
from nnspec_onnx.context import Context, Values
from nnspec_onnx.positions import angles, first_rows
from nnspec_onnx.rows import Rows


def embedding(layer: Embedding, context: Context) -> Values:
    """Gather."""
    return (context.node("Gather", context.parameter("weight"), *context.inputs),)


def tied_dense(layer: TiedDense, context: Context) -> Values:
    """Gemm, which alone turns its second factor: the embedding's table is stored once.

    What has more axes becomes a matrix for it, and again what it was.
    """
    (x,) = context.inputs
    table = [f"{context.tied}.weight", *([context.parameter("bias")] if layer.use_bias else [])]
    *leading, features = context.shape
    if not leading:
        return (context.node("Gemm", x, *table, transB=1),)
    assert isinstance(features, int)
    rows = context.node("Reshape", x, context.constant("rows_shape", [-1, features]), part="rows")
    product = context.node("Gemm", rows, *table, part="product", transB=1)
    units = context.output_types[0].shape[-1]
    assert isinstance(units, int)
    if all(isinstance(size, int) for size in leading):
        shape = context.constant("shape", np.array([-1, *leading, units]))
    else:
        given = context.node("Shape", x, part="leading", start=0, end=len(context.shape))
        shape = context.node(
            "Concat", given, context.constant("units", [units]), part="shape", axis=0
        )
    return (context.node("Reshape", product, shape),)


def shared(layer: Shared, context: Context) -> Values:
    """Not called: the graph holds the layer that it names."""
    raise AssertionError(layer.layer)


def position_embedding(layer: PositionEmbedding, context: Context) -> Values:
    """Add of the table's first rows."""
    (x,) = context.inputs
    time, features = context.shape
    if isinstance(time, str):
        table = first_rows(context, context.parameter("weight"), time)
    elif time < layer.max_length:
        assert isinstance(features, int)
        table = context.parameter(
            "weight", part="rows", shape=(time, features), transform=lambda rows: rows[:time]
        )
    else:
        table = context.parameter("weight")
    return (context.node("Add", x, table),)


def sinusoidal_position(layer: SinusoidalPosition, context: Context) -> Values:
    """Add of a constant table."""
    (x,) = context.inputs
    time, features = context.shape
    assert isinstance(features, int)
    length = layer.max_length if isinstance(time, str) else time
    assert length is not None
    angle = angles(length, layer.base, np.arange(0, features, 2) / features)
    waves = np.stack((np.sin(angle), np.cos(angle)), axis=-1).reshape(length, -1)[:, :features]
    table = context.constant("table", waves)
    if isinstance(time, str):
        table = first_rows(context, table, time)
    return (context.node("Add", x, table),)


def parameter(layer: LearnedTensor, context: Context) -> Values:
    """Expand to the size of the batch."""
    return (_for_each_row(context, context.parameter("weight"), layer.shape),)


def constant(layer: ConstantTensor, context: Context) -> Values:
    """Expand to the size of the batch."""
    value = np.asarray(layer.value, np.float64 if layer.dtype == "float32" else layer.dtype)
    return (_for_each_row(context, context.constant("value", value), value.shape),)


def _for_each_row(context: Context, tensor: str, shape: tuple[int, ...]) -> str:
    target = context.batch()
    if shape:
        target = context.node(
            "Concat", target, context.constant("sizes", shape), axis=0, part="shape"
        )
    return context.node("Expand", tensor, target)


ROWS: Rows = {
    **rotary.ROWS,
    layers.Embedding: embedding,
    layers.Shared: shared,
    layers.TiedDense: tied_dense,
    layers.PositionEmbedding: position_embedding,
    layers.SinusoidalPosition: sinusoidal_position,
    layers.LearnedTensor: parameter,
    layers.ConstantTensor: constant,
}
