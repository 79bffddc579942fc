"""Images made larger or smaller in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import compact
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, Expression, Name, X, apply
from nnspec.layers.resizing import UpSampling

_MODES = {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic"}
"""Interpolation -> mode; PyTorch's "nearest" has no half-pixel centres."""


def up_sampling(layer: UpSampling, context: Context) -> Lowered:
    """nn.Upsample."""
    return Lowered(CALLED, call("nn.Upsample", scale_factor=compact(layer.size)))


def resize(layer: layers.Resize, context: Context) -> Lowered:
    """F.interpolate."""
    over, under = layer.fraction
    sizes: list[object] = []
    for axis, new in enumerate(layer.new_size(context.inputs[0].shape, context.data_format), 2):
        if isinstance(new, int):
            sizes.append(new)
            continue
        old: Expression = X.attribute("shape")[axis]
        whole = old * over if over > 1 else old
        sizes.append(whole // under if under > 1 else whole)
    size = tuple(sizes)
    keywords: dict[str, object] = {"size": size, "mode": _MODES[layer.interpolation]}
    if layer.align_corners:
        keywords["align_corners"] = True
    image: Expression = X
    if layer.antialias:
        keywords["antialias"] = True
        if not isinstance(sizes[-1], int) or sizes[-1] == 1:
            # To a width of 1 it gives every row the first one's values, channels last apart.
            image = X.method("contiguous", memory_format=Name("torch.channels_last"))
    return Lowered(apply("F.interpolate", image, **keywords))


def pixel_shuffle(layer: layers.PixelShuffle, context: Context) -> Lowered:
    """nn.PixelShuffle."""
    return Lowered(CALLED, call("nn.PixelShuffle", ("upscale_factor", layer.upscale_factor)))


def pixel_unshuffle(layer: layers.PixelUnshuffle, context: Context) -> Lowered:
    """nn.PixelUnshuffle."""
    return Lowered(CALLED, call("nn.PixelUnshuffle", ("downscale_factor", layer.downscale_factor)))


ROWS: Rows = {
    layers.UpSampling1D: up_sampling,
    layers.UpSampling2D: up_sampling,
    layers.Resize: resize,
    layers.PixelShuffle: pixel_shuffle,
    layers.PixelUnshuffle: pixel_unshuffle,
}
