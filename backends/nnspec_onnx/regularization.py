"""Layers that are random in training."""

from __future__ import annotations

from nnspec import layers
from nnspec.layers import Layer, Sampling
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows


def nothing(layer: Layer, context: Context) -> Values:
    """Nothing: none of them changes anything at inference."""
    return context.inputs


def mean(layer: Sampling, context: Context) -> Values:
    """The mean: nothing is drawn at inference."""
    return context.inputs[:1]


ROWS: Rows = {
    layers.Dropout: nothing,
    layers.AlphaDropout: nothing,
    layers.GaussianDropout: nothing,
    layers.GaussianNoise: nothing,
    layers.Sampling: mean,
    layers.SpatialDropout1D: nothing,
    layers.SpatialDropout2D: nothing,
    layers.SpatialDropout3D: nothing,
}
