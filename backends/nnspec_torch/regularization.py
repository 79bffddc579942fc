"""Layers that are random in training, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered


def dropout(layer: layers.Dropout, context: Context) -> Lowered:
    """nn.Dropout."""
    return _of("nn.Dropout", "p", layer.rate)


def spatial_dropout1d(layer: layers.SpatialDropout1D, context: Context) -> Lowered:
    """nn.Dropout1d."""
    return _of("nn.Dropout1d", "p", layer.rate)


def spatial_dropout2d(layer: layers.SpatialDropout2D, context: Context) -> Lowered:
    """nn.Dropout2d."""
    return _of("nn.Dropout2d", "p", layer.rate)


def spatial_dropout3d(layer: layers.SpatialDropout3D, context: Context) -> Lowered:
    """nn.Dropout3d."""
    return _of("nn.Dropout3d", "p", layer.rate)


def alpha_dropout(layer: layers.AlphaDropout, context: Context) -> Lowered:
    """nn.AlphaDropout."""
    return _of("nn.AlphaDropout", "p", layer.rate)


def gaussian_dropout(layer: layers.GaussianDropout, context: Context) -> Lowered:
    """A helper: PyTorch has none."""
    return _of("GaussianDropout", "rate", layer.rate)


def gaussian_noise(layer: layers.GaussianNoise, context: Context) -> Lowered:
    """A helper: PyTorch has none."""
    return _of("GaussianNoise", "stddev", layer.stddev)


def _of(module: str, argument: str, value: float) -> Lowered:
    return Lowered("{module}({0})", call(module, (argument, float(value))))
