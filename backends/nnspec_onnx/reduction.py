"""Layers that make one number of many."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.layers import Argmax, L2Normalize, ReduceNorm, ReduceVariance
from nnspec.layers.reduction import Reduction
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows


def reduced(op_type: str) -> Callable[[Reduction, Context], Values]:
    """Return the lowering to one operator."""

    def lowering(layer: Reduction, context: Context) -> Values:
        return (_reduce(op_type, context.inputs[0], layer, context),)

    return lowering


def variance(layer: ReduceVariance, context: Context) -> Values:
    """The mean of the squared distance from the mean: ONNX has no operator for it."""
    (x,) = context.inputs
    axes = _axes(layer, context)
    mean = context.node("ReduceMean", x, axes, part="mean", keepdims=1)
    centred = context.node("Sub", x, mean, part="centred")
    squares = context.node("Mul", centred, centred, part="squares")
    return (context.node("ReduceMean", squares, axes, keepdims=int(layer.keepdims)),)


def norm(layer: ReduceNorm, context: Context) -> Values:
    """The root of a sum: ReduceL2 has no epsilon."""
    total = _reduce("ReduceSumSquare", context.inputs[0], layer, context, part="squares")
    shifted = context.node(
        "Add", total, context.constant("epsilon", float(layer.epsilon)), part="shifted"
    )
    return (context.node("Sqrt", shifted),)


def l2_normalize(layer: L2Normalize, context: Context) -> Values:
    """A quotient: LpNormalization has no epsilon."""
    (x,) = context.inputs
    axes = context.constant("axes", [context.axis(layer.axis)])
    total = context.node("ReduceSumSquare", x, axes, part="squares", keepdims=1)
    least = context.node(
        "Max", total, context.constant("epsilon", float(layer.epsilon)), part="bounded"
    )
    return (context.node("Div", x, context.node("Sqrt", least, part="length")),)


def argmax(layer: Argmax, context: Context) -> Values:
    """ArgMax."""
    return (context.node("ArgMax", *context.inputs, axis=context.axis(layer.axis), keepdims=0),)


def _axes(layer: Reduction, context: Context) -> str:
    return context.constant(
        "axes", sorted(map(context.axis, layer.resolved(context.shape_as_declared)))
    )


def _reduce(
    op_type: str, x: str, layer: Reduction, context: Context, part: str | None = None
) -> str:
    keep = int(layer.keepdims)
    return context.node(op_type, x, _axes(layer, context), part=part, keepdims=keep)


ROWS: Rows = {
    layers.ReduceSum: reduced("ReduceSum"),
    layers.ReduceMean: reduced("ReduceMean"),
    layers.ReduceMax: reduced("ReduceMax"),
    layers.ReduceMin: reduced("ReduceMin"),
    layers.ReduceVariance: variance,
    layers.ReduceNorm: norm,
    layers.L2Normalize: l2_normalize,
    layers.Argmax: argmax,
}
