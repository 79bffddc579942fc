"""The axes of a variable in Keras that are the last two of a parameter in PyTorch's layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from nnspec.emit.lowering import NativeParameter
from nnspec.emit.parameter_groups import covering
from nnspec.errors import UnsupportedError
from nnspec.network.graph import Graph
from nnspec_keras.natives import natives_of

Shape = tuple[int, ...]
MEANS = {"rows": -1, "columns": -2}
"""Slots that are means over an axis of a parameter, and which one."""


class Axes(NamedTuple):
    """Of a variable: those of the last axis of its parameter, and of the one before it."""

    last: Shape
    before: Shape
    of: int
    """Number of axes of the variable."""

    @property
    def are_usual(self) -> bool:
        """Whether the variable is a matrix, transposed or not."""
        return self.of == 2


def axes_of(native: NativeParameter, shape: Shape) -> Axes | None:
    """Return the axes of a parameter of this shape, None where it has fewer than two."""
    if len(shape) < 2:
        return None
    held = native.shape or shape
    order = native.permutation or tuple(range(len(held)))
    parts = tuple(_parts(shape, held))
    last, before = (tuple(sorted(order.index(axis) for axis in parts[i])) for i in (-1, -2))
    return Axes(last, before, len(order))


def _parts(shape: Shape, held: Shape) -> Iterator[Shape]:
    """Yield for each axis those that it is cut into."""
    if shape == held:
        yield from ((axis,) for axis in range(len(shape)))
        return
    at = 0
    for size in shape:
        parts = []
        product = 1
        while product < size:
            parts.append(at)
            product *= held[at]
            at += 1
        if product != size:
            raise UnsupportedError(f"axes of {shape} lie across those of {held} in Keras")
        yield tuple(parts)


def standing(slot: str, native: NativeParameter, shape: Shape) -> tuple[str, NativeParameter]:
    """Return where Keras has a slot of a parameter of this shape, and how it stands there.

    Means over rows and columns have another shape, and of a matrix that Keras has transposed the
    one is the other.
    """
    if slot not in MEANS:
        return slot, native
    axis = MEANS[slot]
    axes = axes_of(native, shape)
    assert axes is not None  # a vector has no such means
    held = native.shape
    if held is not None:
        parts = list(_parts(shape, held))[axis]
        held = tuple(1 if i in parts else size for i, size in enumerate(held))
    has_blocks = len(shape) + axis > 0  # else the axis that has them is one of one
    found = replace(native, shape=held, blocks=native.blocks if has_blocks else None)
    is_turned = axes.are_usual and axes.last == (0,)
    return next(each for each in MEANS if (each == slot) != is_turned), found


def factored(graph: Graph) -> list[dict[str, Any]]:
    """Return the variables whose axes are not the usual two, in groups that have the same."""
    shapes = {name: parameter.shape for name, parameter in graph.parameters() if parameter.learns}
    found: dict[str, Any] = {}
    for path, natives in natives_of(graph):
        for native in natives:
            name = f"{path}.{native.parameter}"
            if name not in shapes:
                continue
            axes = axes_of(native, shapes[name])
            variable = f"{path}/{native.name}"
            if found.setdefault(variable, axes) != axes:
                raise UnsupportedError(
                    f"{variable} names variables of Keras that adafactor treats otherwise"
                )
    usual = [name for name, axes in found.items() if axes is None or axes.are_usual]
    groups: dict[Axes, list[str]] = {}
    for name, axes in found.items():
        if name not in usual:
            groups.setdefault(axes, []).append(name)
    return [_group(axes, names, found) for axes, names in groups.items()]


def _group(axes: Axes, names: list[str], found: Mapping[str, Any]) -> dict[str, Any]:
    outside = [name for name in found if found[name] != axes]
    patterns = covering(names, outside, [], "/")
    return {"match": patterns, "axes": [list(axes.last), list(axes.before)]}
