"""Functions of each element."""

from __future__ import annotations

from collections.abc import Callable

from nnspec.layers import Cast, Clip, Layer, Power, Rescaling, Square
from nnspec_onnx.context import Context, Values
from nnspec_onnx.ir import ElementType


def operator(op_type: str) -> Callable[[Layer, Context], Values]:
    """Return the lowering to one operator without settings."""
    return lambda layer, at: (at.node(op_type, *at.inputs),)


def rescaling(layer: Rescaling, at: Context) -> Values:
    """Mul, Add, both, or nothing."""
    (x,) = at.inputs
    if layer.scale != 1:
        part = "product" if layer.offset else None
        x = at.node("Mul", x, at.constant("scale", float(layer.scale)), part=part)
    if layer.offset:
        x = at.node("Add", x, at.constant("offset", float(layer.offset)))
    return (x,)


def clip(layer: Clip, at: Context) -> Values:
    """Clip; an empty name leaves a bound out."""
    bounds = [
        at.constant(name, float(bound)) if bound is not None else ""
        for name, bound in (("minimum", layer.min_value), ("maximum", layer.max_value))
    ]
    while not bounds[-1]:
        bounds.pop()
    return (at.node("Clip", *at.inputs, *bounds),)


def power(layer: Power, at: Context) -> Values:
    """Pow."""
    return (at.node("Pow", *at.inputs, at.constant("exponent", float(layer.exponent))),)


def square(layer: Square, at: Context) -> Values:
    """Mul."""
    return (at.node("Mul", *at.inputs, *at.inputs),)


def cast(layer: Cast, at: Context) -> Values:
    """Cast, or nothing where the elements are so already."""
    if at.input_types[0].dtype == layer.dtype:
        return at.inputs
    return (at.node("Cast", *at.inputs, to=ElementType(layer.dtype)),)
