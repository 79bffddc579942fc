"""Pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec import layers
from nnspec.layers.average_pooling import AveragePooling
from nnspec.layers.base import spatial_axes
from nnspec.layers.global_pooling import AdaptivePooling, GlobalPooling
from nnspec.layers.pooling import MaxPooling
from nnspec_onnx.bins import bins_of, largest, means
from nnspec_onnx.context import Context, Values
from nnspec_onnx.convolution import flat_pads, pad_by_size
from nnspec_onnx.rows import Rows

if TYPE_CHECKING:
    from nnspec.backend import Array


def max_pooling(layer: MaxPooling, context: Context) -> Values:
    """MaxPool with explicit pads."""
    if layer.pads_by_size(context.shape, context.data_format):
        x = pad_by_size(context, layer.pool_size, layer.steps, float("-inf"))
        return (context.node("MaxPool", x, kernel_shape=layer.pool_size, strides=layer.steps),)
    output = context.node(
        "MaxPool",
        *context.inputs,
        kernel_shape=layer.pool_size,
        strides=layer.steps,
        pads=flat_pads(layer.whole_pads(context.shape, context.data_format)),
    )
    return (output,)


def average_pooling(layer: AveragePooling, context: Context) -> Values:
    """AveragePool with explicit pads; what hangs over counts in none."""
    if layer.pads_by_size(context.shape, context.data_format):
        sizes: dict[str, Any] = {"kernel_shape": layer.pool_size, "strides": layer.steps}
        if layer.count_include_pad:
            x = pad_by_size(context, layer.pool_size, layer.steps)
            return (context.node("AveragePool", x, **sizes),)
        return (context.node("AveragePool", *context.inputs, auto_pad="SAME_UPPER", **sizes),)
    zeros, uncounted = layer.counted(context.shape, context.data_format)
    counts = any(map(any, zeros))
    attributes: dict[str, Any] = {"count_include_pad": int(counts)}
    if counts and any(map(any, uncounted)):
        attributes["ceil_mode"] = 1
    output = context.node(
        "AveragePool",
        *context.inputs,
        part=None,
        kernel_shape=layer.pool_size,
        strides=layer.steps,
        pads=flat_pads(zeros if counts else uncounted),
        **attributes,
    )
    return (output,)


def global_average_pooling(layer: GlobalPooling, context: Context) -> Values:
    """ReduceMean over the spatial axes."""
    return _reduced(layer, context, "ReduceMean")


def global_max_pooling(layer: GlobalPooling, context: Context) -> Values:
    """ReduceMax over the spatial axes."""
    return _reduced(layer, context, "ReduceMax")


def _reduced(layer: GlobalPooling, context: Context, operator: str) -> Values:
    # GlobalAveragePool keeps axes of size 1, which a second operator would have to take away.
    spatial = spatial_axes(len(context.shape), context.data_format)
    axes = context.constant("axes", tuple(axis + 1 for axis in spatial))
    return (context.node(operator, *context.inputs, axes, keepdims=int(layer.keepdims)),)


def adaptive_average_pooling(layer: AdaptivePooling, context: Context) -> Values:
    """AveragePool where the bins are equal, else a product with a matrix for each axis."""
    if (equal := _equal_bins(layer, context, "AveragePool")) is not None:
        return equal
    (x,) = context.inputs
    last = layer.axes + 1
    # The columns first, on the right.
    for axis in range(last, 1, -1):
        size = context.shape[axis - 1]
        name = "columns" if axis == last else "rows"
        part = None if axis == 2 else "narrowed"
        if isinstance(size, int):
            matrix = _means(size, layer.output_size[axis - 2])
            given = context.constant(name, matrix.T if axis == last else matrix)
        else:
            bins = bins_of(layer, context, x, axis, size)
            given = means(context, bins, is_turned=axis == last)
        pair = (x, given) if axis == last else (given, x)
        x = context.node("MatMul", *pair, part=part)
    return (x,)


def _means(size: int, output: int) -> Array:
    """Return the matrix that averages each bin: (output, size)."""
    matrix = np.zeros((output, size))
    for row, (begin, end) in zip(matrix, _bins(size, output), strict=True):
        row[begin:end] = 1 / (end - begin)
    return matrix


def adaptive_max_pooling(layer: AdaptivePooling, context: Context) -> Values:
    """MaxPool where the bins are equal, else the elements of each bin, and the largest of them."""
    if (equal := _equal_bins(layer, context, "MaxPool")) is not None:
        return equal
    (x,) = context.inputs
    sizes = layer.sizes(context.shape, context.data_format)
    for axis, (size, output) in enumerate(zip(sizes, layer.output_size, strict=True), start=2):
        part = None if axis == layer.axes + 1 else "narrowed"
        if not isinstance(size, int):
            x = largest(context, x, axis, bins_of(layer, context, x, axis, size), part)
            continue
        bins = _bins(size, output)
        widest = max(end - begin for begin, end in bins)
        # Bins are as long as the longest; what they lack is their last element once more.
        chosen = [[min(i, end - 1) for i in range(begin, begin + widest)] for begin, end in bins]
        table = np.array(chosen, np.int64)
        name = "bins" if layer.axes == 1 else ("row_bins", "column_bins")[axis - 2]
        x = context.node("Gather", x, context.constant(name, table), axis=axis, part=f"by_{name}")
        axes = context.constant(f"{name}_axis", (axis + 1,))
        x = context.node("ReduceMax", x, axes, keepdims=0, part=part)
    return (x,)


def _bins(size: int, output: int) -> list[tuple[int, int]]:
    return [(i * size // output, -(-(i + 1) * size // output)) for i in range(output)]


def _equal_bins(layer: AdaptivePooling, context: Context, operator: str) -> Values | None:
    sizes = tuple(
        size for size in layer.sizes(context.shape, context.data_format) if isinstance(size, int)
    )
    if len(sizes) < layer.axes or any(
        size % output for size, output in zip(sizes, layer.output_size, strict=True)
    ):
        return None
    window = tuple(size // output for size, output in zip(sizes, layer.output_size, strict=True))
    return (context.node(operator, *context.inputs, kernel_shape=window, strides=window),)


ROWS: Rows = {
    layers.MaxPooling1D: max_pooling,
    layers.MaxPooling2D: max_pooling,
    layers.MaxPooling3D: max_pooling,
    layers.AveragePooling1D: average_pooling,
    layers.AveragePooling2D: average_pooling,
    layers.AveragePooling3D: average_pooling,
    layers.GlobalAveragePooling1D: global_average_pooling,
    layers.GlobalAveragePooling2D: global_average_pooling,
    layers.GlobalAveragePooling3D: global_average_pooling,
    layers.GlobalMaxPooling1D: global_max_pooling,
    layers.GlobalMaxPooling2D: global_max_pooling,
    layers.GlobalMaxPooling3D: global_max_pooling,
    layers.AdaptiveAveragePooling1D: adaptive_average_pooling,
    layers.AdaptiveAveragePooling2D: adaptive_average_pooling,
    layers.AdaptiveMaxPooling1D: adaptive_max_pooling,
    layers.AdaptiveMaxPooling2D: adaptive_max_pooling,
}
