"""Layers that make one number of many, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.alike import compact
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Apply, Expression, X, apply
from nnspec.layers.reduction import Reduction

_SQUARES = apply("torch.square", X)


def reduced(function: str, **more: object) -> Callable[[Reduction, Context], Lowered]:
    """Return the lowering to a function of torch."""
    return lambda layer, context: Lowered(_reduced(function, X, layer, context, **more))


def norm(layer: layers.ReduceNorm, context: Context) -> Lowered:
    """The root of a sum: torch.linalg.vector_norm has no epsilon."""
    total = _reduced("torch.sum", _SQUARES, layer, context)
    return Lowered(apply("torch.sqrt", total + float(layer.epsilon)))


def l2_normalize(layer: layers.L2Normalize, context: Context) -> Lowered:
    """A quotient: F.normalize bounds the length, not its square, and has another gradient."""
    total = apply("torch.sum", _SQUARES, dim=context.axis(layer.axis), keepdim=True)
    return Lowered(X / apply("torch.sqrt", total.method("clamp", min=float(layer.epsilon))))


def argmax(layer: layers.Argmax, context: Context) -> Lowered:
    """torch.argmax."""
    return Lowered(apply("torch.argmax", X, dim=context.axis(layer.axis)))


def _reduced(
    function: str, taken: Expression, layer: Reduction, context: Context, **more: object
) -> Apply:
    axes = tuple(sorted(map(context.axis, layer.resolved(context.inputs[0].shape))))
    keep = {"keepdim": True} if layer.keepdims else {}
    return apply(function, taken, dim=compact(axes), **more, **keep)


ROWS: Rows = {
    layers.ReduceSum: reduced("torch.sum"),
    layers.ReduceMean: reduced("torch.mean"),
    layers.ReduceMax: reduced("torch.amax"),
    layers.ReduceMin: reduced("torch.amin"),
    layers.ReduceVariance: reduced("torch.var", correction=0),
    layers.ReduceNorm: norm,
    layers.L2Normalize: l2_normalize,
    layers.Argmax: argmax,
}
