"""Activations."""

from __future__ import annotations

import math

from nnspec.layers import (
    Celu,
    Elu,
    Exponential,
    Gelu,
    HardShrink,
    HardSigmoid,
    HardSilu,
    HardTanh,
    LeakyRelu,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Mish,
    Relu,
    Relu6,
    Selu,
    Sigmoid,
    Silu,
    Softmax,
    Softmin,
    Softplus,
    SoftShrink,
    Softsign,
    Squareplus,
    Tanh,
    TanhShrink,
    Threshold,
)
from nnspec_onnx.context import Context, Values


def linear(layer: Linear, at: Context) -> Values:
    """Nothing."""
    return at.inputs


def relu(layer: Relu, at: Context) -> Values:
    """Relu."""
    return (at.node("Relu", *at.inputs),)


def leaky_relu(layer: LeakyRelu, at: Context) -> Values:
    """LeakyRelu."""
    return (at.node("LeakyRelu", *at.inputs, alpha=layer.negative_slope),)


def elu(layer: Elu, at: Context) -> Values:
    """Elu."""
    return (at.node("Elu", *at.inputs, alpha=layer.alpha),)


def sigmoid(layer: Sigmoid, at: Context) -> Values:
    """Sigmoid."""
    return (at.node("Sigmoid", *at.inputs),)


def tanh(layer: Tanh, at: Context) -> Values:
    """Tanh."""
    return (at.node("Tanh", *at.inputs),)


def softmax(layer: Softmax, at: Context) -> Values:
    """Softmax over one axis."""
    return (at.node("Softmax", *at.inputs, axis=at.axis(layer.axis)),)


def silu(layer: Silu, at: Context) -> Values:
    """Sigmoid and Mul: Swish came with opset 24, and runtimes lack it."""
    (x,) = at.inputs
    return (at.node("Mul", x, at.node("Sigmoid", x, part="sigmoid")),)


def gelu(layer: Gelu, at: Context) -> Values:
    """Gelu, which came with opset 20; before that its formula."""
    if at.opset >= 20:
        how = "tanh" if layer.approximate else "none"
        return (at.node("Gelu", *at.inputs, approximate=how),)
    return _gelu_tanh(at) if layer.approximate else _gelu_erf(at)


def _gelu_erf(at: Context) -> Values:
    (x,) = at.inputs
    scaled = at.node("Mul", x, at.constant("sqrt_half", math.sqrt(0.5)), part="scaled")
    erf = at.node("Erf", scaled, part="erf")
    return _half_x_times_one_plus(erf, at)


def _gelu_tanh(at: Context) -> Values:
    (x,) = at.inputs
    square = at.node("Mul", x, x, part="square")
    cube = at.node("Mul", square, x, part="cube")
    cubic = at.node("Mul", cube, at.constant("cubic", 0.044715), part="cubic_term")
    total = at.node("Add", x, cubic, part="sum")
    scaled = at.node("Mul", total, at.constant("slope", math.sqrt(2 / math.pi)), part="scaled")
    return _half_x_times_one_plus(at.node("Tanh", scaled, part="tanh"), at)


def _half_x_times_one_plus(value: str, at: Context) -> Values:
    factor = at.node("Add", value, at.constant("one", 1.0), part="factor")
    half = at.node("Mul", at.inputs[0], at.constant("half", 0.5), part="half_input")
    return (at.node("Mul", half, factor),)


def log_softmax(layer: LogSoftmax, at: Context) -> Values:
    """LogSoftmax over one axis."""
    return (at.node("LogSoftmax", *at.inputs, axis=at.axis(layer.axis)),)


def softmin(layer: Softmin, at: Context) -> Values:
    """Neg and Softmax over one axis."""
    negative = at.node("Neg", *at.inputs, part="negative")
    return (at.node("Softmax", negative, axis=at.axis(layer.axis)),)


def relu6(layer: Relu6, at: Context) -> Values:
    """Clip."""
    return _clip(0.0, 6.0, at)


