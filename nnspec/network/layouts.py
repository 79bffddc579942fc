"""Layouts of an image-like tensor: as the spec declares it, or as kernels want it."""

from __future__ import annotations

from enum import Enum

from nnspec.layers.shapes import DataFormat, Shape


class Layout(Enum):
    """The position of the channels among a value's axes."""

    DECLARED = "declared"
    """The position that the spec declares."""
    NATIVE = "native"
    """The position that the framework's kernels want: at the other end."""


DECLARED, NATIVE = Layout.DECLARED, Layout.NATIVE


def permutation(rank: int, data_format: DataFormat, wanted: Layout) -> tuple[int, ...]:
    """Return the order of axes, the batch not counted, that brings a value to the layout.

    rank: its axes. data_format: where the spec has the channels.
    """
    if (data_format == "channels_first") == (wanted is NATIVE):
        return (*range(1, rank), 0)
    return (rank - 1, *range(rank - 1))


def laid_out(shape: Shape, data_format: DataFormat, layout: Layout) -> Shape:
    """Return the declared shape, the batch not counted, as it lies in memory."""
    if layout is DECLARED:
        return shape
    return tuple(shape[axis] for axis in permutation(len(shape), data_format, layout))


def laid_out_axis(axis: int, rank: int, data_format: DataFormat, layout: Layout) -> int:
    """Return where a declared axis lies in memory; both count the axes of a row from 0."""
    if layout is DECLARED:
        return axis
    return permutation(rank, data_format, layout).index(axis)
