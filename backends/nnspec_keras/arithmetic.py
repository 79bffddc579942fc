"""Functions of each element in Keras.

Operators where they do: layers.Rescaling rounds its numbers to float32.
"""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import Expr, call, literal, quoted, root_or_literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.arithmetic import whole_or_float
from nnspec.layers.base import Layer


def expression(template: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to an expression that depends on no setting."""
    return lambda layer, context: Lowered(template)


def rescaling(layer: layers.Rescaling, context: Context) -> Lowered:
    """A quotient or a sum, or a helper for any other factor.

    Keras marks the product of a dense tensor and a number as sparse (3.15), which later layers that
    compare its elements do not take.
    """
    scale = root_or_literal(float(layer.scale))
    offset = float(layer.offset)
    is_quotient = scale.startswith("1 / ")
    if not is_quotient and (layer.scale != 1 or not offset):
        further = (("offset", offset),) if offset else ()
        given = Expr(scale) if scale.startswith("math.") else float(layer.scale)
        made = call("Rescale", ("scale", given), *further)
        return Lowered("{module}({0})", made)
    text = f"{{0}} / {scale[4:]}" if is_quotient else "{0}"
    if offset:
        text += f" {'-' if offset < 0 else '+'} {literal(abs(offset))}"
    return Lowered(text)


def clip(layer: layers.Clip, context: Context) -> Lowered:
    """ops.clip, which takes both bounds, or ops.maximum or ops.minimum for one."""
    low, high = layer.min_value, layer.max_value
    if low is not None and high is not None:
        return Lowered(f"ops.clip({{0}}, {literal(float(low))}, {literal(float(high))})")
    if low is not None:
        return Lowered(f"ops.maximum({{0}}, {literal(float(low))})")
    assert high is not None
    return Lowered(f"ops.minimum({{0}}, {literal(float(high))})")


def power(layer: layers.Power, context: Context) -> Lowered:
    """The operator."""
    return Lowered(f"{{0}}**{literal(whole_or_float(layer.exponent))}")


def cast(layer: layers.Cast, context: Context) -> Lowered:
    """ops.cast; a float is one of the precision in which the network computes."""
    dtype = "keras.config.floatx()" if layer.dtype == "float32" else quoted(layer.dtype)
    return Lowered(f"ops.cast({{0}}, {dtype})")
