"""Activations in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Binary, Literal, X, apply

_DEFAULT_SHRINKAGE = 0.5


def leaky_relu(layer: layers.LeakyRelu, context: Context) -> Lowered:
    """F.leaky_relu; the slope is written out, because Keras has another default."""
    return Lowered(apply("F.leaky_relu", X, layer.negative_slope))


def elu(layer: layers.Elu, context: Context) -> Lowered:
    """F.elu."""
    return Lowered(apply("F.elu", X, *_unless(1, layer.alpha)))


def celu(layer: layers.Celu, context: Context) -> Lowered:
    """F.celu, which rounds 1 / alpha to float32 in its gradient: else than for 1 the formula."""
    if layer.alpha == 1:
        return Lowered(apply("F.celu", X))
    alpha = Literal(layer.alpha)
    negative = alpha * apply("torch.expm1", X.method("clamp", max=0) / alpha)
    return Lowered(apply("torch.where", Binary(">", X, Literal(0)), X, negative))


def gelu(layer: layers.Gelu, context: Context) -> Lowered:
    """F.gelu."""
    return Lowered(apply("F.gelu", X, **({"approximate": "tanh"} if layer.approximate else {})))


def squareplus(layer: layers.Squareplus, context: Context) -> Lowered:
    """Its formula."""
    return Lowered((X + apply("torch.sqrt", X.method("square") + layer.b)) / 2)


def threshold(layer: layers.Threshold, context: Context) -> Lowered:
    """F.threshold."""
    return Lowered(apply("F.threshold", X, layer.threshold, layer.default_value))


Shrinking = layers.SoftShrink | layers.HardShrink


def shrinking(function: str) -> Callable[[Shrinking, Context], Lowered]:
    """Return the lowering to a function that takes a threshold."""
    return lambda layer, context: Lowered(
        apply(function, X, *_unless(_DEFAULT_SHRINKAGE, layer.threshold))
    )


def _unless(usual: float, value: float) -> tuple[float, ...]:
    return () if value == usual else (value,)


OverAxis = layers.Softmax | layers.LogSoftmax | layers.Softmin


def over_axis(function: str) -> Callable[[OverAxis, Context], Lowered]:
    """Return the lowering to a function that takes the axis."""

    def lowering(layer: OverAxis, context: Context) -> Lowered:
        axis = context.axis(layer.axis)
        return Lowered(apply(function, X, dim=-1 if axis == context.rank else axis))

    return lowering


ROWS: Rows = {
    layers.Linear: X,
    layers.Relu: apply("F.relu", X),
    layers.LeakyRelu: leaky_relu,
    layers.Elu: elu,
    layers.Sigmoid: apply("torch.sigmoid", X),
    layers.Tanh: apply("torch.tanh", X),
    layers.Softmax: over_axis("torch.softmax"),
    layers.Gelu: gelu,
    layers.Silu: apply("F.silu", X),
    layers.LogSoftmax: over_axis("torch.log_softmax"),
    layers.Softmin: over_axis("F.softmin"),
    layers.Relu6: apply("F.relu6", X),
    layers.Selu: apply("F.selu", X),
    layers.Celu: celu,
    layers.Mish: apply("F.mish", X),
    # By default F.softplus is linear from 20 on, where log(1 + exp(-x)) is 2e-9.
    layers.Softplus: apply("F.softplus", X, threshold=40),
    layers.Softsign: apply("F.softsign", X),
    layers.Squareplus: squareplus,
    layers.Exponential: apply("torch.exp", X),
    layers.LogSigmoid: apply("F.logsigmoid", X),
    # The gradient of F.hardsigmoid has 1/6 as a float32.
    layers.HardSigmoid: apply("F.relu6", X + 3) / 6,
    layers.HardSilu: apply("F.hardswish", X),
    # The gradient of F.hardtanh at -1 and 1 is 0.
    layers.HardTanh: apply("torch.clamp", X, -1, 1),
    layers.Threshold: threshold,
    layers.SoftShrink: shrinking("F.softshrink"),
    layers.HardShrink: shrinking("F.hardshrink"),
    layers.TanhShrink: apply("F.tanhshrink", X),
}
