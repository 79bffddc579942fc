"""Functions of each element in Keras.

Operators where they do: layers.Rescaling rounds its numbers to float32.
"""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import power, root_or_number, same_functions
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, Binary, Expression, Literal, X, apply


def rescaling(layer: layers.Rescaling, context: Context) -> Lowered:
    """A quotient or a sum, or a helper for any other factor.

    Keras marks the product of a dense tensor and a number as sparse (3.15), which later layers that
    compare its elements do not take.
    """
    scale, offset = root_or_number(float(layer.scale)), float(layer.offset)
    if not isinstance(scale, Binary) and (layer.scale != 1 or not offset):
        # A plain number, so that repetitions may differ in it.
        given = scale.value if isinstance(scale, Literal) else scale
        further = (("offset", offset),) if offset else ()
        return Lowered(CALLED, call("Rescale", ("scale", given), *further))
    forward: Expression = X / scale.right if isinstance(scale, Binary) else X
    if offset:
        forward = forward - abs(offset) if offset < 0 else forward + offset
    return Lowered(forward)


def clip(layer: layers.Clip, context: Context) -> Lowered:
    """ops.clip, which takes both bounds, or ops.maximum or ops.minimum for one."""
    kind = float if context.inputs[0].dtype == "float32" else int
    low, high = layer.min_value, layer.max_value
    if low is not None and high is not None:
        return Lowered(apply("ops.clip", X, kind(low), kind(high)))
    if low is not None:
        return Lowered(apply("ops.maximum", X, kind(low)))
    assert high is not None
    return Lowered(apply("ops.minimum", X, kind(high)))


def cast(layer: layers.Cast, context: Context) -> Lowered:
    """ops.cast; a float is one of the precision in which the network computes."""
    is_float = layer.dtype == "float32"
    return Lowered(apply("ops.cast", X, apply("keras.config.floatx") if is_float else layer.dtype))


def floor_divide(layer: layers.FloorDivide, context: Context) -> Lowered:
    """ops.floor_divide."""
    return Lowered(apply("ops.floor_divide", X, layer.divisor))


def modulo(layer: layers.Modulo, context: Context) -> Lowered:
    """ops.mod, whose result is never negative."""
    return Lowered(apply("ops.mod", X, layer.divisor))


ROWS: Rows = {
    **same_functions("ops"),
    layers.Rescaling: rescaling,
    layers.Clip: clip,
    layers.Power: power,
    layers.Negative: -X,
    layers.Reciprocal: Literal(1.0) / X,
    layers.FloorDivide: floor_divide,
    layers.Modulo: modulo,
    layers.Cast: cast,
    layers.StopGradient: apply("ops.stop_gradient", X),
}
