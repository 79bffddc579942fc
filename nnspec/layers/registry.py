"""The table from a layer's `type` to its class, each imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar

from nnspec.layers.fields import Frozen

FAMILIES: dict[str, dict[str, str]] = {
    "core": {"dense": "Dense", "flatten": "Flatten", "reshape": "Reshape"},
    "convolution": {"conv1d": "Conv1D", "conv2d": "Conv2D", "conv3d": "Conv3D"},
    "transposed": {
        "conv1d_transpose": "Conv1DTranspose",
        "conv2d_transpose": "Conv2DTranspose",
        "conv3d_transpose": "Conv3DTranspose",
    },
    "depthwise": {
        "depthwise_conv1d": "DepthwiseConv1D",
        "depthwise_conv2d": "DepthwiseConv2D",
        "separable_conv1d": "SeparableConv1D",
        "separable_conv2d": "SeparableConv2D",
    },
    "pooling": {
        "max_pooling1d": "MaxPooling1D",
        "max_pooling2d": "MaxPooling2D",
        "max_pooling3d": "MaxPooling3D",
    },
    "average_pooling": {
        "average_pooling1d": "AveragePooling1D",
        "average_pooling2d": "AveragePooling2D",
        "average_pooling3d": "AveragePooling3D",
    },
    "global_pooling": {
        "global_average_pooling1d": "GlobalAveragePooling1D",
        "global_average_pooling2d": "GlobalAveragePooling2D",
        "global_average_pooling3d": "GlobalAveragePooling3D",
        "global_max_pooling1d": "GlobalMaxPooling1D",
        "global_max_pooling2d": "GlobalMaxPooling2D",
        "global_max_pooling3d": "GlobalMaxPooling3D",
        "adaptive_average_pooling1d": "AdaptiveAveragePooling1D",
        "adaptive_average_pooling2d": "AdaptiveAveragePooling2D",
        "adaptive_max_pooling1d": "AdaptiveMaxPooling1D",
        "adaptive_max_pooling2d": "AdaptiveMaxPooling2D",
    },
    "padding": {
        "zero_padding1d": "ZeroPadding1D",
        "zero_padding2d": "ZeroPadding2D",
        "zero_padding3d": "ZeroPadding3D",
        "reflection_padding1d": "ReflectionPadding1D",
        "reflection_padding2d": "ReflectionPadding2D",
        "replication_padding1d": "ReplicationPadding1D",
        "replication_padding2d": "ReplicationPadding2D",
        "cropping1d": "Cropping1D",
        "cropping2d": "Cropping2D",
        "cropping3d": "Cropping3D",
    },
    "resizing": {
        "up_sampling1d": "UpSampling1D",
        "up_sampling2d": "UpSampling2D",
        "resize": "Resize",
        "pixel_shuffle": "PixelShuffle",
        "pixel_unshuffle": "PixelUnshuffle",
    },
    "batch_normalization": {"batch_normalization": "BatchNormalization"},
    "normalization": {
        "layer_normalization": "LayerNormalization",
        "rms_normalization": "RmsNormalization",
        "group_normalization": "GroupNormalization",
        "instance_normalization": "InstanceNormalization",
        "unit_normalization": "UnitNormalization",
        "local_response_normalization": "LocalResponseNormalization",
    },
    "regularization": {
        "dropout": "Dropout",
        "alpha_dropout": "AlphaDropout",
        "gaussian_dropout": "GaussianDropout",
        "gaussian_noise": "GaussianNoise",
        "sampling": "Sampling",
        "spatial_dropout1d": "SpatialDropout1D",
        "spatial_dropout2d": "SpatialDropout2D",
        "spatial_dropout3d": "SpatialDropout3D",
    },
    "embedding": {
        "embedding": "Embedding",
        "position_embedding": "PositionEmbedding",
        "sinusoidal_position": "SinusoidalPosition",
        "rotary_position": "RotaryPosition",
        "parameter": "LearnedTensor",
        "constant": "ConstantTensor",
    },
    "attention": {
        "multi_head_attention": "MultiHeadAttention",
        "grouped_query_attention": "GroupedQueryAttention",
    },
    "recurrent": {
        "simple_rnn": "SimpleRNN",
        "lstm": "LSTM",
        "gru": "GRU",
        "bidirectional": "Bidirectional",
    },
    "sharing": {"shared": "Shared", "tied_dense": "TiedDense"},
    "merge": {"add": "Add", "multiply": "Multiply"},
    "elementwise": {
        "subtract": "Subtract",
        "divide": "Divide",
        "average": "Average",
        "maximum": "Maximum",
        "minimum": "Minimum",
    },
    "joining": {"concatenate": "Concatenate", "split": "Split"},
    "products": {"matmul": "Matmul", "dot": "Dot"},
    "arithmetic": {
        "rescaling": "Rescaling",
        "clip": "Clip",
        "power": "Power",
        "sqrt": "Sqrt",
        "exp": "Exp",
        "log": "Log",
        "abs": "Abs",
        "negative": "Negative",
        "reciprocal": "Reciprocal",
        "square": "Square",
        "sin": "Sin",
        "cos": "Cos",
        "erf": "Erf",
        "sign": "Sign",
        "floor": "Floor",
        "ceil": "Ceil",
        "round": "Round",
        "floor_divide": "FloorDivide",
        "modulo": "Modulo",
        "cast": "Cast",
        "stop_gradient": "StopGradient",
    },
    "logic": {
        "equal": "Equal",
        "not_equal": "NotEqual",
        "greater": "Greater",
        "greater_equal": "GreaterEqual",
        "less": "Less",
        "less_equal": "LessEqual",
        "logical_and": "LogicalAnd",
        "logical_or": "LogicalOr",
        "logical_xor": "LogicalXor",
        "logical_not": "LogicalNot",
        "where": "Where",
    },
    "reduction": {
        "reduce_sum": "ReduceSum",
        "reduce_mean": "ReduceMean",
        "reduce_max": "ReduceMax",
        "reduce_min": "ReduceMin",
        "reduce_variance": "ReduceVariance",
        "reduce_norm": "ReduceNorm",
        "l2_normalize": "L2Normalize",
        "argmax": "Argmax",
    },
    "arrangement": {
        "permute": "Permute",
        "repeat_vector": "RepeatVector",
        "expand_dims": "ExpandDims",
        "squeeze": "Squeeze",
        "stack": "Stack",
        "slice": "Slice",
        "gather": "Gather",
        "flip": "Flip",
        "roll": "Roll",
        "repeat_elements": "RepeatElements",
        "tile": "Tile",
    },
    "indexing": {
        "one_hot": "OneHot",
        "cumsum": "Cumsum",
        "sort": "Sort",
        "argsort": "Argsort",
        "top_k": "TopK",
        "take": "Take",
        "take_along_axis": "TakeAlongAxis",
    },
    "positions": {
        "arange": "Arange",
        "coordinate_grid": "CoordinateGrid",
        "sequence_mask": "SequenceMask",
    },
    "gated": {"prelu": "Prelu", "glu": "Glu", "swiglu": "Swiglu"},
    "activations": {
        "linear": "Linear",
        "relu": "Relu",
        "sigmoid": "Sigmoid",
        "tanh": "Tanh",
        "softmax": "Softmax",
    },
    "linear_units": {
        "leaky_relu": "LeakyRelu",
        "elu": "Elu",
        "gelu": "Gelu",
        "silu": "Silu",
    },
    "rare_activations": {
        "log_softmax": "LogSoftmax",
        "softmin": "Softmin",
        "relu6": "Relu6",
        "selu": "Selu",
        "celu": "Celu",
        "mish": "Mish",
        "softplus": "Softplus",
        "softsign": "Softsign",
        "squareplus": "Squareplus",
        "exponential": "Exponential",
        "log_sigmoid": "LogSigmoid",
        "hard_sigmoid": "HardSigmoid",
        "hard_silu": "HardSilu",
        "hard_tanh": "HardTanh",
        "threshold": "Threshold",
        "soft_shrink": "SoftShrink",
        "hard_shrink": "HardShrink",
        "tanh_shrink": "TanhShrink",
    },
}
"""The layers by the file that holds them: `type` -> class."""
ACTIVATIONS = {
    family: FAMILIES[family] for family in ("activations", "linear_units", "rare_activations")
}
"""Those of them that other layers take as `activation`."""
INITIALIZERS = {
    "initializers": {
        "zeros": "Zeros",
        "ones": "Ones",
        "glorot_uniform": "GlorotUniform",
    },
    "plain_initializers": {"constant": "Constant", "normal": "Normal"},
    "rare_initializers": {
        "glorot_normal": "GlorotNormal",
        "he_uniform": "HeUniform",
        "he_normal": "HeNormal",
        "orthogonal": "Orthogonal",
    },
    "scaled_initializers": {
        "uniform": "Uniform",
        "truncated_normal": "TruncatedNormal",
        "lecun_uniform": "LecunUniform",
        "lecun_normal": "LecunNormal",
        "variance_scaling": "VarianceScaling",
        "identity": "Identity",
    },
}
"""The initializers, by the file that holds them."""

L = TypeVar("L", bound=Frozen)


class Table(Mapping[str, type[L]], Generic[L]):
    """The classes by `type`, each imported when it is first asked for."""

    def __init__(self, families: Mapping[str, Mapping[str, str]]) -> None:
        self._places = {
            kind: (family, name)
            for family, layers in families.items()
            for kind, name in layers.items()
        }
        self._classes: dict[str, type[L]] = {}

    def __getitem__(self, kind: str) -> type[L]:
        found = self._classes.get(kind)
        if found is None:
            family, name = self._places[kind]
            found = getattr(import_module(f"nnspec.layers.{family}"), name)
            self._classes[kind] = found
        return found

    def name_of(self, kind: str) -> str:
        """Return the name of a type's class, without importing it."""
        return self._places[kind][1]

    def __contains__(self, kind: object) -> bool:
        return kind in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class RowsOfFiles(Mapping[str, type[L]], Generic[L]):
    """The `ROWS` of a package's files, name -> class; files are read in order until one has it."""

    def __init__(self, package: str, *files: str) -> None:
        self.package = package
        self.files = files
        self._rows: dict[str, type[L]] = {}

    def __getitem__(self, name: str) -> type[L]:
        if name not in self._rows:
            self._read_until(name)
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        self._read_until(None)
        return iter(self._rows)

    def __len__(self) -> int:
        self._read_until(None)
        return len(self._rows)

    def _read_until(self, name: str | None) -> None:
        # From the first file each time: another thread may be reading one, and an import waits.
        for file in self.files:
            self._rows |= import_module(f"{self.package}.{file}").ROWS
            if name in self._rows:
                return
