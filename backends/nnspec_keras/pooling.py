"""Pooling in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import compact
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, X, apply
from nnspec.layers.average_pooling import AveragePooling
from nnspec.layers.global_pooling import AdaptivePooling, GlobalPooling
from nnspec.layers.pooling import MaxPooling, Pooling
from nnspec_keras.convolution import is_same, same_by_size, zero_padding
from nnspec_keras.core import LAST


def max_pooling(layer: MaxPooling, context: Context) -> Lowered:
    """layers.MaxPooling; pads that "same" does not give are added before it, of -inf.

    TensorFlow's three-dimensional kernel gives each of several equal elements the whole gradient,
    and has no float64: a helper pools planes and then depth.
    """
    shape, data_format = context.inputs[0].shape, context.data_format
    is_by_size = layer.pads_by_size(shape, data_format)
    pads = () if is_by_size else layer.whole_pads(shape, data_format)
    keywords, before = _strides(layer), None
    if is_by_size:
        keywords["padding"] = "same"
    elif any(map(any, pads)):
        if is_same(pads, context, layer.pool_size, layer.steps):
            keywords["padding"] = "same"
        else:
            whole = ((0, 0), *pads, (0, 0))
            before = Lowered(apply("ops.pad", X, whole, constant_values=float("-inf")))
    function = "MaxPooling3D" if layer.axes == 3 else f"layers.MaxPooling{layer.axes}D"
    module = call(function, ("pool_size", compact(layer.pool_size)), **keywords, **LAST)
    return Lowered(CALLED, module, before=before)


def average_pooling(layer: AveragePooling, context: Context) -> Lowered:
    """layers.AveragePooling; for pads that are not counted and not "same", a helper."""
    keywords = _strides(layer)
    function = f"layers.AveragePooling{layer.axes}D"
    if layer.pads_by_size(context.inputs[0].shape, context.data_format):
        before = None
        if layer.count_include_pad:
            before = same_by_size(layer.pool_size, layer.steps)
        else:
            keywords["padding"] = "same"
        module = call(function, ("pool_size", compact(layer.pool_size)), **keywords, **LAST)
        return Lowered(CALLED, module, before=before)
    zeros, uncounted = layer.counted(context.inputs[0].shape, context.data_format)
    before = zero_padding(zeros) if any(map(any, zeros)) else None
    more = LAST
    if any(map(any, uncounted)):
        if before is None and is_same(uncounted, context, layer.pool_size, layer.steps):
            keywords["padding"] = "same"
        else:
            function = f"average_pooling{layer.axes}d"
            # Keras takes one pair for one axis.
            padding = uncounted[0] if layer.axes == 1 else uncounted
            keywords = {"strides": compact(layer.steps), "padding": padding}
            more = {}
    module = call(function, ("pool_size", compact(layer.pool_size)), **keywords, **more)
    return Lowered(CALLED, module, before=before)


def global_average_pooling(layer: GlobalPooling, context: Context) -> Lowered:
    """layers.GlobalAveragePooling."""
    return _global(f"layers.GlobalAveragePooling{layer.axes}D", layer)


def global_max_pooling(layer: GlobalPooling, context: Context) -> Lowered:
    """layers.GlobalMaxPooling."""
    return _global(f"layers.GlobalMaxPooling{layer.axes}D", layer)


def _global(function: str, layer: GlobalPooling) -> Lowered:
    keywords = {"keepdims": True} if layer.keepdims else {}
    return Lowered(CALLED, call(function, **keywords, **LAST))


def adaptive_average_pooling(layer: AdaptivePooling, context: Context) -> Lowered:
    """layers.AveragePooling where the bins are equal, else layers.AdaptiveAveragePooling.

    Keras's own pools with windows of ⌈n / o⌉ and of one more, and chooses. Where an axis of one, in
    or out, cannot hold the larger, a helper stands in its place.
    """
    given = layer.sizes(context.inputs[0].shape, context.data_format)
    sizes = tuple(size for size in given if isinstance(size, int))
    if len(sizes) < len(given):
        return _dynamic(layer)
    if (equal := _equal_bins(layer, sizes, "Average")) is not None:
        return equal
    is_stock = min(*sizes, *layer.output_size) > 1
    function = f"{'layers.' if is_stock else ''}AdaptiveAveragePooling{layer.axes}D"
    return Lowered(CALLED, call(function, ("output_size", compact(layer.output_size)), **LAST))


def adaptive_max_pooling(layer: AdaptivePooling, context: Context) -> Lowered:
    """layers.MaxPooling where the bins are equal, else a helper.

    Keras's own has windows that an axis of one cannot hold, on which TensorFlow ends the process.
    It pools the columns first, and gives the gradient of equal elements to the first in
    column-major order.
    """
    given = layer.sizes(context.inputs[0].shape, context.data_format)
    sizes = tuple(size for size in given if isinstance(size, int))
    if len(sizes) < len(given):
        return _dynamic(layer, largest=True)
    if (equal := _equal_bins(layer, sizes, "Max")) is not None:
        return equal
    function = f"AdaptiveMaxPooling{layer.axes}D"
    return Lowered(CALLED, call(function, ("output_size", compact(layer.output_size)), **LAST))


def _dynamic(layer: AdaptivePooling, **settings: bool) -> Lowered:
    """Return the helper for axes of any size, which Keras's own must know."""
    size = ("output_size", layer.output_size)
    return Lowered(CALLED, call("DynamicAdaptivePooling", size, **settings))


def _equal_bins(layer: AdaptivePooling, sizes: tuple[int, ...], kind: str) -> Lowered | None:
    if any(size % output for size, output in zip(sizes, layer.output_size, strict=True)):
        return None
    window = tuple(size // output for size, output in zip(sizes, layer.output_size, strict=True))
    module = call(f"layers.{kind}Pooling{layer.axes}D", ("pool_size", compact(window)), **LAST)
    return Lowered(CALLED, module)


def _strides(layer: Pooling) -> dict[str, object]:
    """Return the strides where they are not the window's size, which is Keras's default."""
    return {"strides": compact(layer.steps)} if layer.steps != layer.pool_size else {}


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
