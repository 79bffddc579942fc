"""Activations."""

from __future__ import annotations

import math

from nnspec import layers
from nnspec.layers import (
    Celu,
    Elu,
    Gelu,
    HardShrink,
    HardSigmoid,
    HardSilu,
    HardTanh,
    LeakyRelu,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Relu6,
    Selu,
    Silu,
    Softmax,
    Softmin,
    SoftShrink,
    Squareplus,
    TanhShrink,
    Threshold,
)
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows, operator


def linear(layer: Linear, context: Context) -> Values:
    """Nothing."""
    return context.inputs


def leaky_relu(layer: LeakyRelu, context: Context) -> Values:
    """LeakyRelu."""
    return (context.node("LeakyRelu", *context.inputs, alpha=layer.negative_slope),)


def elu(layer: Elu, context: Context) -> Values:
    """Elu."""
    return (context.node("Elu", *context.inputs, alpha=layer.alpha),)


def softmax(layer: Softmax, context: Context) -> Values:
    """Softmax over one axis."""
    return (context.node("Softmax", *context.inputs, axis=context.axis(layer.axis)),)


def silu(layer: Silu, context: Context) -> Values:
    """Sigmoid and Mul: Swish came with opset 24, and runtimes lack it."""
    (x,) = context.inputs
    return (context.node("Mul", x, context.node("Sigmoid", x, part="sigmoid")),)


def gelu(layer: Gelu, context: Context) -> Values:
    """Gelu, which came with opset 20; before that its formula."""
    if context.opset >= 20:
        how = "tanh" if layer.approximate else "none"
        return (context.node("Gelu", *context.inputs, approximate=how),)
    return _gelu_tanh(context) if layer.approximate else _gelu_erf(context)


def _gelu_erf(context: Context) -> Values:
    (x,) = context.inputs
    scaled = context.node("Mul", x, context.constant("sqrt_half", math.sqrt(0.5)), part="scaled")
    erf = context.node("Erf", scaled, part="erf")
    return _half_x_times_one_plus(erf, context)


def _gelu_tanh(context: Context) -> Values:
    (x,) = context.inputs
    square = context.node("Mul", x, x, part="square")
    cube = context.node("Mul", square, x, part="cube")
    cubic = context.node("Mul", cube, context.constant("cubic", 0.044715), part="cubic_term")
    total = context.node("Add", x, cubic, part="sum")
    scaled = context.node(
        "Mul", total, context.constant("slope", math.sqrt(2 / math.pi)), part="scaled"
    )
    return _half_x_times_one_plus(context.node("Tanh", scaled, part="tanh"), context)


def _half_x_times_one_plus(value: str, context: Context) -> Values:
    factor = context.node("Add", value, context.constant("one", 1.0), part="factor")
    half = context.node("Mul", context.inputs[0], context.constant("half", 0.5), part="half_input")
    return (context.node("Mul", half, factor),)


def log_softmax(layer: LogSoftmax, context: Context) -> Values:
    """LogSoftmax over one axis."""
    return (context.node("LogSoftmax", *context.inputs, axis=context.axis(layer.axis)),)


def softmin(layer: Softmin, context: Context) -> Values:
    """Neg and Softmax over one axis."""
    negative = context.node("Neg", *context.inputs, part="negative")
    return (context.node("Softmax", negative, axis=context.axis(layer.axis)),)


def relu6(layer: Relu6, context: Context) -> Values:
    """Clip."""
    return _clip(0.0, 6.0, context)


def hard_tanh(layer: HardTanh, context: Context) -> Values:
    """Clip."""
    return _clip(-1.0, 1.0, context)


def selu(layer: Selu, context: Context) -> Values:
    """Selu; the constants that it has by default are float32."""
    return (
        context.node("Selu", *context.inputs, alpha=1.6732632423543772, gamma=1.0507009873554805),
    )


