"""Embeddings, positions and tensors that every row gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers import (
    ConstantTensor,
    Embedding,
    LearnedTensor,
    PositionEmbedding,
    Shared,
    SinusoidalPosition,
    TiedDense,
)
from nnspec_onnx.context import Context, Values

if TYPE_CHECKING:
    from nnspec.backend import Array


def embedding(layer: Embedding, at: Context) -> Values:
    """Gather."""
    return (at.node("Gather", at.parameter("weight"), *at.inputs),)


def tied_dense(layer: TiedDense, at: Context) -> Values:
    """Gemm, which alone turns its second factor: the embedding's table is stored once.

    What has more axes becomes a matrix for it, and again what it was.
    """
    (x,) = at.inputs
    table = [f"{at.tied}.weight", *([at.parameter("bias")] if layer.use_bias else [])]
    *leading, features = at.shape
    if not leading:
        return (at.node("Gemm", x, *table, transB=1),)
    assert isinstance(features, int)
    rows = at.node("Reshape", x, at.constant("rows_shape", [-1, features]), part="rows")
    product = at.node("Gemm", rows, *table, part="product", transB=1)
    units = at.output_types[0].shape[-1]
    assert isinstance(units, int)
    if all(isinstance(size, int) for size in leading):
        shape = at.constant("shape", np.array([-1, *leading, units]))
    else:
        given = at.node("Shape", x, part="leading", start=0, end=len(at.shape))
        shape = at.node("Concat", given, at.constant("units", [units]), part="shape", axis=0)
    return (at.node("Reshape", product, shape),)


def shared(layer: Shared, at: Context) -> Values:
    """Not called: the graph holds the layer that it names."""
    raise AssertionError(layer.layer)


def position_embedding(layer: PositionEmbedding, at: Context) -> Values:
    """Add of the table's first rows."""
    (x,) = at.inputs
    time, features = at.shape
    if isinstance(time, str):
        table = first_rows(at, at.parameter("weight"), time)
    elif time < layer.max_length:
        assert isinstance(features, int)
        table = at.parameter(
            "weight", part="rows", shape=(time, features), transform=lambda rows: rows[:time]
        )
    else:
        table = at.parameter("weight")
    return (at.node("Add", x, table),)


def sinusoidal_position(layer: SinusoidalPosition, at: Context) -> Values:
    """Add of a constant table."""
    (x,) = at.inputs
    time, features = at.shape
    assert isinstance(features, int)
    length = layer.max_length if isinstance(time, str) else time
    assert length is not None
    angle = angles(length, layer.base, np.arange(0, features, 2) / features)
    waves = np.stack((np.sin(angle), np.cos(angle)), axis=-1).reshape(length, -1)[:, :features]
    table = at.constant("table", waves)
    if isinstance(time, str):
        table = first_rows(at, table, time)
    return (at.node("Add", x, table),)


def angles(length: int, base: float, exponents: Array) -> Array:
    """Return position · base^-exponent, in float64. (length, exponents)."""
    rates = np.asarray(base) ** -exponents
    angle: Array = np.arange(length)[:, None] * rates
    return angle


def first_rows(
    at: Context, table: str, time: str, *, x: str | None = None, axis: int = 1, prefix: str = ""
) -> str:
    """Return as many rows of the table as x, the layer's input, has positions along the axis."""
    length = at.size(time, at.inputs[0] if x is None else x, axis, part=f"{prefix}length")
    start = at.constant(f"{prefix}start", [0])
    return at.node("Slice", table, start, length, start, part=f"{prefix}rows")


def positions(at: Context, time: str, *, x: str, axis: int = 1, prefix: str = "") -> str:
    """Return 0 to n - 1, int64, for the n positions that x has along a dynamic axis."""
    length = at.size(time, x, axis, part=f"{prefix}length")
    count = at.node("Squeeze", length, part=f"{prefix}count")
    zero = at.constant(f"{prefix}zero", np.array(0))
    one = at.constant(f"{prefix}one", np.array(1))
    return at.node("Range", zero, count, one, part=f"{prefix}positions")


def parameter(layer: LearnedTensor, at: Context) -> Values:
    """Expand to the size of the batch."""
    return (_for_each_row(at, at.parameter("weight"), layer.shape),)


def constant(layer: ConstantTensor, at: Context) -> Values:
    """Expand to the size of the batch."""
    value = np.asarray(layer.value, np.float64)
    return (_for_each_row(at, at.constant("value", value), value.shape),)


def _for_each_row(at: Context, tensor: str, shape: tuple[int, ...]) -> str:
    target = at.batch()
    if shape:
        target = at.node("Concat", target, at.constant("sizes", shape), axis=0, part="shape")
    return at.node("Expand", tensor, target)
