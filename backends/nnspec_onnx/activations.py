"""Activations."""

from __future__ import annotations

import math

from nnspec.layers import Elu, Gelu, LeakyRelu, Linear, Relu, Sigmoid, Silu, Softmax, Tanh
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
