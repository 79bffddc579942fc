"""Layers that are random in training, in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered


def dropout(layer: layers.Dropout, context: Context) -> Lowered:
    """layers.Dropout."""
    return _of("layers.Dropout", "rate", layer.rate)


def spatial_dropout1d(layer: layers.SpatialDropout1D, context: Context) -> Lowered:
    """layers.SpatialDropout1D."""
    return _of("layers.SpatialDropout1D", "rate", layer.rate)


def spatial_dropout2d(layer: layers.SpatialDropout2D, context: Context) -> Lowered:
    """layers.SpatialDropout2D."""
    return _of("layers.SpatialDropout2D", "rate", layer.rate)


def spatial_dropout3d(layer: layers.SpatialDropout3D, context: Context) -> Lowered:
    """layers.SpatialDropout3D."""
    return _of("layers.SpatialDropout3D", "rate", layer.rate)


def alpha_dropout(layer: layers.AlphaDropout, context: Context) -> Lowered:
    """layers.AlphaDropout."""
    return _of("layers.AlphaDropout", "rate", layer.rate)


def gaussian_dropout(layer: layers.GaussianDropout, context: Context) -> Lowered:
    """layers.GaussianDropout."""
    return _of("layers.GaussianDropout", "rate", layer.rate)


def gaussian_noise(layer: layers.GaussianNoise, context: Context) -> Lowered:
    """layers.GaussianNoise."""
    return _of("layers.GaussianNoise", "stddev", layer.stddev)


def _of(module: str, argument: str, value: float) -> Lowered:
    return Lowered("{module}({0})", call(module, (argument, float(value))))
