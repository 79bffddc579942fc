"""Rotary positions: the formula, or from opset 23 on the operator."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnspec.layers import RotaryPosition
from nnspec.layers.shapes import Dim
from nnspec_onnx.context import Context, Values
from nnspec_onnx.embedding import angles, first_rows, positions


class Rotation(NamedTuple):
    """By what a sequence is turned.

    time: the size of its axis of positions; length: how large that may be; half: how many pairs of
    features a position has.
    """

    time: Dim
    length: int
    half: int
    base: float

    def tables(self, at: Context, prefix: str) -> tuple[str, str]:
        """Return the cosine and the sine of every angle, (length, half)."""
        angle = angles(self.length, self.base, np.arange(self.half) / self.half)
        cos = at.constant(f"{prefix}cos", np.cos(angle))
        return cos, at.constant(f"{prefix}sin", np.sin(angle))


def rotary_position(layer: RotaryPosition, at: Context) -> Values:
    """RotaryEmbedding from opset 23 on, for inputs of its ranks; else the formula."""
    time, features = at.shape[-2:]
    assert isinstance(features, int)
    length = layer.max_length if isinstance(time, str) else time
    assert length is not None
    (x,) = at.inputs
    rotation = Rotation(time, length, features // 2, layer.base)
    if at.opset < 23 or len(at.shape) > 3:
        return (rotated(at, x, rotation, rank=len(at.shape) + 1),)
    # Of three axes the last holds all heads, here one; of four the second is that of the heads.
    heads = 1 if len(at.shape) == 2 else None
    return (embedded(at, x, rotation, heads=heads, axis=len(at.shape) - 1),)


def embedded(
    at: Context,
    x: str,
    rotation: Rotation,
    *,
    heads: int | None,
    axis: int = 1,
    part: str | None = None,
) -> str:
    """Add a RotaryEmbedding of x, whose positions lie along the axis, and return the result.

    heads: how many lie side by side in the last axis; None where they have an axis of their own.
    """
    prefix = "" if part is None else f"{part}."
    time = rotation.time
    if isinstance(time, int):
        row = at.constant(f"{prefix}positions", range(time))
        size = at.constant(f"{prefix}length", [time])
    else:
        row = positions(at, time, x=x, axis=axis, prefix=prefix)
        size = at.size(time, x, axis, part=f"{prefix}size")
    shape = at.node("Concat", at.batch(), size, part=f"{prefix}position_shape", axis=0)
    places = at.node("Expand", row, shape, part=f"{prefix}position_ids")
    name = None if part is None else f"{prefix}turned"
    tables = rotation.tables(at, prefix)
    attributes = {} if heads is None else {"num_heads": heads}
    return at.node("RotaryEmbedding", x, *tables, places, part=name, **attributes)


def rotated(at: Context, x: str, rotation: Rotation, *, rank: int, part: str | None = None) -> str:
    """Add what turns the pairs of x, of axes (..., positions, features), and return the result."""
    prefix = "" if part is None else f"{part}."
    cos, sin = rotation.tables(at, prefix)
    time, axis = rotation.time, rank - 2
    if isinstance(time, str):
        cos = first_rows(at, cos, time, x=x, axis=axis, prefix=f"{prefix}cos_")
        sin = first_rows(at, sin, time, x=x, axis=axis, prefix=f"{prefix}sin_")
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
