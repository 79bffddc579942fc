"""Images made larger or smaller in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call, literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.resizing import UpSampling
from nnspec_torch.core import compact

_MODES = {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic"}
"""Interpolation -> mode; PyTorch's "nearest" has no half-pixel centres."""


def up_sampling(layer: UpSampling, context: Context) -> Lowered:
    """nn.Upsample."""
    return Lowered("{module}({0})", call("nn.Upsample", scale_factor=compact(layer.size)))


def resize(layer: layers.Resize, context: Context) -> Lowered:
    """F.interpolate."""
    arguments = f"size={literal(layer.size)}, mode={literal(_MODES[layer.interpolation])}"
    if layer.align_corners:
        arguments += ", align_corners=True"
    return Lowered(f"F.interpolate({{0}}, {arguments})")


def pixel_shuffle(layer: layers.PixelShuffle, context: Context) -> Lowered:
    """nn.PixelShuffle."""
    module = call("nn.PixelShuffle", ("upscale_factor", layer.upscale_factor))
    return Lowered("{module}({0})", module)


def pixel_unshuffle(layer: layers.PixelUnshuffle, context: Context) -> Lowered:
    """nn.PixelUnshuffle."""
    module = call("nn.PixelUnshuffle", ("downscale_factor", layer.downscale_factor))
    return Lowered("{module}({0})", module)
