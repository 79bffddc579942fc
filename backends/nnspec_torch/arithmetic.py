"""Functions of each element in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import literal, root_or_literal
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
    """torch.clamp."""
    bounds = {"min": layer.min_value, "max": layer.max_value}
    given = [f"{key}={literal(float(v))}" for key, v in bounds.items() if v is not None]
    return Lowered(f"torch.clamp({{0}}, {', '.join(given)})")


def power(layer: layers.Power, context: Context) -> Lowered:
    """The operator."""
    return Lowered(f"{{0}}**{literal(whole_or_float(layer.exponent))}")


def cast(layer: layers.Cast, context: Context) -> Lowered:
    """Tensor.to; a float is one of the precision in which the network computes."""
    dtype = "torch.get_default_dtype()" if layer.dtype == "float32" else f"torch.{layer.dtype}"
    return Lowered(f"{{0}}.to({dtype})")
