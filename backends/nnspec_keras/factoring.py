"""The variables of Keras by what an optimizer has for each: its axes, its decay, or a matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from nnspec.emit.lowering import NativeParameter
from nnspec.emit.parameter_groups import covering
from nnspec.errors import UnsupportedError
from nnspec.language.optimizers import Optimizer
from nnspec.network.graph import Graph
from nnspec.network.matrices import hidden_matrices
from nnspec.network.parameter_groups import parameter_settings
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
    found = _by_variable(graph, lambda name, native: axes_of(native, shapes[name]))
    usual = [None, *(axes for axes in found.values() if axes is None or axes.are_usual)]
    return [
        {"match": patterns, "axes": [list(axes.last), list(axes.before)]}
        for axes, patterns in _groups(found, usual)
    ]


def matrices(graph: Graph) -> list[str]:
    """Return patterns of the variables that are hidden matrices, as Keras has them: transposed."""
    hidden = hidden_matrices(graph)

    def is_hidden(name: str, native: NativeParameter) -> bool:
        if name in hidden and (native.permutation, native.shape) != ((1, 0), None):
            raise UnsupportedError(f"{name} is no transposed matrix in Keras")
        return name in hidden

    return [each for _, found in _groups(_by_variable(graph, is_hidden), [False]) for each in found]


def decays(graph: Graph, optimizer: Optimizer) -> dict[str, Any]:
    """Return the decay of most parameters, and of others by patterns of their variables."""
    settings = parameter_settings(graph, optimizer)
    found = _by_variable(graph, lambda name, _: settings[name].decay)
    amounts = [own.decay for own in settings.values()]
    most = max(amounts, key=amounts.count, default=0.0)
    groups = [{"match": each, "decay": amount} for amount, each in _groups(found, [most])]
    given = {"weight_decay": most} if most else {}
    return {**given, "decays": groups} if groups else given


def _by_variable(graph: Graph, value: Callable[[str, NativeParameter], Any]) -> dict[str, Any]:
    """Return a value of each parameter that learns by the name of its variable in Keras."""
    learnt = {name for name, parameter in graph.parameters() if parameter.learns}
    found: dict[str, Any] = {}
    for path, natives in natives_of(graph):
        for native in natives:
            name, variable = f"{path}.{native.parameter}", f"{path}/{native.name}"
            if name not in learnt:
                continue
            own = value(name, native)
            if found.setdefault(variable, own) != own:
                raise UnsupportedError(
                    f"{variable} names several parameters in Keras, and its optimizer is to treat "
                    f"{name} otherwise than another of them"
                )
    return found


def _groups(found: Mapping[str, Any], usual: Sequence[Any]) -> Iterator[tuple[Any, list[str]]]:
    """Yield each value that is not usual, with patterns of the variables that have it alone."""
    for value in dict.fromkeys(each for each in found.values() if each not in usual):
        inside = [name for name, each in found.items() if each == value]
        outside = [name for name, each in found.items() if each != value]
        yield value, covering(inside, outside, [], "/")
