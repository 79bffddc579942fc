"""Rotary positions: the formula, or from opset 23 on the operator."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnspec import layers
from nnspec.layers import RotaryPosition
from nnspec.layers.shapes import Dim
from nnspec_onnx.context import Context, Values
from nnspec_onnx.positions import angles, first_rows, positions
from nnspec_onnx.rows import Rows


class Rotation(NamedTuple):
    """By what a sequence is turned.

    time: the size of its axis of positions; length: how large that may be; half: how many pairs of
    features a position has.
    """

    time: Dim
    length: int
    half: int
    base: float

    def tables(self, context: Context, prefix: str) -> tuple[str, str]:
        """Return the cosine and the sine of every angle, (length, half)."""
        angle = angles(self.length, self.base, np.arange(self.half) / self.half)
        cos = context.constant(f"{prefix}cos", np.cos(angle))
        return cos, context.constant(f"{prefix}sin", np.sin(angle))


def rotary_position(layer: RotaryPosition, context: Context) -> Values:
    """RotaryEmbedding from opset 23 on, for inputs of its ranks; else the formula."""
    time, features = context.shape[-2:]
    assert isinstance(features, int)
    length = layer.max_length if isinstance(time, str) else time
    assert length is not None
    (x,) = context.inputs
    rotation = Rotation(time, length, features // 2, layer.base)
    if context.opset < 23 or len(context.shape) > 3:
        return (rotated(context, x, rotation, rank=len(context.shape) + 1),)
    # Of three axes the last holds all heads, here one; of four the second is that of the heads.
    heads = 1 if len(context.shape) == 2 else None
    return (embedded(context, x, rotation, heads=heads, axis=len(context.shape) - 1),)


def embedded(
    context: Context,
    x: str,
    rotation: Rotation,
    *,
    heads: int | None,
    axis: int = 1,
    part: str | None = None,
    has_own_rows: bool = False,
) -> str:
    """Add a RotaryEmbedding of x, whose positions lie along the axis, and return the result.

    heads: how many lie side by side in the last axis; None where they have an axis of their own.
    has_own_rows: whether x has other rows than the batch.
    """
    prefix = "" if part is None else f"{part}."
    time = rotation.time
    if isinstance(time, int):
        row = context.constant(f"{prefix}positions", range(time))
        size = context.constant(f"{prefix}length", [time])
    else:
        row = positions(context, time, x=x, axis=axis, prefix=prefix)
        size = context.size(time, x, axis, part=f"{prefix}size")
    rows = (
        context.node("Shape", x, start=0, end=1, part=f"{prefix}rows")
        if has_own_rows
        else context.batch()
    )
    shape = context.node("Concat", rows, size, part=f"{prefix}position_shape", axis=0)
    places = context.node("Expand", row, shape, part=f"{prefix}position_ids")
    name = None if part is None else f"{prefix}turned"
    tables = rotation.tables(context, prefix)
    attributes = {} if heads is None else {"num_heads": heads}
    return context.node("RotaryEmbedding", x, *tables, places, part=name, **attributes)


def rotated(
    context: Context, x: str, rotation: Rotation, *, rank: int, part: str | None = None
) -> str:
    """Add what turns the pairs of x, of axes (..., positions, features), and return the result."""
    prefix = "" if part is None else f"{part}."
    cos, sin = rotation.tables(context, prefix)
    time, axis = rotation.time, rank - 2
    if isinstance(time, str):
        cos = first_rows(context, cos, time, x=x, axis=axis, prefix=f"{prefix}cos_")
        sin = first_rows(context, sin, time, x=x, axis=axis, prefix=f"{prefix}sin_")
    first, last = context.halves(x, axis=rank - 1, prefix=prefix)

    def product(a: str, b: str, name: str) -> str:
        return context.node("Mul", a, b, part=f"{prefix}{name}")

    turned = (
        context.node(
            "Sub",
            product(first, cos, "first_cos"),
            product(last, sin, "last_sin"),
            part=f"{prefix}turned_first",
        ),
        context.node(
            "Add",
            product(last, cos, "last_cos"),
            product(first, sin, "first_sin"),
            part=f"{prefix}turned_last",
        ),
    )
    return context.node(
        "Concat", *turned, axis=rank - 1, part=None if part is None else f"{prefix}turned"
    )


ROWS: Rows = {
    layers.RotaryPosition: rotary_position,
}
