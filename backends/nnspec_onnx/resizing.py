"""Images made larger or smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec import layers
from nnspec.layers import PixelShuffle, PixelUnshuffle, Resize
from nnspec.layers.resizing import UpSampling
from nnspec.layers.shapes import Shape
from nnspec.layers.windows import spatial_sizes
from nnspec_onnx.context import Context, Values
from nnspec_onnx.resizing_any import resized
from nnspec_onnx.rows import Rows

if TYPE_CHECKING:
    from nnspec.backend import Array


def up_sampling(layer: UpSampling, context: Context) -> Values:
    """Resize by whole numbers."""
    scales = context.constant("scales", np.array([1.0, 1.0, *layer.size]), is_single=True)
    attributes: dict[str, Any] = {
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    return (context.node("Resize", *context.inputs, "", scales, mode="nearest", **attributes),)


def resize(layer: Resize, context: Context) -> Values:
    """Resize by powers of two; by other scales, what each position takes, as constants.

    ONNX Runtime and the reference evaluator compute positions in float32: exact for powers of two,
    and for others not even the same between the two. Nor is a bicubic one that makes images smaller
    left to Resize: ONNX Runtime moves it to channels last, and then cannot load it.
    """
    given = spatial_sizes("resize", context.shape, 2, context.data_format)
    wanted = layer.new_size(context.shape, context.data_format)
    if given == wanted:
        return context.inputs
    sizes = tuple(size for size in given if isinstance(size, int))
    target = tuple(size for size in wanted if isinstance(size, int))
    if len(sizes) < len(given):
        return _of_any_size(layer, context, given, wanted)
    is_exact = all(map(_is_power_of_two, sizes, target))
    is_exact = is_exact and not layer.align_corners and not layer.antialias
    grows = all(old <= new for old, new in zip(sizes, target, strict=True))
    if is_exact and (grows or layer.interpolation != "bicubic"):
        scales = np.array([1, 1, *(new / old for old, new in zip(sizes, target, strict=True))])
        attributes: dict[str, Any] = {"mode": _MODES[layer.interpolation]}
        if layer.interpolation == "nearest":
            attributes["nearest_mode"] = "round_prefer_ceil"
        constant = context.constant("scales", scales, is_single=True)
        return (context.node("Resize", *context.inputs, "", constant, **attributes),)
    (x,) = context.inputs
    changed = [axis for axis in (1, 0) if sizes[axis] != target[axis]]
    for axis in changed:
        part = "narrowed" if axis != changed[-1] else None
        x = _along(layer, context, x, axis, sizes[axis], target[axis], part)
    return (x,)


def _along(
    layer: Resize, context: Context, x: str, axis: int, old: int, new: int, part: str | None
) -> str:
    """Return x with another size along the rows, axis 0, or the columns."""
    name = ("rows", "columns")[axis]
    if layer.interpolation == "nearest":
        chosen = context.constant(name, _nearest(old, new))
        return context.node("Gather", x, chosen, axis=axis + 2, part=part)
    matrix = (_smooth if layer.antialias else _matrix)(layer, old, new)
    given = (x, context.constant(name, matrix.T)) if axis else (context.constant(name, matrix), x)
    return context.node("MatMul", *given, part=part)


def _of_any_size(layer: Resize, context: Context, given: Shape, wanted: Shape) -> Values:
    over, under = layer.fraction
    is_power = layer.scale is not None and under == 1 and over.bit_count() == 1
    if is_power and not layer.align_corners and not layer.antialias:
        scales = context.constant("scales", np.array([1.0, 1.0, over, over]), is_single=True)
        attributes: dict[str, Any] = {"mode": _MODES[layer.interpolation]}
        if layer.interpolation == "nearest":
            attributes["nearest_mode"] = "round_prefer_ceil"
        return (context.node("Resize", *context.inputs, "", scales, **attributes),)
    (x,) = context.inputs
    changed = [axis for axis in (1, 0) if given[axis] != wanted[axis]]
    for axis in changed:
        part = "narrowed" if axis != changed[-1] else None
        old, new = given[axis], wanted[axis]
        if isinstance(old, int) and isinstance(new, int):
            x = _along(layer, context, x, axis, old, new, part)
        else:
            x = resized(layer, context, x, axis + 2, (old, new), part)
    return (x,)


_MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}


def _is_power_of_two(old: int, new: int) -> bool:
    large, small = max(old, new), min(old, new)
    return large % small == 0 and (large // small).bit_count() == 1


def _nearest(old: int, new: int) -> Array:
    """Return what each position takes. In float32, as in PyTorch and TensorFlow, so as to agree."""
    centre = np.arange(new, dtype=np.float32) + np.float32(0.5)
    chosen = np.floor(centre * (np.float32(old) / np.float32(new)))
    return np.asarray(np.minimum(chosen, old - 1), dtype=np.int64)


def _matrix(layer: Resize, old: int, new: int) -> Array:
    """Return the weight of each old position in each new one: (new, old)."""
    i = np.arange(new)
    at = i * (old - 1) / max(new - 1, 1) if layer.align_corners else (i + 0.5) * old / new - 0.5
    matrix = np.zeros((new, old))
    for step in (-1, 0, 1, 2):
        near = np.floor(at) + step
        column = np.clip(near, 0, old - 1).astype(int)
        np.add.at(matrix, (i, column), _kernel(layer.interpolation, np.abs(at - near)))
    return matrix


def _smooth(layer: Resize, old: int, new: int) -> Array:
    """Return the same with antialias."""
    stretch = max(old / new, 1.0)
    centre = (np.arange(new)[:, None] + 0.5) * old / new - 0.5
    d = np.abs(np.arange(old) - centre) / stretch
    if layer.interpolation == "bilinear":
        matrix = np.maximum(1 - d, 0)
    else:
        far = np.where(d < 2, -0.5 * (((d - 5) * d + 8) * d - 4), 0)
        matrix = np.where(d < 1, (1.5 * d - 2.5) * d * d + 1, far)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


def _kernel(interpolation: str, d: Array) -> Array:
    """Return the weight of what lies `d` away."""
    if interpolation == "bilinear":
        return np.asarray(np.maximum(1 - d, 0))
    far = np.where(d < 2, -0.75 * (((d - 5) * d + 8) * d - 4), 0)
    return np.asarray(np.where(d <= 1, (1.25 * d - 2.25) * d * d + 1, far))


def pixel_shuffle(layer: PixelShuffle, context: Context) -> Values:
    """DepthToSpace, channels first of all."""
    return (
        context.node("DepthToSpace", *context.inputs, blocksize=layer.upscale_factor, mode="CRD"),
    )


def pixel_unshuffle(layer: PixelUnshuffle, context: Context) -> Values:
    """SpaceToDepth, and its channels put in order: it counts the places within a block first."""
    factor = layer.downscale_factor
    channels = context.shape[0]
    assert isinstance(channels, int)
    if channels == 1:
        return (context.node("SpaceToDepth", *context.inputs, blocksize=factor),)
    x = context.node("SpaceToDepth", *context.inputs, blocksize=factor, part="places")
    order = np.arange(channels * factor**2).reshape(-1, channels).T.reshape(-1)
    return (context.node("Gather", x, context.constant("order", order), axis=1),)


ROWS: Rows = {
    layers.UpSampling1D: up_sampling,
    layers.UpSampling2D: up_sampling,
    layers.Resize: resize,
    layers.PixelShuffle: pixel_shuffle,
    layers.PixelUnshuffle: pixel_unshuffle,
}
