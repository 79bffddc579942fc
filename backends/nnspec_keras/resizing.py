"""Images made larger or smaller in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import compact
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED
from nnspec.layers.resizing import UpSampling
from nnspec.layers.windows import spatial_sizes
from nnspec_keras.core import last_of


def up_sampling(layer: UpSampling, context: Context) -> Lowered:
    """layers.UpSampling."""
    given = ("size", compact(layer.size))
    return Lowered(CALLED, call(f"layers.UpSampling{layer.axes}D", given, **last_of(layer.axes)))


def resize(layer: layers.Resize, context: Context) -> Lowered:
    """A helper: layers.Resizing lets later layers train at inference.

    And its bicubic takes another cubic, its bilinear knows no aligned corners and computes in
    float32 whatever it is given.
    """
    given = context.inputs[0].shape
    size = layer.new_size(given, context.data_format)
    if any(isinstance(n, str) for n in spatial_sizes("resize", given, 2, context.data_format)):
        target = layer.fraction if layer.scale is not None else layer.size
        key = "scale" if layer.scale is not None else "size"
        settings: dict[str, object] = {key: target, "interpolation": layer.interpolation}
        if layer.align_corners:
            settings["align_corners"] = True
        if layer.antialias:
            settings["antialias"] = True
        return Lowered(CALLED, call("DynamicResize", **settings))
    if layer.interpolation == "nearest":
        return Lowered(CALLED, call("NearestResize", ("size", size)))
    if layer.antialias:
        # Its own computes in float32 whatever it is given.
        smooth = call("SmoothResize", ("size", size), interpolation=layer.interpolation)
        return Lowered(CALLED, smooth)
    keywords: dict[str, object] = {"interpolation": layer.interpolation}
    if layer.align_corners:
        keywords["align_corners"] = True
    return Lowered(CALLED, call("Resize", ("size", size), **keywords))


def pixel_shuffle(layer: layers.PixelShuffle, context: Context) -> Lowered:
    """A helper: Keras has no such layer, and TensorFlow's orders the channels otherwise."""
    return Lowered(CALLED, call("PixelShuffle", ("factor", layer.upscale_factor)))


def pixel_unshuffle(layer: layers.PixelUnshuffle, context: Context) -> Lowered:
    """A helper: Keras has no such layer, and TensorFlow's orders the channels otherwise."""
    return Lowered(CALLED, call("PixelUnshuffle", ("factor", layer.downscale_factor)))


ROWS: Rows = {
    layers.UpSampling1D: up_sampling,
    layers.UpSampling2D: up_sampling,
    layers.Resize: resize,
    layers.PixelShuffle: pixel_shuffle,
    layers.PixelUnshuffle: pixel_unshuffle,
}
