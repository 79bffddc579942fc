"""The layers of the spec language, and the table from `type` to class.

A family's file is imported when one of its layers is first used: a spec needs few of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from nnspec.layers.activations import (
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
    from nnspec.layers.arithmetic import (
        Abs,
        Cast,
        Clip,
        Exp,
        Log,
        Negative,
        Power,
        Reciprocal,
        Rescaling,
        Sqrt,
        Square,
    )
    from nnspec.layers.arrangement import (
        ExpandDims,
        Flip,
        Gather,
        Permute,
        RepeatElements,
        RepeatVector,
        Roll,
        Slice,
        Squeeze,
        Stack,
        Tile,
    )
    from nnspec.layers.attention import GroupedQueryAttention, MultiHeadAttention
    from nnspec.layers.base import Activation, Layer, Parameter, Weighted
    from nnspec.layers.convolution import Conv1D, Conv2D, Conv3D
    from nnspec.layers.core import Dense, Flatten, Reshape
    from nnspec.layers.depthwise import (
        DepthwiseConv1D,
        DepthwiseConv2D,
        SeparableConv1D,
        SeparableConv2D,
    )
    from nnspec.layers.embedding import (
        ConstantTensor,
        Embedding,
        LearnedTensor,
        PositionEmbedding,
        RotaryPosition,
        SinusoidalPosition,
    )
    from nnspec.layers.gated import Glu, Prelu, Swiglu
    from nnspec.layers.merge import (
        Add,
        Average,
        Concatenate,
        Divide,
        Dot,
        Matmul,
        Maximum,
        Minimum,
        Multiply,
        Split,
        Subtract,
    )
    from nnspec.layers.normalization import (
        BatchNormalization,
        GroupNormalization,
        InstanceNormalization,
        LayerNormalization,
        RmsNormalization,
        UnitNormalization,
    )
    from nnspec.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
    from nnspec.layers.recurrent import GRU, LSTM, Bidirectional, SimpleRNN
    from nnspec.layers.reduction import (
        Argmax,
        L2Normalize,
        ReduceMax,
        ReduceMean,
        ReduceMin,
        ReduceNorm,
        ReduceSum,
        ReduceVariance,
    )
    from nnspec.layers.regularization import (
        AlphaDropout,
        Dropout,
        GaussianDropout,
        GaussianNoise,
        SpatialDropout1D,
        SpatialDropout2D,
        SpatialDropout3D,
    )
    from nnspec.layers.sharing import Shared, TiedDense
    from nnspec.layers.transposed import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose

_ACTIVATIONS = {
    "linear": "activations.Linear",
    "relu": "activations.Relu",
    "leaky_relu": "activations.LeakyRelu",
    "elu": "activations.Elu",
    "sigmoid": "activations.Sigmoid",
    "tanh": "activations.Tanh",
    "softmax": "activations.Softmax",
    "gelu": "activations.Gelu",
    "silu": "activations.Silu",
    "log_softmax": "activations.LogSoftmax",
    "softmin": "activations.Softmin",
    "relu6": "activations.Relu6",
    "selu": "activations.Selu",
    "celu": "activations.Celu",
    "mish": "activations.Mish",
    "softplus": "activations.Softplus",
    "softsign": "activations.Softsign",
    "squareplus": "activations.Squareplus",
    "exponential": "activations.Exponential",
    "log_sigmoid": "activations.LogSigmoid",
    "hard_sigmoid": "activations.HardSigmoid",
    "hard_silu": "activations.HardSilu",
    "hard_tanh": "activations.HardTanh",
    "threshold": "activations.Threshold",
    "soft_shrink": "activations.SoftShrink",
    "hard_shrink": "activations.HardShrink",
    "tanh_shrink": "activations.TanhShrink",
}
_LAYERS = {
    "dense": "core.Dense",
    "conv1d": "convolution.Conv1D",
    "conv2d": "convolution.Conv2D",
    "conv3d": "convolution.Conv3D",
    "conv1d_transpose": "transposed.Conv1DTranspose",
    "conv2d_transpose": "transposed.Conv2DTranspose",
    "conv3d_transpose": "transposed.Conv3DTranspose",
    "depthwise_conv1d": "depthwise.DepthwiseConv1D",
    "depthwise_conv2d": "depthwise.DepthwiseConv2D",
    "separable_conv1d": "depthwise.SeparableConv1D",
    "separable_conv2d": "depthwise.SeparableConv2D",
    "max_pooling2d": "pooling.MaxPooling2D",
    "average_pooling2d": "pooling.AveragePooling2D",
    "global_average_pooling2d": "pooling.GlobalAveragePooling2D",
    "flatten": "core.Flatten",
    "reshape": "core.Reshape",
    "dropout": "regularization.Dropout",
    "alpha_dropout": "regularization.AlphaDropout",
    "gaussian_dropout": "regularization.GaussianDropout",
    "gaussian_noise": "regularization.GaussianNoise",
    "spatial_dropout1d": "regularization.SpatialDropout1D",
    "spatial_dropout2d": "regularization.SpatialDropout2D",
    "spatial_dropout3d": "regularization.SpatialDropout3D",
    "batch_normalization": "normalization.BatchNormalization",
    "layer_normalization": "normalization.LayerNormalization",
    "rms_normalization": "normalization.RmsNormalization",
    "group_normalization": "normalization.GroupNormalization",
    "instance_normalization": "normalization.InstanceNormalization",
    "unit_normalization": "normalization.UnitNormalization",
    "prelu": "gated.Prelu",
    "glu": "gated.Glu",
    "swiglu": "gated.Swiglu",
    "add": "merge.Add",
    "multiply": "merge.Multiply",
    "concatenate": "merge.Concatenate",
    "split": "merge.Split",
    "embedding": "embedding.Embedding",
    "position_embedding": "embedding.PositionEmbedding",
    "sinusoidal_position": "embedding.SinusoidalPosition",
    "rotary_position": "embedding.RotaryPosition",
    "parameter": "embedding.LearnedTensor",
    "constant": "embedding.ConstantTensor",
    "shared": "sharing.Shared",
    "tied_dense": "sharing.TiedDense",
    "multi_head_attention": "attention.MultiHeadAttention",
    "grouped_query_attention": "attention.GroupedQueryAttention",
    "subtract": "merge.Subtract",
    "divide": "merge.Divide",
    "average": "merge.Average",
    "maximum": "merge.Maximum",
    "minimum": "merge.Minimum",
    "matmul": "merge.Matmul",
    "dot": "merge.Dot",
    "rescaling": "arithmetic.Rescaling",
    "clip": "arithmetic.Clip",
    "power": "arithmetic.Power",
    "sqrt": "arithmetic.Sqrt",
    "exp": "arithmetic.Exp",
    "log": "arithmetic.Log",
    "abs": "arithmetic.Abs",
    "negative": "arithmetic.Negative",
    "reciprocal": "arithmetic.Reciprocal",
    "square": "arithmetic.Square",
    "cast": "arithmetic.Cast",
    "reduce_sum": "reduction.ReduceSum",
    "reduce_mean": "reduction.ReduceMean",
    "reduce_max": "reduction.ReduceMax",
    "reduce_min": "reduction.ReduceMin",
    "reduce_variance": "reduction.ReduceVariance",
    "reduce_norm": "reduction.ReduceNorm",
    "l2_normalize": "reduction.L2Normalize",
    "argmax": "reduction.Argmax",
    "permute": "arrangement.Permute",
    "repeat_vector": "arrangement.RepeatVector",
    "expand_dims": "arrangement.ExpandDims",
    "squeeze": "arrangement.Squeeze",
    "stack": "arrangement.Stack",
    "slice": "arrangement.Slice",
    "gather": "arrangement.Gather",
    "flip": "arrangement.Flip",
    "roll": "arrangement.Roll",
    "repeat_elements": "arrangement.RepeatElements",
    "tile": "arrangement.Tile",
    "simple_rnn": "recurrent.SimpleRNN",
    "lstm": "recurrent.LSTM",
    "gru": "recurrent.GRU",
    "bidirectional": "recurrent.Bidirectional",
    **_ACTIVATIONS,
}
_HOMES = {
    **{place.partition(".")[2]: place.partition(".")[0] for place in _LAYERS.values()},
    "Activation": "base",
    "Layer": "base",
    "Parameter": "base",
    "Weighted": "base",
}

L = TypeVar("L")


class Table(Mapping[str, type[L]], Generic[L]):
    """The classes by `type`, each imported when it is first asked for."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._classes: dict[str, type[L]] = {}

    def __getitem__(self, kind: str) -> type[L]:
        found = self._classes.get(kind)
        if found is None:
            family, _, name = self._places[kind].partition(".")
            found = getattr(import_module(f"nnspec.layers.{family}"), name)
            self._classes[kind] = found
        return found

    def __contains__(self, kind: object) -> bool:
        return kind in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


