"""Layers that compare, join truths and choose, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.alike import compared_with, folded, operands
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Binary, Operator, X, apply, tree
from nnspec.layers.base import Layer
from nnspec.layers.logic import Comparison


def compared(operator: Operator, function: str) -> Callable[[Comparison, Context], Lowered]:
    """Return the lowering to an operator, or to a function where a value meets itself.

    A linter takes `x == x` for a slip.
    """

    def lowering(layer: Comparison, context: Context) -> Lowered:
        if layer.value is not None:
            return Lowered(Binary(operator, X, tree(compared_with(layer, context))))
        given = operands(context)
        return Lowered(apply(function, *given) if context.is_one else Binary(operator, *given))

    return lowering


def joined(function: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to a function of two."""
    return lambda layer, context: Lowered(folded(function, operands(context)))


def where(layer: layers.Where, context: Context) -> Lowered:
    """torch.where."""
    return Lowered(apply("torch.where", *operands(context)))


ROWS: Rows = {
    layers.Equal: compared("==", "torch.eq"),
    layers.NotEqual: compared("!=", "torch.ne"),
    layers.Greater: compared(">", "torch.gt"),
    layers.GreaterEqual: compared(">=", "torch.ge"),
    layers.Less: compared("<", "torch.lt"),
    layers.LessEqual: compared("<=", "torch.le"),
    layers.LogicalAnd: joined("torch.logical_and"),
    layers.LogicalOr: joined("torch.logical_or"),
    layers.LogicalXor: joined("torch.logical_xor"),
    layers.LogicalNot: apply("torch.logical_not", X),
    layers.Where: where,
}
