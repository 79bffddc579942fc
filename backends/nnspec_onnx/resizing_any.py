"""Resizing of axes whose sizes are known when a model runs.

Positions are fractions of whole numbers, so that no rounding moves them: position i of o lies at
((2i + 1)·n - o) / 2o in an axis of n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnspec.layers import Resize
from nnspec.layers.shapes import Dim
from nnspec_onnx.context import Context
from nnspec_onnx.ir import ElementType

if TYPE_CHECKING:
    from nnspec.backend import Array

_SINGLE = 1
"""ONNX's number of float32, whatever the model's precision is."""


_ON_CONSTANTS: dict[str, Callable[..., Array]] = {
    "Add": np.add,
    "Max": np.maximum,
    "Mul": np.multiply,
    "Sub": np.subtract,
}


class _Axis:
    """Adds the operators that resize along one axis."""

    def __init__(self, layer: Resize, context: Context, axis: int) -> None:
        self.layer = layer
        self.context = context
        self.axis = axis
        self.name = ("rows", "columns")[axis - 2]
        self.known: dict[str, Array] = {}
        """Constants, which are computed here."""

    def number(self, part: str, value: float, *, is_single: bool = False) -> str:
        return self.constant(part, np.asarray(value), is_single=is_single)

    def constant(self, part: str, value: Array, *, is_single: bool = False) -> str:
        name = f"{self.context.path}.{self.name}.{part}"
        if name not in self.known:
            self.context.constant(f"{self.name}.{part}", value, is_single=is_single)
            self.known[name] = value
        return name

    def node(self, operator: str, *inputs: str, part: str, **attributes: int) -> str:
        if operator in _ON_CONSTANTS and all(name in self.known for name in inputs):
            return self.constant(part, _ON_CONSTANTS[operator](*map(self.known.get, inputs)))
        return self.context.node(operator, *inputs, part=f"{self.name}.{part}", **attributes)

    def length(self, size: Dim, x: str) -> str:
        """Return how many elements x has along the axis, as a scalar."""
        if isinstance(size, int):
            return self.number("old", size)
        found = self.context.size(size, x, self.axis, part=f"{self.name}.length")
        return self.node("Squeeze", found, part="old")

    def positions(self, old: str, target: Dim) -> tuple[str, str]:
        """Return how many there will be, and their numbers."""
        if isinstance(target, int):
            return self.number("new", target), self.constant("numbers", np.arange(target))
        over, under = self.layer.fraction
        new = old
        if over > 1:
            new = self.node("Mul", new, self.number("over", over), part="whole")
        if under > 1:
            new = self.node("Div", new, self.number("under", under), part="new")
        zero, one = self.number("zero", 0), self.number("one", 1)
        return new, self.node("Range", zero, new, one, part="numbers")

    def single(self, value: str, part: str) -> str:
        if value in self.known:
            return self.constant(part, self.known[value].astype(np.float32), is_single=True)
        return self.node("Cast", value, part=part, to=_SINGLE)

    def real(self, value: str, part: str) -> str:
        if value in self.known:
            return self.constant(part, self.known[value].astype(np.float64))
        return self.context.node(
            "Cast", value, part=f"{self.name}.{part}", to=ElementType("float32")
        )

    def nearest(self, old: str, new: str, numbers: str) -> str:
        """Return what each position takes, found in float32, as frameworks do."""
        if numbers in self.known:
            halves = self.known[numbers].astype(np.float32) + np.float32(0.5)
            centres = self.constant("centres", halves, is_single=True)
        else:
            half = self.number("half", 0.5, is_single=True)
            centres = self.node("Add", self.single(numbers, "each"), half, part="centres")
        ratio = self.node(
            "Div", self.single(old, "old_single"), self.single(new, "new_single"), part="ratio"
        )
        at = self.node("Floor", self.node("Mul", centres, ratio, part="places"), part="floor")
        chosen = self.context.node(
            "Cast", at, part=f"{self.name}.whole_places", to=ElementType("int64")
        )
        last = self.node("Sub", old, self.number("one", 1), part="last")
        return self.node("Min", chosen, last, part="nearest")


class _Places(NamedTuple):
    over: str
    under: str


def _places(axis: _Axis, old: str, new: str, numbers: str) -> _Places:
    one, two = axis.number("one", 1), axis.number("two", 2)
    if axis.layer.align_corners:
        last = axis.node("Sub", old, one, part="last_old")
        over = axis.node("Mul", numbers, last, part="over_places")
        under = axis.node(
            "Max", axis.node("Sub", new, one, part="last_new"), one, part="under_places"
        )
        return _Places(over, under)
    odd = axis.node("Add", axis.node("Mul", numbers, two, part="double"), one, part="odd")
    over = axis.node("Sub", axis.node("Mul", odd, old, part="far"), new, part="over_places")
    return _Places(over, axis.node("Mul", new, two, part="under_places"))


def resized(
    layer: Resize, context: Context, x: str, axis: int, sizes: tuple[Dim, Dim], part: str | None
) -> str:
    """Return x with another size along an axis of two spatial ones, 2 or 3.

    sizes: the old one and the new one. part: the name of what is given, None for the layer's own.
    """
    along = _Axis(layer, context, axis)
    old = along.length(sizes[0], x)
    new, numbers = along.positions(old, sizes[1])
    if layer.interpolation == "nearest":
        chosen = along.nearest(old, new, numbers)
        return context.node("Gather", x, chosen, axis=axis, part=part)
    places = _places(along, old, new, numbers)
    if layer.antialias:
        return _smoothed(along, x, old, new, places, part)
    return _between(along, x, old, places, part)


def _between(axis: _Axis, x: str, old: str, places: _Places, part: str | None) -> str:
    rest = axis.node("Mod", *places, part="rest")
    whole = axis.node("Sub", places.over, rest, part="whole_over")
    near = axis.node("Div", whole, places.under, part="near")
    share = axis.node(
        "Div", axis.real(rest, "real_rest"), axis.real(places.under, "real_under"), part="share"
    )
    zero, last = axis.number("zero", 0), axis.node("Sub", old, axis.number("one", 1), part="last")
    terms: list[str] = []
    steps = (0, 1) if axis.layer.interpolation == "bilinear" else (-1, 0, 1, 2)
    for step in steps:
        tap = f"tap_{steps.index(step)}"
        at = (
            near
            if step == 0
            else axis.node("Add", near, axis.number(f"{tap}.step", step), part=f"{tap}.at")
        )
        at = axis.node(
            "Max", axis.node("Min", at, last, part=f"{tap}.low"), zero, part=f"{tap}.place"
        )
        taken = axis.context.node("Gather", x, at, axis=axis.axis, part=f"{axis.name}.{tap}.taken")
        weight = _weight(axis, share, step, tap)
        if axis.axis == 2:
            axes = axis.constant("column", np.array([1]))
            weight = axis.node("Unsqueeze", weight, axes, part=f"{tap}.column")
        terms.append(axis.node("Mul", taken, weight, part=f"{tap}.term"))
    return axis.context.node("Sum", *terms, part=part)


def _weight(axis: _Axis, share: str, step: int, tap: str) -> str:
    """Return the weight of the element so many steps from the one before each position."""
    if axis.layer.interpolation == "bilinear":
        one = axis.number("one_real", 1.0)
        return share if step else axis.node("Sub", one, share, part=f"{tap}.weight")
    d = share
    if step == -1:
        d = axis.node("Add", share, axis.number("one_real", 1.0), part=f"{tap}.d")
    elif step > 0:
        d = axis.node("Sub", axis.number(f"{tap}.far", float(step)), share, part=f"{tap}.d")
    if step in (0, 1):
        return _polynomial(axis, d, (1.25, -2.25, 0.0, 1.0), f"{tap}.weight")
    return _polynomial(axis, d, (-0.75, 3.75, -6.0, 3.0), f"{tap}.weight")


def _polynomial(axis: _Axis, d: str, factors: tuple[float, ...], part: str) -> str:
    """Return the polynomial, by Horner's rule."""
    first, *others = factors
    value = axis.node("Mul", d, axis.number(f"{part}.factor_0", first), part=f"{part}.product_0")
    for i, factor in enumerate(others, 1):
        if factor:
            value = axis.node(
                "Add", value, axis.number(f"{part}.factor_{i}", factor), part=f"{part}.sum_{i}"
            )
        if i < len(others):
            value = axis.node("Mul", value, d, part=f"{part}.product_{i}")
    return value


