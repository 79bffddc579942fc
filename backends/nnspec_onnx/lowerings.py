"""The table from layer to what it becomes in ONNX, and the layers that ONNX cannot express."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnspec import layers
from nnspec.layers.base import Layer
from nnspec_onnx import (
    activations,
    arithmetic,
    arrangement,
    attention,
    convolution,
    core,
    embedding,
    merge,
    normalization,
    pooling,
    reduction,
)
from nnspec_onnx.context import Context, Values

Lowering = Callable[[Any, Context], Values]
"""Adds the layer's operators to the model and returns its outputs: those that the context names,
or the inputs themselves where the layer changes nothing. A fused activation is not its business."""

LOWERINGS: Mapping[type[Layer], Lowering] = {
    layers.Dense: core.dense,
    layers.Conv2D: convolution.conv2d,
    layers.MaxPooling2D: pooling.max_pooling2d,
    layers.AveragePooling2D: pooling.average_pooling2d,
    layers.GlobalAveragePooling2D: pooling.global_average_pooling2d,
    layers.Flatten: core.flatten,
    layers.Reshape: core.reshape,
    layers.Dropout: core.dropout,
    layers.BatchNormalization: normalization.batch_normalization,
    layers.Add: merge.add,
    layers.Subtract: merge.variadic("Sub"),
    layers.Multiply: merge.multiply,
    layers.Divide: merge.variadic("Div"),
    layers.Average: merge.average,
    layers.Maximum: merge.variadic("Max"),
    layers.Minimum: merge.variadic("Min"),
    layers.Matmul: merge.variadic("MatMul"),
    layers.Dot: merge.dot,
    layers.Concatenate: merge.concatenate,
    layers.Split: merge.split,
    layers.Embedding: embedding.embedding,
    layers.Shared: embedding.shared,
    layers.TiedDense: embedding.tied_dense,
    layers.PositionEmbedding: embedding.position_embedding,
    layers.SinusoidalPosition: embedding.sinusoidal_position,
    layers.RotaryPosition: embedding.rotary_position,
    layers.LearnedTensor: embedding.parameter,
    layers.ConstantTensor: embedding.constant,
    layers.MultiHeadAttention: attention.attention,
    layers.GroupedQueryAttention: attention.attention,
    layers.Rescaling: arithmetic.rescaling,
    layers.Clip: arithmetic.clip,
    layers.Power: arithmetic.power,
    layers.Sqrt: arithmetic.operator("Sqrt"),
    layers.Exp: arithmetic.operator("Exp"),
    layers.Log: arithmetic.operator("Log"),
    layers.Abs: arithmetic.operator("Abs"),
    layers.Negative: arithmetic.operator("Neg"),
    layers.Reciprocal: arithmetic.operator("Reciprocal"),
    layers.Square: arithmetic.square,
    layers.Cast: arithmetic.cast,
    layers.ReduceSum: reduction.reduced("ReduceSum"),
    layers.ReduceMean: reduction.reduced("ReduceMean"),
    layers.ReduceMax: reduction.reduced("ReduceMax"),
    layers.ReduceMin: reduction.reduced("ReduceMin"),
    layers.ReduceVariance: reduction.variance,
    layers.ReduceNorm: reduction.norm,
    layers.L2Normalize: reduction.l2_normalize,
    layers.Argmax: reduction.argmax,
    layers.Permute: arrangement.permute,
    layers.RepeatVector: arrangement.repeat_vector,
    layers.ExpandDims: arrangement.expand_dims,
    layers.Squeeze: arrangement.squeeze,
    layers.Stack: arrangement.stack,
    layers.Slice: arrangement.slice_,
    layers.Gather: arrangement.gather,
    layers.Flip: arrangement.flip,
    layers.Roll: arrangement.roll,
    layers.RepeatElements: arrangement.repeat_elements,
    layers.Tile: arrangement.tile,
    layers.Linear: activations.linear,
    layers.Relu: activations.relu,
    layers.LeakyRelu: activations.leaky_relu,
    layers.Elu: activations.elu,
    layers.Sigmoid: activations.sigmoid,
    layers.Tanh: activations.tanh,
    layers.Softmax: activations.softmax,
    layers.Gelu: activations.gelu,
    layers.Silu: activations.silu,
}

UNSUPPORTED: Mapping[type[Layer], str] = {}