def hard_tanh(layer: HardTanh, at: Context) -> Values:
    """Clip."""
    return _clip(-1.0, 1.0, at)


def selu(layer: Selu, at: Context) -> Values:
    """Selu; the constants that it has by default are float32."""
    return (at.node("Selu", *at.inputs, alpha=1.6732632423543772, gamma=1.0507009873554805),)


def celu(layer: Celu, at: Context) -> Values:
    """Elu of x / alpha, times alpha: Celu is for float32 alone."""
    (x,) = at.inputs
    if layer.alpha == 1:
        return (at.node("Elu", x, alpha=1.0),)
    alpha = at.constant("alpha", float(layer.alpha))
    shrunk = at.node("Div", x, alpha, part="shrunk")
    return (at.node("Mul", at.node("Elu", shrunk, part="elu", alpha=1.0), alpha),)


def mish(layer: Mish, at: Context) -> Values:
    """Mish."""
    return (at.node("Mish", *at.inputs),)


def softplus(layer: Softplus, at: Context) -> Values:
    """Softplus."""
    return (at.node("Softplus", *at.inputs),)


def softsign(layer: Softsign, at: Context) -> Values:
    """Softsign."""
    return (at.node("Softsign", *at.inputs),)


def exponential(layer: Exponential, at: Context) -> Values:
    """Exp."""
    return (at.node("Exp", *at.inputs),)


def squareplus(layer: Squareplus, at: Context) -> Values:
    """Its formula."""
    (x,) = at.inputs
    square = at.node("Mul", x, x, part="square")
    total = at.node("Add", square, at.constant("b", float(layer.b)), part="sum")
    doubled = at.node("Add", x, at.node("Sqrt", total, part="root"), part="doubled")
    return (at.node("Mul", doubled, at.constant("half", 0.5)),)


def log_sigmoid(layer: LogSigmoid, at: Context) -> Values:
    """Minus Softplus of -x: the logarithm of Sigmoid is minus infinity below -88."""
    negative = at.node("Neg", *at.inputs, part="negative")
    return (at.node("Neg", at.node("Softplus", negative, part="softplus")),)


def hard_sigmoid(layer: HardSigmoid, at: Context) -> Values:
    """HardSigmoid, its slope by default 0.2."""
    return (at.node("HardSigmoid", *at.inputs, alpha=1 / 6, beta=0.5),)


def hard_silu(layer: HardSilu, at: Context) -> Values:
    """HardSwish's formula: the operator has 1/6 as a float32, off by 3e-8."""
    (x,) = at.inputs
    gate = at.node("HardSigmoid", x, part="gate", alpha=1 / 6, beta=0.5)
    return (at.node("Mul", x, gate),)


def threshold(layer: Threshold, at: Context) -> Values:
    """Greater and Where: ThresholdedRelu knows no value but 0."""
    (x,) = at.inputs
    is_above = at.node(
        "Greater", x, at.constant("threshold", float(layer.threshold)), part="is_above"
    )
    return (at.node("Where", is_above, x, at.constant("value", float(layer.default_value))),)


def soft_shrink(layer: SoftShrink, at: Context) -> Values:
    """Clip, and Sub of what it leaves."""
    (x,) = at.inputs
    low, high = (
        at.constant("low", -float(layer.threshold)),
        at.constant("high", float(layer.threshold)),
    )
    return (at.node("Sub", x, at.node("Clip", x, low, high, part="clipped")),)


def hard_shrink(layer: HardShrink, at: Context) -> Values:
    """Shrink."""
    return (at.node("Shrink", *at.inputs, lambd=layer.threshold),)


def tanh_shrink(layer: TanhShrink, at: Context) -> Values:
    """Tanh and Sub."""
    return (at.node("Sub", *at.inputs, at.node("Tanh", *at.inputs, part="tanh")),)


def _clip(low: float, high: float, at: Context) -> Values:
    return (at.node("Clip", *at.inputs, at.constant("low", low), at.constant("high", high)),)
