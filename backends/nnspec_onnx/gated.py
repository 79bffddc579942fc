"""Activations that own a slope, or gate one half of an axis by the other."""

from __future__ import annotations

from nnspec import layers
from nnspec.layers import Glu, Prelu, Swiglu
from nnspec.layers.base import channel_axis
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows


def prelu(layer: Prelu, context: Context) -> Values:
    """PRelu, the slopes shaped so that they meet the channels."""
    if layer.slopes != "channel":
        return (context.node("PRelu", *context.inputs, context.parameter("weight")),)
    (channels,) = context.parameters["weight"].shape
    axis = channel_axis(len(context.shape), context.data_format)
    if axis == len(context.shape) - 1:
        return (context.node("PRelu", *context.inputs, context.parameter("weight")),)
    shape = (channels, *(1 for _ in context.shape[axis + 1 :]))
    slope = context.parameter(
        "weight", part="slope", shape=shape, transform=lambda weight: weight.reshape(shape)
    )
    return (context.node("PRelu", *context.inputs, slope),)


def glu(layer: Glu, context: Context) -> Values:
    """Split, Sigmoid and Mul."""
    value, gate = context.halves(context.inputs[0], axis=context.axis(layer.axis))
    return (context.node("Mul", value, context.node("Sigmoid", gate, part="gate")),)


def swiglu(layer: Swiglu, context: Context) -> Values:
    """Split, Sigmoid and Mul: SwiGLU came with opset 28."""
    value, gate = context.halves(context.inputs[0], axis=context.axis(layer.axis))
    sigmoid = context.node("Sigmoid", value, part="sigmoid")
    return (context.node("Mul", context.node("Mul", value, sigmoid, part="silu"), gate),)


ROWS: Rows = {
    layers.Prelu: prelu,
    layers.Glu: glu,
    layers.Swiglu: swiglu,
}
