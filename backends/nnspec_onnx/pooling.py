"""Pooling."""

from __future__ import annotations

from nnspec.layers import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from nnspec_onnx.context import Context, Values
from nnspec_onnx.convolution import flat_pads


def max_pooling2d(layer: MaxPooling2D, at: Context) -> Values:
    """MaxPool with explicit pads."""
    output = at.node(
        "MaxPool",
        *at.inputs,
        kernel_shape=layer.pool_size,
        strides=layer.steps,
        pads=flat_pads(layer.pads(at.shape, at.data_format)),
    )
    return (output,)


def average_pooling2d(layer: AveragePooling2D, at: Context) -> Values:
    """AveragePool with explicit pads, which it does not count."""
    output = at.node(
        "AveragePool",
        *at.inputs,
        kernel_shape=layer.pool_size,
        strides=layer.steps,
        pads=flat_pads(layer.pads(at.shape, at.data_format)),
        count_include_pad=0,
    )
    return (output,)


def global_average_pooling2d(layer: GlobalAveragePooling2D, at: Context) -> Values:
    """ReduceMean over height and width."""
    # GlobalAveragePool keeps two axes of size 1, which a second operator would have to take away.
    axes = at.constant("axes", (2, 3))
    return (at.node("ReduceMean", *at.inputs, axes, keepdims=0),)
