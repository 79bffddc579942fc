"""Functions of each element in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import power, root_or_number, same_functions
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Binary, Expression, Name, X, apply


def rescaling(layer: layers.Rescaling, context: Context) -> Lowered:
    """A product and a sum; what changes nothing is left out."""
    result: Expression = X
    if layer.scale != 1 or layer.offset == 0:
        scale = root_or_number(float(layer.scale))
        result = X / scale.right if isinstance(scale, Binary) else X * scale
    offset = abs(float(layer.offset))
    if layer.offset:
        result = result + offset if layer.offset > 0 else result - offset
    return Lowered(result)


def clip(layer: layers.Clip, context: Context) -> Lowered:
    """torch.clamp."""
    kind = float if context.inputs[0].dtype == "float32" else int
    bounds = {"min": layer.min_value, "max": layer.max_value}
    given = {key: kind(value) for key, value in bounds.items() if value is not None}
    return Lowered(apply("torch.clamp", X, **given))


def cast(layer: layers.Cast, context: Context) -> Lowered:
    """Tensor.to; a float is one of the precision in which the network computes."""
    is_float = layer.dtype == "float32"
    dtype = apply("torch.get_default_dtype") if is_float else Name(f"torch.{layer.dtype}")
    return Lowered(X.method("to", dtype))


def floor_divide(layer: layers.FloorDivide, context: Context) -> Lowered:
    """The operator, which rounds down."""
    return Lowered(X // layer.divisor)


def modulo(layer: layers.Modulo, context: Context) -> Lowered:
    """The operator, whose result is never negative."""
    return Lowered(X % layer.divisor)


ROWS: Rows = {
    **same_functions("torch"),
    layers.Rescaling: rescaling,
    layers.Clip: clip,
    layers.Reciprocal: apply("torch.reciprocal", X),
    layers.FloorDivide: floor_divide,
    layers.Modulo: modulo,
    layers.Cast: cast,
    layers.Negative: -X,
    layers.Power: power,
    layers.StopGradient: X.method("detach"),
}
