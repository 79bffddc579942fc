"""Functions of each element in Keras.

Operators rather than layers: layers.Rescaling rounds its numbers to float32.
"""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import literal, quoted, root_or_literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.arithmetic import whole_or_float
from nnspec.layers.base import Layer


def expression(template: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to an expression that depends on no setting."""
    return lambda layer, context: Lowered(template)


def rescaling(layer: layers.Rescaling, context: Context) -> Lowered:
    """A product and a sum; what changes nothing is left out."""
    text = "{0}"
    if layer.scale != 1 or layer.offset == 0:
        scale = root_or_literal(float(layer.scale))
        text += f" / {scale[4:]}" if scale.startswith("1 / ") else f" * {scale}"
    if layer.offset:
        sign = "+" if layer.offset > 0 else "-"
        text += f" {sign} {literal(abs(float(layer.offset)))}"
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
