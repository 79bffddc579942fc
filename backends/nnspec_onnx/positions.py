"""Positions in a sequence: their angles, the rows of a table, the numbers themselves; and sizes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers.shapes import Dim
from nnspec_onnx.context import Context

if TYPE_CHECKING:
    from nnspec.backend import Array


def angles(length: int, base: float, exponents: Array) -> Array:
    """Return position · base^-exponent, in float64. (length, exponents)."""
    rates = np.asarray(base) ** -exponents
    angle: Array = np.arange(length)[:, None] * rates
    return angle


def first_rows(
    context: Context,
    table: str,
    time: str,
    *,
    x: str | None = None,
    axis: int = 1,
    prefix: str = "",
) -> str:
    """Return as many rows of the table as x, the layer's input, has positions along the axis."""
    length = context.size(time, context.inputs[0] if x is None else x, axis, part=f"{prefix}length")
    start = context.constant(f"{prefix}start", [0])
    return context.node("Slice", table, start, length, start, part=f"{prefix}rows")


def positions(context: Context, time: str, *, x: str, axis: int = 1, prefix: str = "") -> str:
    """Return 0 to n - 1, int64, for the n positions that x has along a dynamic axis."""
    length = context.size(time, x, axis, part=f"{prefix}length")
    count = context.node("Squeeze", length, part=f"{prefix}count")
    zero = context.constant(f"{prefix}zero", np.array(0))
    one = context.constant(f"{prefix}one", np.array(1))
    return context.node("Range", zero, count, one, part=f"{prefix}positions")


def sizes_of(
    context: Context, sizes: Sequence[Dim], axes: Iterable[int], *, part: str
) -> list[str]:
    """Return the sizes of axes of the first input, as tensors; a run of known ones is one."""
    parts = []
    places = zip(sizes, axes, strict=True)
    for i, (is_known, group) in enumerate(
        itertools.groupby(places, key=lambda place: isinstance(place[0], int))
    ):
        if is_known:
            parts.append(context.constant(f"{part}_{i}", [int(size) for size, _ in group]))
            continue
        for size, axis in group:
            of = f"{part}_{i}_{axis}"
            parts.append(context.size(size, context.inputs[0], axis, part=of))
    return parts
