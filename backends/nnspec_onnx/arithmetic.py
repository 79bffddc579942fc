"""Functions of each element."""

from __future__ import annotations

from nnspec import layers
from nnspec.layers import Cast, Clip, FloorDivide, Modulo, Power, Rescaling, Square, StopGradient
from nnspec_onnx.context import Context, Values
from nnspec_onnx.ir import ElementType
from nnspec_onnx.rows import Rows, operator


def rescaling(layer: Rescaling, context: Context) -> Values:
    """Mul, Add, both, or nothing."""
    (x,) = context.inputs
    if layer.scale != 1:
        part = "product" if layer.offset else None
        x = context.node("Mul", x, context.constant("scale", float(layer.scale)), part=part)
    if layer.offset:
        x = context.node("Add", x, context.constant("offset", float(layer.offset)))
    return (x,)


def clip(layer: Clip, context: Context) -> Values:
    """Clip; an empty name leaves a bound out."""
    bounds = [
        context.number(name, bound) if bound is not None else ""
        for name, bound in (("minimum", layer.min_value), ("maximum", layer.max_value))
    ]
    while not bounds[-1]:
        bounds.pop()
    return (context.node("Clip", *context.inputs, *bounds),)


def power(layer: Power, context: Context) -> Values:
    """Pow."""
    return (
        context.node("Pow", *context.inputs, context.constant("exponent", float(layer.exponent))),
    )


def square(layer: Square, context: Context) -> Values:
    """Mul."""
    return (context.node("Mul", *context.inputs, *context.inputs),)


def cast(layer: Cast, context: Context) -> Values:
    """Cast, or nothing where the elements are so already."""
    if context.input_types[0].dtype == layer.dtype:
        return context.inputs
    return (context.node("Cast", *context.inputs, to=ElementType(layer.dtype)),)


def floor_divide(layer: FloorDivide, context: Context) -> Values:
    """Div, of -1 - x where x is below 0: Div rounds towards 0, and must not overflow."""
    (x,) = context.inputs
    divisor, last = context.number("divisor", layer.divisor), context.number("last", -1)
    mirrored = context.node("Sub", last, x, part="mirrored")
    positive = context.node("Max", x, mirrored, part="positive")
    quotient = context.node("Div", positive, divisor, part="quotient")
    is_below = context.node("Less", x, context.number("zero", 0), part="is_below")
    below = context.node("Sub", last, quotient, part="below")
    return (context.node("Where", is_below, below, quotient),)


def modulo(layer: Modulo, context: Context) -> Values:
    """Mod, whose sign is that of the divisor."""
    return (context.node("Mod", *context.inputs, context.number("divisor", layer.divisor)),)


def unchanged(layer: StopGradient, context: Context) -> Values:
    """Nothing: an ONNX model has no gradients."""
    return context.inputs


ROWS: Rows = {
    layers.Rescaling: rescaling,
    layers.Clip: clip,
    layers.Power: power,
    layers.Sqrt: operator("Sqrt"),
    layers.Exp: operator("Exp"),
    layers.Log: operator("Log"),
    layers.Abs: operator("Abs"),
    layers.Negative: operator("Neg"),
    layers.Reciprocal: operator("Reciprocal"),
    layers.Square: square,
    layers.Sin: operator("Sin"),
    layers.Cos: operator("Cos"),
    layers.Erf: operator("Erf"),
    layers.Sign: operator("Sign"),
    layers.Floor: operator("Floor"),
    layers.Ceil: operator("Ceil"),
    layers.Round: operator("Round"),
    layers.FloorDivide: floor_divide,
    layers.Modulo: modulo,
    layers.Cast: cast,
    layers.StopGradient: unchanged,
}
