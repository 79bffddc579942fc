"""Layouts of an image-like tensor: as the spec declares it, or as kernels want it; and the plan.

A value of two or more axes may exist in both layouts; each form is made once, when something first
needs it. Spatial layers take and give the native one, positional layers the declared one, and
pointwise layers work in whichever makes fewer transposes: of what they take, and, by what comes
after them, of what they give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from enum import Enum
from typing import NamedTuple

from nnspec.layers.base import Layer, Placement
from nnspec.layers.shapes import DataFormat, Shape, TensorType


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


class Taker(NamedTuple):
    """A layer or the use of a block, by the values that it takes and gives.

    needs: of a block, the layouts that it needs of each value that it takes.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    placement: Placement
    needs: tuple[frozenset[Layout], ...] | None = None


def placement_of(
    layer: Layer,
    inputs: Iterable[TensorType],
    outputs: Iterable[TensorType],
    free: tuple[type[Layer], ...] = (),
) -> Placement:
    """Return how a layer stands to layouts: pointwise if it can work in either.

    Operands of fewer axes line up, and axes go, as the spec declares them. free: spatial layers to
    whose operators all axes are alike.
    """
    placement = layer.placement
    if placement == "spatial" and isinstance(layer, free):
        placement = "pointwise"
    if placement != "pointwise":
        return placement
    taken = {kind.rank for kind in inputs}
    made = {kind.rank for kind in outputs}
    # Where no layout is left in what a layer gives, it does not matter which axes went.
    is_free = len(taken) == 1 and (made == taken or max(made) < 2)
    return "pointwise" if is_free else "positional"


def wanted_layouts(
    takers: Iterable[Taker], outputs: Mapping[str, Layout], types: Mapping[str, TensorType]
) -> dict[str, set[Layout]]:
    """Return the layouts in which each value is needed in the end, through pointwise layers.

    takers: in the order of computation. outputs: values that are needed after all of them.
    """
    wanted: dict[str, set[Layout]] = {value: set() for value in types}
    for value, layout in outputs.items():
        wanted[value].add(layout)
    for taker in reversed(list(takers)):
        if taker.needs is not None:
            for value, needs in zip(taker.inputs, taker.needs, strict=True):
                wanted[value] |= needs
            continue
        if taker.placement == "pointwise":
            made = [value for value in taker.outputs if types[value].rank > 1]
            needed = {layout for value in made for layout in wanted[value]}
        else:
            needed = {NATIVE if taker.placement == "spatial" else DECLARED}
        for value in taker.inputs:
            wanted[value] |= needed
    return wanted


def cheapest(present: Mapping[str, Set[Layout]], wanted: Iterable[Set[Layout]]) -> Layout:
    """Return the layout in which a pointwise layer makes fewer transposes.

    present: the layouts in which each value that it takes exists. wanted: those in which each that
    it gives is needed. Where both make as many, values stay as they are.
    """
    needed = list(wanted)

    def transposes(layout: Layout) -> int:
        missing = sum(layout not in layouts for layouts in present.values())
        return missing + sum(len(each - {layout}) for each in needed)

    is_native = any(NATIVE in layouts for layouts in present.values())
    stay, other = (NATIVE, DECLARED) if is_native else (DECLARED, NATIVE)
    return other if transposes(other) < transposes(stay) else stay
