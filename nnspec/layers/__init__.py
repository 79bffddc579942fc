"""The layers of the spec language, and the table from `type` to class."""

from nnspec.layers.activations import (
    Elu,
    Gelu,
    LeakyRelu,
    Linear,
    Relu,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from nnspec.layers.base import Activation, Layer, Parameter, Weighted
from nnspec.layers.convolution import Conv2D
from nnspec.layers.core import Dense, Dropout, Flatten, Reshape
from nnspec.layers.merge import Add, Concatenate, Multiply
from nnspec.layers.normalization import BatchNormalization
from nnspec.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D

ACTIVATIONS: dict[str, type[Activation]] = {
    "linear": Linear,
    "relu": Relu,
    "leaky_relu": LeakyRelu,
    "elu": Elu,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softmax": Softmax,
    "gelu": Gelu,
    "silu": Silu,
}

LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "conv2d": Conv2D,
    "max_pooling2d": MaxPooling2D,
    "average_pooling2d": AveragePooling2D,
    "global_average_pooling2d": GlobalAveragePooling2D,
    "flatten": Flatten,
    "reshape": Reshape,
    "dropout": Dropout,
    "batch_normalization": BatchNormalization,
    "add": Add,
    "multiply": Multiply,
    "concatenate": Concatenate,
    **ACTIVATIONS,
}

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "Activation",
    "Add",
    "AveragePooling2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Dense",
    "Dropout",
    "Elu",
    "Flatten",
    "Gelu",
    "GlobalAveragePooling2D",
    "Layer",
    "LeakyRelu",
    "Linear",
    "MaxPooling2D",
    "Multiply",
    "Parameter",
    "Relu",
    "Reshape",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Tanh",
    "Weighted",
]
