"""Layers that make one number of many, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.reduction import Reduction


def reduced(function: str, more: str = "") -> Callable[[Reduction, Context], Lowered]:
    """Return the lowering to a function of torch."""
    return lambda layer, context: Lowered(_call(function, layer, context, more))


def norm(layer: layers.ReduceNorm, context: Context) -> Lowered:
    """The root of a sum: torch.linalg.vector_norm has no epsilon."""
    squares = _call("torch.sum", layer, context).replace("{0}", "torch.square({0})")
    return Lowered(f"torch.sqrt({squares} + {literal(float(layer.epsilon))})")


def l2_normalize(layer: layers.L2Normalize, context: Context) -> Lowered:
    """A quotient: F.normalize bounds the length, not its square, and has another gradient."""
    axis = context.axis(layer.axis)
    squares = f"torch.sum(torch.square({{0}}), dim={axis}, keepdim=True)"
    return Lowered(f"{{0}} / torch.sqrt({squares}.clamp(min={literal(float(layer.epsilon))}))")


def argmax(layer: layers.Argmax, context: Context) -> Lowered:
    """torch.argmax."""
    return Lowered(f"torch.argmax({{0}}, dim={context.axis(layer.axis)})")


def _call(function: str, layer: Reduction, context: Context, more: str = "") -> str:
    axes = tuple(sorted(map(context.axis, layer.resolved(context.inputs[0].shape))))
    keep = ", keepdim=True" if layer.keepdims else ""
    return f"{function}({{0}}, dim={literal(axes[0] if len(axes) == 1 else axes)}{more}{keep})"
