"""Layers that compare, join truths and choose, in Keras."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnspec import layers
from nnspec.emit.alike import compared_with, folded
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import X, apply
from nnspec.layers.base import Layer
from nnspec.layers.logic import Comparison
from nnspec_keras.merge import operands


def compared(function: str) -> Callable[[Comparison, Context], Lowered]:
    """Return the lowering to a function of keras.ops.

    A number that it is given becomes a float32, so that one which float32 does not hold is taken
    from both sides: the difference of two numbers is 0 where they are equal alone.
    """

    def lowering(layer: Comparison, context: Context) -> Lowered:
        if layer.value is None:
            return Lowered(apply(function, *operands(context)))
        value = compared_with(layer, context)
        if isinstance(value, float) and float(np.float32(value)) != value:
            return Lowered(apply(function, X - value, 0.0))
        return Lowered(apply(function, X, value))

    return lowering


def joined(function: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to a function of two."""
    return lambda layer, context: Lowered(folded(function, operands(context)))


def where(layer: layers.Where, context: Context) -> Lowered:
    """ops.where."""
    return Lowered(apply("ops.where", *operands(context)))


ROWS: Rows = {
    layers.Equal: compared("ops.equal"),
    layers.NotEqual: compared("ops.not_equal"),
    layers.Greater: compared("ops.greater"),
    layers.GreaterEqual: compared("ops.greater_equal"),
    layers.Less: compared("ops.less"),
    layers.LessEqual: compared("ops.less_equal"),
    layers.LogicalAnd: joined("ops.logical_and"),
    layers.LogicalOr: joined("ops.logical_or"),
    layers.LogicalXor: joined("ops.logical_xor"),
    layers.LogicalNot: apply("ops.logical_not", X),
    layers.Where: where,
}
