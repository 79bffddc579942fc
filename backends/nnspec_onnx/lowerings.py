"""The table from layer to what it becomes in ONNX, and the layers that ONNX cannot express."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnspec import layers
from nnspec.layers.base import Layer
from nnspec_onnx.activations import (
    elu,
    gelu,
    leaky_relu,
    linear,
    relu,
    sigmoid,
    silu,
    softmax,
    tanh,
)
from nnspec_onnx.context import Context, Values
from nnspec_onnx.convolution import conv2d
from nnspec_onnx.core import dense, dropout, flatten, reshape
from nnspec_onnx.merge import add, concatenate, multiply
from nnspec_onnx.normalization import batch_normalization
from nnspec_onnx.pooling import average_pooling2d, global_average_pooling2d, max_pooling2d

Lowering = Callable[[Any, Context], Values]
"""Adds the layer's operators to the model and returns its outputs: those that the context names,
or the inputs themselves where the layer changes nothing. A fused activation is not its business."""

LOWERINGS: Mapping[type[Layer], Lowering] = {
    layers.Dense: dense,
    layers.Conv2D: conv2d,
    layers.MaxPooling2D: max_pooling2d,
    layers.AveragePooling2D: average_pooling2d,
    layers.GlobalAveragePooling2D: global_average_pooling2d,
    layers.Flatten: flatten,
    layers.Reshape: reshape,
    layers.Dropout: dropout,
    layers.BatchNormalization: batch_normalization,
    layers.Add: add,
    layers.Multiply: multiply,
    layers.Concatenate: concatenate,
    layers.Linear: linear,
    layers.Relu: relu,
    layers.LeakyRelu: leaky_relu,
    layers.Elu: elu,
    layers.Sigmoid: sigmoid,
    layers.Tanh: tanh,
    layers.Softmax: softmax,
    layers.Gelu: gelu,
    layers.Silu: silu,
}

UNSUPPORTED: Mapping[type[Layer], str] = {}