ACTIVATIONS: Table[Activation] = Table(_ACTIVATIONS)
LAYERS: Table[Layer] = Table(_LAYERS)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"nnspec.layers.{_HOMES[name]}"), name)


__all__ = [
    "ACTIVATIONS",
    "GRU",
    "LAYERS",
    "LSTM",
    "Abs",
    "Activation",
    "Add",
    "AlphaDropout",
    "Argmax",
    "Average",
    "AveragePooling2D",
    "BatchNormalization",
    "Bidirectional",
    "Cast",
    "Celu",
    "Clip",
    "Concatenate",
    "ConstantTensor",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Divide",
    "Dot",
    "Dropout",
    "Elu",
    "Embedding",
    "Exp",
    "ExpandDims",
    "Exponential",
    "Flatten",
    "Flip",
    "Gather",
    "GaussianDropout",
    "GaussianNoise",
    "Gelu",
    "GlobalAveragePooling2D",
    "Glu",
    "GroupNormalization",
    "GroupedQueryAttention",
    "HardShrink",
    "HardSigmoid",
    "HardSilu",
    "HardTanh",
    "InstanceNormalization",
    "L2Normalize",
    "Layer",
    "LayerNormalization",
    "LeakyRelu",
    "LearnedTensor",
    "Linear",
    "Log",
    "LogSigmoid",
    "LogSoftmax",
    "Matmul",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Mish",
    "MultiHeadAttention",
    "Multiply",
    "Negative",
    "Parameter",
    "Permute",
    "PositionEmbedding",
    "Power",
    "Prelu",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceNorm",
    "ReduceSum",
    "ReduceVariance",
    "Relu",
    "Relu6",
    "RepeatElements",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "RmsNormalization",
    "Roll",
    "RotaryPosition",
    "Selu",
    "SeparableConv1D",
    "SeparableConv2D",
    "Shared",
    "Sigmoid",
    "Silu",
    "SimpleRNN",
    "SinusoidalPosition",
    "Slice",
    "SoftShrink",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softsign",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "Split",
    "Sqrt",
    "Square",
    "Squareplus",
    "Squeeze",
    "Stack",
    "Subtract",
    "Swiglu",
    "Tanh",
    "TanhShrink",
    "Threshold",
    "TiedDense",
    "Tile",
    "UnitNormalization",
    "Weighted",
]
