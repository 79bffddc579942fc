"""Activations that own a slope, or gate one half of an axis by the other."""

from __future__ import annotations

from nnspec.layers import Glu, Prelu, Swiglu
from nnspec.layers.base import channel_axis
from nnspec_onnx.context import Context, Values


def prelu(layer: Prelu, at: Context) -> Values:
    """PRelu, the slopes shaped so that they meet the channels."""
    (channels,) = at.parameters["weight"].shape
    axis = channel_axis(len(at.shape), at.data_format)
    if axis == len(at.shape) - 1:
        return (at.node("PRelu", *at.inputs, at.parameter("weight")),)
    shape = (channels, *(1 for _ in at.shape[axis + 1 :]))
    slope = at.parameter(
        "weight", part="slope", shape=shape, transform=lambda weight: weight.reshape(shape)
    )
    return (at.node("PRelu", *at.inputs, slope),)


def glu(layer: Glu, at: Context) -> Values:
    """Split, Sigmoid and Mul."""
    value, gate = at.halves(at.inputs[0], axis=at.axis(layer.axis))
    return (at.node("Mul", value, at.node("Sigmoid", gate, part="gate")),)


def swiglu(layer: Swiglu, at: Context) -> Values:
    """Split, Sigmoid and Mul: SwiGLU came with opset 28."""
    value, gate = at.halves(at.inputs[0], axis=at.axis(layer.axis))
    sigmoid = at.node("Sigmoid", value, part="sigmoid")
    return (at.node("Mul", at.node("Mul", value, sigmoid, part="silu"), gate),)
