"""How Keras expresses each layer: the table of lowerings, and what Keras cannot do exactly."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec import layers
from nnspec.backend import Divergence, Rounding
from nnspec.emit.lowering import Lowering
from nnspec.layers import Layer
from nnspec_keras import (
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
    recurrent,
    reduction,
    transposed,
)

LOWERINGS: Mapping[type[Layer], Lowering] = {
    layers.Dense: core.dense,
    layers.Flatten: core.flatten,
    layers.Reshape: core.reshape,
    layers.Dropout: core.dropout,
    layers.Conv1D: convolution.convolution,
    layers.Conv2D: convolution.convolution,
    layers.Conv3D: convolution.convolution,
    layers.Conv1DTranspose: transposed.convolution_transpose,
    layers.Conv2DTranspose: transposed.convolution_transpose,
    layers.Conv3DTranspose: transposed.convolution_transpose,
    layers.DepthwiseConv1D: convolution.depthwise,
    layers.DepthwiseConv2D: convolution.depthwise,
    layers.SeparableConv1D: convolution.separable,
    layers.SeparableConv2D: convolution.separable,
    layers.MaxPooling2D: pooling.max_pooling2d,
    layers.AveragePooling2D: pooling.average_pooling2d,
    layers.GlobalAveragePooling2D: pooling.global_average_pooling2d,
    layers.BatchNormalization: normalization.batch_normalization,
    layers.Add: merge.merged("Add", "{} + {}"),
    layers.Subtract: merge.merged("Subtract", "{} - {}"),
    layers.Multiply: merge.merged("Multiply", "{} * {}"),
    layers.Divide: merge.divide,
    layers.Average: merge.merged("Average", ""),
    layers.Maximum: merge.merged("Maximum", "ops.maximum({}, {})"),
    layers.Minimum: merge.merged("Minimum", "ops.minimum({}, {})"),
    layers.Matmul: merge.matmul,
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
    layers.Sqrt: arithmetic.expression("ops.sqrt({0})"),
    layers.Exp: arithmetic.expression("ops.exp({0})"),
    layers.Log: arithmetic.expression("ops.log({0})"),
    layers.Abs: arithmetic.expression("ops.abs({0})"),
    layers.Negative: arithmetic.expression("-{0}"),
    layers.Reciprocal: arithmetic.expression("1.0 / {0}"),
    layers.Square: arithmetic.expression("ops.square({0})"),
    layers.Cast: arithmetic.cast,
    layers.ReduceSum: reduction.reduced("ops.sum"),
    layers.ReduceMean: reduction.reduced("ops.mean"),
    layers.ReduceMax: reduction.reduced("ops.max"),
    layers.ReduceMin: reduction.reduced("ops.min"),
    layers.ReduceVariance: reduction.reduced("ops.var"),
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
    layers.SimpleRNN: recurrent.recurrent,
    layers.LSTM: recurrent.recurrent,
    layers.GRU: recurrent.recurrent,
    layers.Bidirectional: recurrent.bidirectional,
    layers.Linear: activations.linear,
    layers.Relu: activations.named,
    layers.LeakyRelu: activations.leaky_relu,
    layers.Elu: activations.elu,
    layers.Sigmoid: activations.named,
    layers.Tanh: activations.named,
    layers.Softmax: activations.softmax,
    layers.Gelu: activations.gelu,
    layers.Silu: activations.named,
}

UNSUPPORTED: Mapping[type[Layer], str] = {}

ROUNDED: Mapping[type[Layer], Rounding] = {
    layers.LeakyRelu: Rounding(
        forward=6e-8,
        gradient=6e-8,
        reason="TensorFlow's LeakyRelu kernel takes its slope as a float32: 0.01 becomes "
        "0.00999999978, an error of 2.2e-10 of the input",
    ),
}

DIVERGENCES: Mapping[type[Layer], Divergence] = {}
