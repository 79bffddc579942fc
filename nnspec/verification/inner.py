"""The numbers within a layer's formula of which the result is what is left.

Rounding in the formula is relative to them, and not to the result: x - tanh(x) of a small x is a
small difference of larger numbers. All are for one computation of the layer as it is documented;
a framework that computes it otherwise is better or as good.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec import layers
from nnspec.layers import Layer
from nnspec.layers.base import spatial_axes
from nnspec.layers.global_pooling import GlobalPooling
from nnspec.layers.shapes import DataFormat
from nnspec.verification.normalized import Normalization, of_groups

if TYPE_CHECKING:
    from nnspec.backend import Array

Inner = Callable[[Any, "Array", Mapping[str, "Array"], DataFormat], "Array"]
"""(layer, its input, its weights, data format) -> the size of these numbers, for each element.

Arrays have the batch axis first.
"""


def _itself(layer: Layer, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    return np.abs(x)


def _one_below_zero(layer: Layer, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    """exp(x) - 1, or log(1 + exp(x)): what is added to 1, or taken from it."""
    scale = abs(getattr(layer, "alpha", 1.0))
    return np.where(x < 0, max(scale, 1.0), 0.0)


def _selu(layer: Layer, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    return np.where(x < 0, 1.0507009873554805 * 1.6732632423543772, 0.0)


def _sigmoid(layer: Layer, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    """1/2 and what is left of it: ONNX Runtime computes it so, and others by an exponential."""
    return np.where(x < 0, 1.0, 0.0)


def _silu(layer: Layer, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    return np.where(x < 0, -x, 0.0)


def _glu(layer: layers.Glu, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    value, gate = _halves(layer, x)
    return np.where(gate < 0, np.abs(value), 0.0)


def _swiglu(layer: layers.Swiglu, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    bent, gate = _halves(layer, x)
    return np.where(bent < 0, np.abs(bent * gate), 0.0)


def _halves(layer: layers.Glu | layers.Swiglu, x: Array) -> list[Array]:
    return np.split(x, 2, axis=layer.axis if layer.axis < 0 else layer.axis + 1)


def _log_sigmoid(layer: Layer, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    return np.where(x > 0, 1.0, 0.0)


def _log_softmax(
    layer: layers.LogSoftmax, x: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    axis = layer.axis if layer.axis < 0 else layer.axis + 1
    inner: Array = np.abs(x) + np.max(np.abs(x), axis=axis, keepdims=True)
    return inner


def _squareplus(
    layer: layers.Squareplus, x: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    return np.where(x < 0, np.sqrt(np.square(x) + layer.b), 0.0)


def _rescaling(
    layer: layers.Rescaling, x: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    inner: Array = np.abs(x * layer.scale) + abs(layer.offset)
    return inner


def _variance(
    layer: layers.ReduceVariance, x: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    axes = tuple(axis + 1 for axis in layer.resolved(x.shape[1:]))
    squares = np.square(x)
    largest: Array = np.max(squares, axis=axes, keepdims=layer.keepdims)
    return np.maximum(largest, _summed(squares, axes, keepdims=layer.keepdims) / _count(x, axes))


def _length(
    layer: layers.ReduceNorm, x: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    axes = tuple(axis + 1 for axis in layer.resolved(x.shape[1:]))
    squares = np.square(x)
    length = np.sqrt(np.sum(squares, axis=axes, keepdims=layer.keepdims) + layer.epsilon)
    inner: Array = _summed(squares, axes, keepdims=layer.keepdims) / (2 * length)
    return inner


def _of_length_1(
    layer: layers.L2Normalize | layers.UnitNormalization,
    x: Array,
    weights: Mapping[str, Array],
    _: DataFormat,
) -> Array:
    return _over_length(x, (layer.axis % (x.ndim - 1) + 1,))


def _rms_norm(
    layer: layers.RmsNormalization, x: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    axes = tuple(range(x.ndim - len(layer.axis), x.ndim))
    scale = math.sqrt(_count(x, axes)) * float(np.max(np.abs(weights["weight"])))
    return scale * _over_length(x, axes)


def _over_length(x: Array, axes: tuple[int, ...]) -> Array:
    """Half of what the sum of the squares is off, relative to that sum, times |x| / √Σx²."""
    squares = np.square(x)
    total = np.sum(squares, axis=axes, keepdims=True)
    total = np.where(total > 0, total, 1.0)
    inner: Array = np.abs(x) * _summed(squares, axes, keepdims=True) / (2 * total**1.5)
    return inner


def _global_mean(
    layer: GlobalPooling, x: Array, weights: Mapping[str, Array], data_format: DataFormat
) -> Array:
    axes = tuple(axis + 1 for axis in spatial_axes(x.ndim - 1, data_format))
    return _summed(x, axes, keepdims=layer.keepdims) / _count(x, axes)


def _mean(
    layer: layers.ReduceMean, x: Array, weights: Mapping[str, Array], data_format: DataFormat
) -> Array:
    axes = tuple(axis + 1 for axis in layer.resolved(x.shape[1:]))
    return _summed(x, axes, keepdims=layer.keepdims) / _count(x, axes)


def _sum(
    layer: layers.ReduceSum, x: Array, weights: Mapping[str, Array], data_format: DataFormat
) -> Array:
    axes = tuple(axis + 1 for axis in layer.resolved(x.shape[1:]))
    return _summed(x, axes, keepdims=layer.keepdims)


def _so_far(layer: layers.Cumsum, x: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    axis = layer.axis % (x.ndim - 1) + 1
    inner: Array = np.sqrt(np.cumsum(np.square(np.cumsum(x, axis)), axis))
    return inner


def _count(x: Array, axes: tuple[int, ...]) -> int:
    return math.prod(x.shape[axis] for axis in axes)


def _summed(x: Array, axes: tuple[int, ...], *, keepdims: bool) -> Array:
    """The sums so far, one term after the other, each rounded; their roundings add like noise."""
    shape = [
        1 if axis in axes else size
        for axis, size in enumerate(x.shape)
        if keepdims or axis not in axes
    ]
    rows = np.moveaxis(x, axes, range(-len(axes), 0))
    so_far = np.cumsum(rows.reshape(*rows.shape[: x.ndim - len(axes)], -1), axis=-1)
    inner: Array = np.sqrt(np.sum(np.square(so_far), axis=-1)).reshape(shape)
    return inner


def _normalized(x: Array, axes: tuple[int, ...], epsilon: float, weight: Array | None) -> Array:
    """(x - μ) / √(σ² + epsilon): the numbers that vary, and their squares where μ² is taken off."""
    largest = np.max(np.abs(x), axis=axes, keepdims=True)
    variance = np.var(x, axis=axes, keepdims=True) + epsilon
    result = np.abs(x - np.mean(x, axis=axes, keepdims=True)) / np.sqrt(variance)
    inner: Array = largest / np.sqrt(variance) + 0.5 * np.square(largest) / variance * result
    if weight is not None:
        inner *= float(np.max(np.abs(weight)))
    return inner


def _normalization(
    layer: Normalization, x: Array, weights: Mapping[str, Array], data_format: DataFormat
) -> Array:
    return of_groups(_normalized, layer, x, weights, data_format)


def _resized(
    layer: layers.Resize, x: Array, weights: Mapping[str, Array], data_format: DataFormat
) -> Array:
    """The numbers beside a place: a place is rounded, and so is what weighs an element by it.

    Where a place is that of an element, others weigh 0, and after rounding a little.
    """
    if layer.interpolation == "nearest":
        return np.zeros(1)
    axes = tuple(axis + 1 for axis in spatial_axes(x.ndim - 1, data_format))
    sizes = layer.new_size(x.shape[1:], data_format)
    near = np.abs(x)
    for axis, size in zip(axes, sizes, strict=True):
        near = _most_beside(layer, near, axis, int(size))
    inner: Array = near * sum(4 + x.shape[axis] for axis in axes)
    return inner


def _most_beside(layer: layers.Resize, x: Array, axis: int, size: int) -> Array:
    """Return along one axis the largest number that may weigh for each new place."""
    count = x.shape[axis]
    if layer.align_corners:
        centers = np.arange(size) * (count - 1) / max(size - 1, 1)
    else:
        centers = (np.arange(size) + 0.5) * count / size - 0.5
    reach = (3 if layer.interpolation == "bicubic" else 2) * max(count / size, 1.0)
    first, last = (
        np.clip(ends, 0, count - 1).astype(int)
        for ends in (np.floor(centers - reach), np.ceil(centers + reach))
    )
    found = [
        np.max(x.take(range(start, end + 1), axis), axis=axis)
        for start, end in zip(first.tolist(), last.tolist(), strict=True)
    ]
    return np.stack(found, axis=axis)


INNER: dict[type[Layer], Inner] = {
    layers.Celu: _one_below_zero,
    layers.Cumsum: _so_far,
    layers.Elu: _one_below_zero,
    layers.Gelu: _itself,
    layers.GlobalAveragePooling1D: _global_mean,
    layers.GlobalAveragePooling2D: _global_mean,
    layers.GlobalAveragePooling3D: _global_mean,
    layers.Glu: _glu,
    layers.GroupNormalization: _normalization,
    layers.HardSilu: _itself,
    layers.InstanceNormalization: _normalization,
    layers.L2Normalize: _of_length_1,
    layers.LayerNormalization: _normalization,
    layers.LogSigmoid: _log_sigmoid,
    layers.LogSoftmax: _log_softmax,
    layers.Mish: _itself,
    layers.ReduceMean: _mean,
    layers.ReduceNorm: _length,
    layers.ReduceSum: _sum,
    layers.ReduceVariance: _variance,
    layers.Rescaling: _rescaling,
    layers.Resize: _resized,
    layers.RmsNormalization: _rms_norm,
    layers.Selu: _selu,
    layers.Sigmoid: _sigmoid,
    layers.Silu: _silu,
    layers.SoftShrink: _itself,
    layers.Softplus: _one_below_zero,
    layers.Squareplus: _squareplus,
    layers.Swiglu: _swiglu,
    layers.TanhShrink: _itself,
    layers.UnitNormalization: _of_length_1,
}
"""Layers whose result may be far smaller than what it is computed from."""

SQUARING: tuple[type[Layer], ...] = (
    layers.BatchNormalization,
    layers.GroupNormalization,
    layers.InstanceNormalization,
    layers.L2Normalize,
    layers.LayerNormalization,
    layers.LocalResponseNormalization,
    layers.ReduceNorm,
    layers.ReduceVariance,
    layers.RmsNormalization,
    layers.UnitNormalization,
)
"""Layers whose formula has the squares of what they take."""
