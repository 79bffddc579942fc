"""How PyTorch expresses each layer: the table of lowerings, and what PyTorch cannot do."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec import layers
from nnspec.emit.lowering import Lowering
from nnspec.layers import Layer
from nnspec_torch import (
    activations,
    attention,
    convolution,
    core,
    embedding,
    merge,
    normalization,
    pooling,
)

LOWERINGS: Mapping[type[Layer], Lowering] = {
    layers.Dense: core.dense,
    layers.Flatten: core.flatten,
    layers.Reshape: core.reshape,
    layers.Dropout: core.dropout,
    layers.Conv2D: convolution.conv2d,
    layers.MaxPooling2D: pooling.max_pooling2d,
    layers.AveragePooling2D: pooling.average_pooling2d,
    layers.GlobalAveragePooling2D: pooling.global_average_pooling2d,
    layers.BatchNormalization: normalization.batch_normalization,
    layers.Add: merge.add,
    layers.Multiply: merge.multiply,
    layers.Concatenate: merge.concatenate,
    layers.Split: merge.split,
    layers.Embedding: embedding.embedding,
    layers.PositionEmbedding: embedding.position_embedding,
    layers.SinusoidalPosition: embedding.sinusoidal_position,
    layers.RotaryPosition: embedding.rotary_position,
    layers.LearnedTensor: embedding.parameter,
    layers.ConstantTensor: embedding.constant,
    layers.MultiHeadAttention: attention.attention,
    layers.GroupedQueryAttention: attention.attention,
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
