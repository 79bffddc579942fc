"""Layers that make one number of many."""

from __future__ import annotations

from collections.abc import Callable

from nnspec.layers import Argmax, L2Normalize, ReduceNorm, ReduceVariance
from nnspec.layers.reduction import Reduction
from nnspec_onnx.context import Context, Values


def reduced(op_type: str) -> Callable[[Reduction, Context], Values]:
    """Return the lowering to one operator."""

    def lowering(layer: Reduction, at: Context) -> Values:
        return (_reduce(op_type, at.inputs[0], layer, at),)

    return lowering


def variance(layer: ReduceVariance, at: Context) -> Values:
    """The mean of the squared distance from the mean: ONNX has no operator for it."""
    (x,) = at.inputs
    axes = _axes(layer, at)
    mean = at.node("ReduceMean", x, axes, part="mean", keepdims=1)
    centred = at.node("Sub", x, mean, part="centred")
    squares = at.node("Mul", centred, centred, part="squares")
    return (at.node("ReduceMean", squares, axes, keepdims=int(layer.keepdims)),)


def norm(layer: ReduceNorm, at: Context) -> Values:
    """The root of a sum: ReduceL2 has no epsilon."""
    total = _reduce("ReduceSumSquare", at.inputs[0], layer, at, part="squares")
    shifted = at.node("Add", total, at.constant("epsilon", float(layer.epsilon)), part="shifted")
    return (at.node("Sqrt", shifted),)


def l2_normalize(layer: L2Normalize, at: Context) -> Values:
    """A quotient: LpNormalization has no epsilon."""
    (x,) = at.inputs
    axes = at.constant("axes", [at.axis(layer.axis)])
    total = at.node("ReduceSumSquare", x, axes, part="squares", keepdims=1)
    least = at.node("Max", total, at.constant("epsilon", float(layer.epsilon)), part="bounded")
    return (at.node("Div", x, at.node("Sqrt", least, part="length")),)


def argmax(layer: Argmax, at: Context) -> Values:
    """ArgMax."""
    return (at.node("ArgMax", *at.inputs, axis=at.axis(layer.axis), keepdims=0),)


def _axes(layer: Reduction, at: Context) -> str:
    return at.constant("axes", sorted(map(at.axis, layer.resolved(at.shape_as_declared))))


def _reduce(op_type: str, x: str, layer: Reduction, at: Context, part: str | None = None) -> str:
    keep = int(layer.keepdims)
    return at.node(op_type, x, _axes(layer, at), part=part, keepdims=keep)