def _smoothed(axis: _Axis, x: str, old: str, new: str, places: _Places, part: str | None) -> str:
    zero, one = axis.number("zero", 0), axis.number("one", 1)
    columns = axis.node("Range", zero, old, one, part="elements")
    column = axis.constant("column", np.array([1]))
    over = axis.node("Unsqueeze", places.over, column, part="over_column")
    far = axis.node("Mul", columns, places.under, part="elements_over")
    away = axis.node("Abs", axis.node("Sub", far, over, part="off"), part="away")
    widest = axis.node(
        "Mul", axis.node("Max", old, new, part="longer"), axis.number("two", 2), part="widest"
    )
    d = axis.node("Div", axis.real(away, "real_away"), axis.real(widest, "real_widest"), part="d")
    one_real, none = axis.number("one_real", 1.0), axis.number("none", 0.0)
    if axis.layer.interpolation == "bilinear":
        weights = axis.node("Relu", axis.node("Sub", one_real, d, part="slope"), part="weights")
    else:
        near = _polynomial(axis, d, (1.5, -2.5, 0.0, 1.0), "near_weight")
        far = _polynomial(axis, d, (-0.5, 2.5, -4.0, 2.0), "far_weight")
        reach = axis.node("Less", d, axis.number("two_real", 2.0), part="is_reached")
        far = axis.node("Where", reach, far, none, part="reached")
        is_near = axis.node("Less", d, one_real, part="is_near")
        weights = axis.node("Where", is_near, near, far, part="weights")
    total = axis.node("ReduceSum", weights, column, part="total", keepdims=1)
    matrix = axis.node("Div", weights, total, part="matrix")
    if axis.axis == 2:
        return axis.context.node("MatMul", matrix, x, part=part)
    turned = axis.context.node("Transpose", matrix, perm=(1, 0), part=f"{axis.name}.turned")
    return axis.context.node("MatMul", x, turned, part=part)
