"""The table of lowerings to Keras, and of layers that Keras cannot do exactly."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec import layers
from nnspec.backend import Divergence, Rounding
from nnspec.emit.lowering import Rows
from nnspec.layers import Layer
from nnspec_keras import (
    activations,
    arithmetic,
    arrangement,
    attention,
    convolution,
    core,
    embedding,
    gated,
    merge,
    normalization,
    padding,
    pooling,
    recurrent,
    reduction,
    regularization,
    resizing,
    transposed,
)

LOWERINGS: Rows = {
    **core.ROWS,
    **convolution.ROWS,
    **transposed.ROWS,
    **regularization.ROWS,
    **pooling.ROWS,
    **padding.ROWS,
    **resizing.ROWS,
    **normalization.ROWS,
    **gated.ROWS,
    **merge.ROWS,
    **embedding.ROWS,
    **attention.ROWS,
    **arithmetic.ROWS,
    **reduction.ROWS,
    **arrangement.ROWS,
    **recurrent.ROWS,
    **activations.ROWS,
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
