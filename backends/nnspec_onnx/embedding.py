"""Embeddings, positions and tensors that every row gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers import (
    ConstantTensor,
    Embedding,
    LearnedTensor,
    PositionEmbedding,
    RotaryPosition,
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
    """Gemm for a vector per row, else Einsum: the embedding's table is stored once."""
    (x,) = at.inputs
    table = f"{at.tied}.weight"
    if len(at.shape) == 1:
        bias = [at.parameter("bias")] if layer.use_bias else []
        return (at.node("Gemm", x, table, *bias, transB=1),)
    if not layer.use_bias:
        return (at.node("Einsum", x, table, equation="...i,ji->...j"),)
    product = at.node("Einsum", x, table, equation="...i,ji->...j", part="product")
    return (at.node("Add", product, at.parameter("bias")),)


def shared(layer: Shared, at: Context) -> Values:
    """Not called: the graph holds the layer that it names."""
    raise AssertionError(layer.layer)


def position_embedding(layer: PositionEmbedding, at: Context) -> Values:
    """Add of the table's first rows."""
    (x,) = at.inputs
    time, features = at.shape
    if isinstance(time, str):
        table = first_rows(at, at.parameter("weight"), x)
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
        table = first_rows(at, table, x)
    return (at.node("Add", x, table),)


def rotary_position(layer: RotaryPosition, at: Context) -> Values:
    """The formula, with constant tables of sines and cosines."""
    time, features = at.shape[-2:]
    assert isinstance(features, int)
    length = layer.max_length if isinstance(time, str) else time
    assert length is not None
    (x,) = at.inputs
    return (rotated(at, x, (length, features // 2), layer.base, is_dynamic=isinstance(time, str)),)


def rotated(
    at: Context,
    x: str,
    size: tuple[int, int],
    base: float,
    *,
    is_dynamic: bool,
    part: str | None = None,
    rank: int | None = None,
) -> str:
    """Add what turns the pairs of x, and return the result; size is (positions, pairs)."""
    length, half = size
    rank = len(at.shape) + 1 if rank is None else rank
    prefix = "" if part is None else f"{part}."
    angle = angles(length, base, np.arange(half) / half)
    cos, sin = (
        at.constant(f"{prefix}cos", np.cos(angle)),
        at.constant(f"{prefix}sin", np.sin(angle)),
    )
    if is_dynamic:
        cos = first_rows(at, cos, x, axis=rank - 2, prefix=f"{prefix}cos_")
        sin = first_rows(at, sin, x, axis=rank - 2, prefix=f"{prefix}sin_")
    first, last = at.halves(x, axis=rank - 1, prefix=prefix)

    def product(a: str, b: str, name: str) -> str:
        return at.node("Mul", a, b, part=f"{prefix}{name}")

    turned = (
        at.node(
            "Sub",
            product(first, cos, "first_cos"),
            product(last, sin, "last_sin"),
            part=f"{prefix}turned_first",
        ),
        at.node(
            "Add",
            product(last, cos, "last_cos"),
            product(first, sin, "first_sin"),
            part=f"{prefix}turned_last",
        ),
    )
    return at.node(
        "Concat", *turned, axis=rank - 1, part=None if part is None else f"{prefix}turned"
    )


def angles(length: int, base: float, exponents: Array) -> Array:
    """Return position · base^-exponent, in float64. (length, exponents)."""
    rates = np.asarray(base) ** -exponents
    angle: Array = np.arange(length)[:, None] * rates
    return angle


def first_rows(at: Context, table: str, x: str, *, axis: int = 1, prefix: str = "") -> str:
    """Return as many rows of the table as x has positions along the axis."""
    length = at.node("Shape", x, start=axis, end=axis + 1, part=f"{prefix}length")
    start = at.constant(f"{prefix}start", [0])
    return at.node("Slice", table, start, length, start, part=f"{prefix}rows")


def parameter(layer: LearnedTensor, at: Context) -> Values:
    """Expand to the size of the batch."""
    return (_for_each_row(at, at.parameter("weight"), layer.shape),)


def constant(layer: ConstantTensor, at: Context) -> Values:
    """Expand to the size of the batch."""
    value = np.asarray(layer.value, np.float64)
    return (_for_each_row(at, at.constant("value", value), value.shape),)


def _for_each_row(at: Context, tensor: str, shape: tuple[int, ...]) -> str:
    target = at.node("Shape", at.inputs[0], start=0, end=1, part="batch")
    if shape:
        target = at.node("Concat", target, at.constant("sizes", shape), axis=0, part="shape")
    return at.node("Expand", tensor, target)
