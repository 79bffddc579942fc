"""Layers that make one number of many, in Keras."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Expression, X, apply
from nnspec.layers.reduction import Reduction


def reduced(function: str) -> Callable[[Reduction, Context], Lowered]:
    """Return the lowering to a function of keras.ops."""
    return lambda layer, context: Lowered(_reduced(function, X, layer, context))


def norm(layer: layers.ReduceNorm, context: Context) -> Lowered:
    """The root of a sum: ops.norm has no epsilon, and NaN for its gradient at 0."""
    squares = _reduced("ops.sum", apply("ops.square", X), layer, context)
    return Lowered(apply("ops.sqrt", squares + float(layer.epsilon)))


def l2_normalize(layer: layers.L2Normalize, context: Context) -> Lowered:
    """A quotient: ops.normalize has another epsilon, and NaN for its gradient at 0."""
    axis = context.axis(layer.axis)
    squares = apply("ops.sum", apply("ops.square", X), axis=axis, keepdims=True)
    return Lowered(X / apply("ops.sqrt", apply("ops.maximum", squares, float(layer.epsilon))))


def argmax(layer: layers.Argmax, context: Context) -> Lowered:
    """ops.argmax, which gives int32, and for which 0.0 is larger than -0.0."""
    # Adding 0.0 would be shorter, and TensorFlow takes it away again.
    positive = apply("ops.where", apply("ops.equal", X, 0), 0.0, X)
    return Lowered(
        apply("ops.cast", apply("ops.argmax", X, axis=context.axis(layer.axis)), "int64"),
        before=Lowered(positive, comment="-0.0 is equal to 0.0"),
    )


def _reduced(function: str, operand: Expression, layer: Reduction, context: Context) -> Expression:
    axes = tuple(sorted(map(context.axis, layer.resolved(context.inputs[0].shape))))
    keep = {"keepdims": True} if layer.keepdims else {}
    return apply(function, operand, axis=axes[0] if len(axes) == 1 else axes, **keep)


ROWS: Rows = {
    layers.ReduceSum: reduced("ops.sum"),
    layers.ReduceMean: reduced("ops.mean"),
    layers.ReduceMax: reduced("ops.max"),
    layers.ReduceMin: reduced("ops.min"),
    layers.ReduceVariance: reduced("ops.var"),
    layers.ReduceNorm: norm,
    layers.L2Normalize: l2_normalize,
    layers.Argmax: argmax,
}
