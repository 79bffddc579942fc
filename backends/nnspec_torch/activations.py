"""Activations in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import literal
from nnspec.emit.lowering import Context, Lowered

_DEFAULT_SHRINKAGE = 0.5


def linear(layer: layers.Linear, context: Context) -> Lowered:
    """Nothing."""
    return Lowered("{0}")


def relu(layer: layers.Relu, context: Context) -> Lowered:
    """F.relu."""
    return Lowered("F.relu({0})")


def leaky_relu(layer: layers.LeakyRelu, context: Context) -> Lowered:
    """F.leaky_relu; the slope is written out, because Keras has another default."""
    return Lowered(f"F.leaky_relu({{0}}, {literal(layer.negative_slope)})")


def elu(layer: layers.Elu, context: Context) -> Lowered:
    """F.elu."""
    return Lowered("F.elu({0})" if layer.alpha == 1 else f"F.elu({{0}}, {literal(layer.alpha)})")


def sigmoid(layer: layers.Sigmoid, context: Context) -> Lowered:
    """torch.sigmoid."""
    return Lowered("torch.sigmoid({0})")


def tanh(layer: layers.Tanh, context: Context) -> Lowered:
    """torch.tanh."""
    return Lowered("torch.tanh({0})")


def softmax(layer: layers.Softmax, context: Context) -> Lowered:
    """torch.softmax."""
    return _over_axis("torch.softmax", layer.axis, context)


def log_softmax(layer: layers.LogSoftmax, context: Context) -> Lowered:
    """torch.log_softmax."""
    return _over_axis("torch.log_softmax", layer.axis, context)


def softmin(layer: layers.Softmin, context: Context) -> Lowered:
    """F.softmin."""
    return _over_axis("F.softmin", layer.axis, context)


def gelu(layer: layers.Gelu, context: Context) -> Lowered:
    """F.gelu."""
    return Lowered('F.gelu({0}, approximate="tanh")' if layer.approximate else "F.gelu({0})")


def silu(layer: layers.Silu, context: Context) -> Lowered:
    """F.silu."""
    return Lowered("F.silu({0})")


def relu6(layer: layers.Relu6, context: Context) -> Lowered:
    """F.relu6."""
    return Lowered("F.relu6({0})")


def selu(layer: layers.Selu, context: Context) -> Lowered:
    """F.selu."""
    return Lowered("F.selu({0})")


def celu(layer: layers.Celu, context: Context) -> Lowered:
    """F.celu, which rounds 1 / alpha to float32 in its gradient: else than for 1 the formula."""
    if layer.alpha == 1:
        return Lowered("F.celu({0})")
    alpha = literal(layer.alpha)
    negative = f"{alpha} * torch.expm1({{0}}.clamp(max=0) / {alpha})"
    return Lowered(f"torch.where({{0}} > 0, {{0}}, {negative})")


def mish(layer: layers.Mish, context: Context) -> Lowered:
    """F.mish."""
    return Lowered("F.mish({0})")


def softplus(layer: layers.Softplus, context: Context) -> Lowered:
    """F.softplus, by default linear from 20 on, where log(1 + exp(-x)) is 2e-9."""
    return Lowered("F.softplus({0}, threshold=40)")


def softsign(layer: layers.Softsign, context: Context) -> Lowered:
    """F.softsign."""
    return Lowered("F.softsign({0})")


def squareplus(layer: layers.Squareplus, context: Context) -> Lowered:
    """Its formula."""
    return Lowered(f"({{0}} + torch.sqrt({{0}}.square() + {literal(layer.b)})) / 2")


def exponential(layer: layers.Exponential, context: Context) -> Lowered:
    """torch.exp."""
    return Lowered("torch.exp({0})")


def log_sigmoid(layer: layers.LogSigmoid, context: Context) -> Lowered:
    """F.logsigmoid."""
    return Lowered("F.logsigmoid({0})")


def hard_sigmoid(layer: layers.HardSigmoid, context: Context) -> Lowered:
    """Its formula: the gradient of F.hardsigmoid has 1/6 as a float32."""
    return Lowered("F.relu6({0} + 3) / 6")


def hard_silu(layer: layers.HardSilu, context: Context) -> Lowered:
    """F.hardswish."""
    return Lowered("F.hardswish({0})")


def hard_tanh(layer: layers.HardTanh, context: Context) -> Lowered:
    """torch.clamp: the gradient of F.hardtanh at -1 and 1 is 0."""
    return Lowered("torch.clamp({0}, -1, 1)")


def threshold(layer: layers.Threshold, context: Context) -> Lowered:
    """F.threshold."""
    numbers = f"{literal(layer.threshold)}, {literal(layer.default_value)}"
    return Lowered(f"F.threshold({{0}}, {numbers})")


def soft_shrink(layer: layers.SoftShrink, context: Context) -> Lowered:
    """F.softshrink."""
    return _shrink("F.softshrink", layer.threshold)


def hard_shrink(layer: layers.HardShrink, context: Context) -> Lowered:
    """F.hardshrink."""
    return _shrink("F.hardshrink", layer.threshold)


def tanh_shrink(layer: layers.TanhShrink, context: Context) -> Lowered:
    """F.tanhshrink."""
    return Lowered("F.tanhshrink({0})")


def _shrink(function: str, threshold: float) -> Lowered:
    given = "" if threshold == _DEFAULT_SHRINKAGE else f", {literal(threshold)}"
    return Lowered(f"{function}({{0}}{given})")


def _over_axis(function: str, given: int, context: Context) -> Lowered:
    axis = context.axis(given)
    return Lowered(f"{function}({{0}}, dim={-1 if axis == context.rank else axis})")