def celu(layer: Celu, context: Context) -> Values:
    """Elu of x / alpha, times alpha: Celu is for float32 alone."""
    (x,) = context.inputs
    if layer.alpha == 1:
        return (context.node("Elu", x, alpha=1.0),)
    alpha = context.constant("alpha", float(layer.alpha))
    shrunk = context.node("Div", x, alpha, part="shrunk")
    return (context.node("Mul", context.node("Elu", shrunk, part="elu", alpha=1.0), alpha),)


def squareplus(layer: Squareplus, context: Context) -> Values:
    """Its formula."""
    (x,) = context.inputs
    square = context.node("Mul", x, x, part="square")
    total = context.node("Add", square, context.constant("b", float(layer.b)), part="sum")
    doubled = context.node("Add", x, context.node("Sqrt", total, part="root"), part="doubled")
    return (context.node("Mul", doubled, context.constant("half", 0.5)),)


def log_sigmoid(layer: LogSigmoid, context: Context) -> Values:
    """Minus Softplus of -x: the logarithm of Sigmoid is minus infinity below -88."""
    negative = context.node("Neg", *context.inputs, part="negative")
    return (context.node("Neg", context.node("Softplus", negative, part="softplus")),)


def hard_sigmoid(layer: HardSigmoid, context: Context) -> Values:
    """HardSigmoid, its slope by default 0.2."""
    return (context.node("HardSigmoid", *context.inputs, alpha=1 / 6, beta=0.5),)


def hard_silu(layer: HardSilu, context: Context) -> Values:
    """HardSwish's formula: the operator has 1/6 as a float32, off by 3e-8."""
    (x,) = context.inputs
    gate = context.node("HardSigmoid", x, part="gate", alpha=1 / 6, beta=0.5)
    return (context.node("Mul", x, gate),)


def threshold(layer: Threshold, context: Context) -> Values:
    """Greater and Where: ThresholdedRelu knows no value but 0."""
    (x,) = context.inputs
    is_above = context.node(
        "Greater", x, context.constant("threshold", float(layer.threshold)), part="is_above"
    )
    return (
        context.node("Where", is_above, x, context.constant("value", float(layer.default_value))),
    )


def soft_shrink(layer: SoftShrink, context: Context) -> Values:
    """Clip, and Sub of what it leaves."""
    (x,) = context.inputs
    low, high = (
        context.constant("low", -float(layer.threshold)),
        context.constant("high", float(layer.threshold)),
    )
    return (context.node("Sub", x, context.node("Clip", x, low, high, part="clipped")),)


def hard_shrink(layer: HardShrink, context: Context) -> Values:
    """Shrink."""
    return (context.node("Shrink", *context.inputs, lambd=layer.threshold),)


def tanh_shrink(layer: TanhShrink, context: Context) -> Values:
    """Tanh and Sub."""
    return (
        context.node("Sub", *context.inputs, context.node("Tanh", *context.inputs, part="tanh")),
    )


def _clip(low: float, high: float, context: Context) -> Values:
    return (
        context.node(
            "Clip", *context.inputs, context.constant("low", low), context.constant("high", high)
        ),
    )


ROWS: Rows = {
    layers.Linear: linear,
    layers.Relu: operator("Relu"),
    layers.LeakyRelu: leaky_relu,
    layers.Elu: elu,
    layers.Sigmoid: operator("Sigmoid"),
    layers.Tanh: operator("Tanh"),
    layers.Softmax: softmax,
    layers.Gelu: gelu,
    layers.Silu: silu,
    layers.LogSoftmax: log_softmax,
    layers.Softmin: softmin,
    layers.Relu6: relu6,
    layers.Selu: selu,
    layers.Celu: celu,
    layers.Mish: operator("Mish"),
    layers.Softplus: operator("Softplus"),
    layers.Softsign: operator("Softsign"),
    layers.Squareplus: squareplus,
    layers.Exponential: operator("Exp"),
    layers.LogSigmoid: log_sigmoid,
    layers.HardSigmoid: hard_sigmoid,
    layers.HardSilu: hard_silu,
    layers.HardTanh: hard_tanh,
    layers.Threshold: threshold,
    layers.SoftShrink: soft_shrink,
    layers.HardShrink: hard_shrink,
    layers.TanhShrink: tanh_shrink,
}
