"""The numbers that a normalisation takes together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec import layers
from nnspec.layers.base import channel_axis
from nnspec.layers.shapes import DataFormat

if TYPE_CHECKING:
    from nnspec.backend import Array

Normalization = (
    layers.BatchNormalization
    | layers.GroupNormalization
    | layers.InstanceNormalization
    | layers.LayerNormalization
)
Sized = Callable[["Array", tuple[int, ...], float, "Array | None"], "Array"]
"""(numbers, axes that are taken together, epsilon, weight or None) -> a size for each number."""


def of_groups(
    size: Sized,
    layer: Normalization,
    x: Array,
    weights: Mapping[str, Array],
    data_format: DataFormat,
) -> Array:
    """Return `size` of what the layer takes, in the shape of x: (batch, ...)."""
    weight = weights.get("weight")
    if isinstance(layer, layers.LayerNormalization):
        last = tuple(range(x.ndim - len(layer.axis), x.ndim))
        order = layer.order(x.shape[1:])
        if order is None:
            return size(x, last, layer.epsilon, weight)
        turned = (0, *(axis + 1 for axis in order))
        sizes = size(x.transpose(turned), last, layer.epsilon, weight)
        return sizes.transpose(np.argsort(turned))
    channel = channel_axis(x.ndim - 1, data_format) + 1
    if isinstance(layer, layers.GroupNormalization):
        first = np.moveaxis(x, channel, 1)
        grouped = size(first.reshape(len(x), layer.groups, -1), (2,), layer.epsilon, weight)
        return np.moveaxis(grouped.reshape(first.shape), 1, channel)
    start = 0 if isinstance(layer, layers.BatchNormalization) else 1
    axes = tuple(axis for axis in range(start, x.ndim) if axis != channel)
    return size(x, axes, layer.epsilon, weight)
