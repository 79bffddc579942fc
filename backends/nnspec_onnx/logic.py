"""Layers that compare, join truths and choose."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.layers import NotEqual, Where
from nnspec.layers.base import Layer
from nnspec.layers.logic import Comparison
from nnspec_onnx.context import Context, Values
from nnspec_onnx.merge import folded, operands
from nnspec_onnx.rows import Rows, operator


def compared(op_type: str) -> Callable[[Comparison, Context], Values]:
    """Return the lowering to one operator."""
    return lambda layer, context: (context.node(op_type, *_sides(layer, context)),)


def not_equal(layer: NotEqual, context: Context) -> Values:
    """Not of Equal."""
    equal = context.node("Equal", *_sides(layer, context), part="equal")
    return (context.node("Not", equal),)


def _sides(layer: Comparison, context: Context) -> Values:
    if layer.value is None:
        return operands(context)
    return *context.inputs, context.number("value", layer.value)


def joined(op_type: str) -> Callable[[Layer, Context], Values]:
    """Return the lowering to an operator of two, as often as it takes."""
    return lambda layer, context: folded(op_type, "joined", operands(context), context)


def where(layer: Where, context: Context) -> Values:
    """The operator, or its formula for truths: ONNX Runtime has no kernel for them."""
    condition, a, b = operands(context)
    if context.input_types[1].dtype != "bool":
        return (context.node("Where", condition, a, b),)
    otherwise = context.node("Not", condition, part="otherwise")
    first = context.node("And", condition, a, part="first")
    return (context.node("Or", first, context.node("And", otherwise, b, part="second")),)


ROWS: Rows = {
    layers.Equal: compared("Equal"),
    layers.NotEqual: not_equal,
    layers.Greater: compared("Greater"),
    layers.GreaterEqual: compared("GreaterOrEqual"),
    layers.Less: compared("Less"),
    layers.LessEqual: compared("LessOrEqual"),
    layers.LogicalAnd: joined("And"),
    layers.LogicalOr: joined("Or"),
    layers.LogicalXor: joined("Xor"),
    layers.LogicalNot: operator("Not"),
    layers.Where: where,
}
