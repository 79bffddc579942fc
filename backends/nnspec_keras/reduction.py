"""Layers that make one number of many, in Keras."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.reduction import Reduction


def reduced(function: str) -> Callable[[Reduction, Context], Lowered]:
    """Return the lowering to a function of keras.ops."""
    return lambda layer, context: Lowered(_call(function, layer, context))


def norm(layer: layers.ReduceNorm, context: Context) -> Lowered:
    """The root of a sum: ops.norm has no epsilon, and NaN for its gradient at 0."""
    squares = _call("ops.sum", layer, context).replace("{0}", "ops.square({0})")
    return Lowered(f"ops.sqrt({squares} + {literal(float(layer.epsilon))})")


def l2_normalize(layer: layers.L2Normalize, context: Context) -> Lowered:
    """A quotient: ops.normalize has another epsilon, and NaN for its gradient at 0."""
    axis = context.axis(layer.axis)
    squares = f"ops.sum(ops.square({{0}}), axis={axis}, keepdims=True)"
    least = literal(float(layer.epsilon))
    return Lowered(f"{{0}} / ops.sqrt(ops.maximum({squares}, {least}))")


def argmax(layer: layers.Argmax, context: Context) -> Lowered:
    """ops.argmax, which gives int32, and for which 0.0 is larger than -0.0."""
    # Adding 0.0 would be shorter, and TensorFlow takes it away again.
    return Lowered(
        f'ops.cast(ops.argmax({{0}}, axis={context.axis(layer.axis)}), "int64")',
        before=Lowered("ops.where(ops.equal({0}, 0), 0.0, {0})", comment="-0.0 is equal to 0.0"),
    )


def _call(function: str, layer: Reduction, context: Context) -> str:
    axes = tuple(sorted(map(context.axis, layer.resolved(context.inputs[0].shape))))
    keep = ", keepdims=True" if layer.keepdims else ""
    return f"{function}({{0}}, axis={literal(axes[0] if len(axes) == 1 else axes)}{keep})"
