"""The numbers within the formula of a layer's derivative of which that is what is left.

Frameworks compute most derivatives from the result: 1 - y² of tanh, where y is nearly 1, loses what
is relative to 1. All are for layers whose result has the shape of what they take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec import layers
from nnspec.layers import Layer
from nnspec.layers.shapes import DataFormat
from nnspec.verification.normalized import Normalization, of_groups

if TYPE_CHECKING:
    from nnspec.backend import Array

Slope = Callable[[Any, "Array", "Array", Mapping[str, "Array"], DataFormat], "Array"]
"""(layer, its input, its result, its weights, data format) -> the size of these numbers.

One for each element; arrays have the batch axis first.
"""


def _one(layer: Layer, x: Array, y: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    return np.ones(x.shape)


def _square(layer: Layer, x: Array, y: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    """1 - y²: y, its square and the difference round."""
    return np.full(x.shape, 3.0)


def _softmax(
    layer: Layer, x: Array, y: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    """Y · (g - Σ g y): the product and the sum round."""
    return 2.0 * np.abs(y)


def _result(layer: Layer, x: Array, y: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    return np.abs(y)


def _root(layer: Layer, x: Array, y: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    """1 + |x|: of what is multiplied by x."""
    return 1.0 + np.abs(x)


def _below_zero(
    layer: Layer, x: Array, y: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    """Alpha, which is added to y below 0."""
    return np.where(x < 0, abs(getattr(layer, "alpha", 1.0)), 0.0)


def _selu(layer: Layer, x: Array, y: Array, weights: Mapping[str, Array], _: DataFormat) -> Array:
    return np.where(x < 0, 1.0507009873554805 * 1.6732632423543772, 0.0)


def _gelu(
    layer: layers.Gelu, x: Array, y: Array, weights: Mapping[str, Array], _: DataFormat
) -> Array:
    if not layer.approximate:
        return 1.0 + np.abs(x)
    return 1.0 + np.abs(x) * (1.0 + 0.134145 * np.square(x))


def _normalized(x: Array, axes: tuple[int, ...], epsilon: float, weight: Array | None) -> Array:
    """(g - mean g - x̂ mean(g x̂)) / √(σ² + epsilon), where x̂ has what is lost of x - μ."""
    deviation = np.sqrt(np.var(x, axis=axes, keepdims=True) + epsilon)
    largest = np.max(np.abs(x), axis=axes, keepdims=True) / deviation
    result = np.abs(x - np.mean(x, axis=axes, keepdims=True)) / deviation
    size: Array = (1.0 + result) * (1.0 + largest) / deviation
    if weight is not None:
        size = size * float(np.max(np.abs(weight), initial=0.0))
    return size


def _normalization(
    layer: Normalization,
    x: Array,
    y: Array,
    weights: Mapping[str, Array],
    data_format: DataFormat,
) -> Array:
    return of_groups(_normalized, layer, x, weights, data_format)


def _rms_norm(
    layer: layers.RmsNormalization,
    x: Array,
    y: Array,
    weights: Mapping[str, Array],
    _: DataFormat,
) -> Array:
    axes = tuple(range(x.ndim - len(layer.axis), x.ndim))
    root = np.sqrt(np.mean(np.square(x), axis=axes, keepdims=True) + layer.epsilon)
    size: Array = (1.0 + np.abs(x) / root) / root
    if "weight" in weights:
        size = size * float(np.max(np.abs(weights["weight"]), initial=0.0))
    return size


def _unit(
    layer: layers.UnitNormalization | layers.L2Normalize,
    x: Array,
    y: Array,
    weights: Mapping[str, Array],
    _: DataFormat,
) -> Array:
    axis = layer.axis if layer.axis < 0 else layer.axis + 1
    least = layer.epsilon if isinstance(layer, layers.UnitNormalization) else layer.epsilon**0.5
    length = np.sqrt(np.sum(np.square(x), axis=axis, keepdims=True))
    size: Array = (1.0 + np.abs(y)) / np.maximum(length, least)
    return size


SLOPES: dict[type[Layer], Slope] = {
    layers.BatchNormalization: _normalization,
    layers.Celu: _one,
    layers.Elu: _below_zero,
    layers.Gelu: _gelu,
    layers.GroupNormalization: _normalization,
    layers.HardSilu: _root,
    layers.InstanceNormalization: _normalization,
    layers.L2Normalize: _unit,
    layers.LayerNormalization: _normalization,
    layers.LogSoftmax: _one,
    layers.Mish: _root,
    layers.RmsNormalization: _rms_norm,
    layers.Selu: _selu,
    layers.Sigmoid: _result,
    layers.Silu: _root,
    layers.Softmax: _softmax,
    layers.Softmin: _softmax,
    layers.Squareplus: _one,
    layers.Tanh: _square,
    layers.TanhShrink: _square,
    layers.UnitNormalization: _unit,
}
"""Layers whose derivative may be far smaller than what it is computed from."""
