"""The table from layer to what it becomes in ONNX, and the layers that ONNX cannot express."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec import layers
from nnspec.layers.base import Layer
from nnspec.layers.global_pooling import GlobalPooling
from nnspec.layers.padding import Cropping, SpatialPadding
from nnspec_onnx import (
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
    rotary,
)
from nnspec_onnx.rows import Rows

LOWERINGS: Rows = {
    **core.ROWS,
    **convolution.ROWS,
    **pooling.ROWS,
    **padding.ROWS,
    **resizing.ROWS,
    **regularization.ROWS,
    **normalization.ROWS,
    **gated.ROWS,
    **merge.ROWS,
    **embedding.ROWS,
    **rotary.ROWS,
    **attention.ROWS,
    **arithmetic.ROWS,
    **reduction.ROWS,
    **arrangement.ROWS,
    **recurrent.ROWS,
    **activations.ROWS,
}

UNSUPPORTED: Mapping[type[Layer], str] = {}

ANY_LAYOUT: tuple[type[Layer], ...] = (Cropping, GlobalPooling, layers.Prelu, SpatialPadding)
"""Layers that are spatial elsewhere, and whose operators here take the channels on any axis."""
