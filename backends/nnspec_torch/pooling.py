"""Pooling in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import compact
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, MODULE, X, apply, replaced
from nnspec.layers.average_pooling import AveragePooling
from nnspec.layers.global_pooling import AdaptivePooling, GlobalPooling
from nnspec.layers.pooling import MaxPooling, Pooling
from nnspec.layers.windows import spatial_sizes
from nnspec_torch.core import Pads, pad, pad_by_size


def _is_stock(pads: Pads, window: tuple[int, ...]) -> bool:
    """Whether nn.MaxPool2d and nn.AvgPool2d take these pads: equal sides, half a window at most."""
    return all(
        begin == end and 2 * begin <= size for (begin, end), size in zip(pads, window, strict=True)
    )


def _holds_windows(layer: Pooling, context: Context) -> bool:
    """Whether no window is larger than its axis, which nn.AvgPool3d asks of what it pads itself."""
    shape, data_format = context.inputs[0].shape, context.data_format
    if layer.axes < 3 or not any(map(any, layer.pads(shape, data_format))):
        return True
    sizes = spatial_sizes(layer.type, shape, layer.axes, data_format)
    return all(
        isinstance(size, int) and size >= window
        for size, window in zip(sizes, layer.pool_size, strict=True)
    )


def _keywords(layer: Pooling, context: Context) -> dict[str, object]:
    """Return the arguments after the window's size, where the module itself pads."""
    shape = context.inputs[0].shape
    pads = layer.pads(shape, context.data_format)
    keywords = _stride(layer)
    if any(begin for begin, _ in pads):
        keywords["padding"] = compact(tuple(begin for begin, _ in pads))
    if any(layer.overhang(shape, context.data_format)):
        keywords["ceil_mode"] = True
    return keywords


def _stride(layer: Pooling) -> dict[str, object]:
    return {"stride": compact(layer.steps)} if layer.steps != layer.pool_size else {}


def max_pooling(layer: MaxPooling, context: Context) -> Lowered:
    """nn.MaxPool; pads that it does not take are added before it, of minus infinity."""
    shape = context.inputs[0].shape
    size = ("kernel_size", compact(layer.pool_size))
    function = f"nn.MaxPool{layer.axes}d"
    if layer.pads_by_size(shape, context.data_format):
        padded = pad_by_size(layer.pool_size, layer.steps, value=float("-inf"))
        return Lowered(apply(MODULE, padded), call(function, size, **_stride(layer)))
    if _is_stock(layer.pads(shape, context.data_format), layer.pool_size):
        return Lowered(CALLED, call(function, size, **_keywords(layer, context)))
    pads = layer.whole_pads(shape, context.data_format)
    module = call(function, size, **_stride(layer))
    return Lowered(apply(MODULE, pad(X, pads, value=float("-inf"))), module)


def average_pooling(layer: AveragePooling, context: Context) -> Lowered:
    """nn.AvgPool; for pads that it does not take, the mean over the mean of ones."""
    shape = context.inputs[0].shape
    size = ("kernel_size", compact(layer.pool_size))
    function = f"nn.AvgPool{layer.axes}d"
    if layer.pads_by_size(shape, context.data_format):
        padded = pad_by_size(layer.pool_size, layer.steps)
        module = call(function, size, **_stride(layer))
        if layer.count_include_pad:
            return Lowered(apply(MODULE, padded), module)
        ones = replaced(padded, lambda part: apply("torch.ones_like", X) if part == X else None)
        return Lowered(apply(MODULE, padded) / apply(MODULE, ones), module)
    keywords = _keywords(layer, context)
    pads_itself = "padding" in keywords
    # torch.compile has another gradient of a last window that hangs over, where padding counts.
    is_left_out = not layer.count_include_pad or not pads_itself
    is_stock = _is_stock(layer.pads(shape, context.data_format), layer.pool_size)
    if is_stock and _holds_windows(layer, context) and ("ceil_mode" not in keywords or is_left_out):
        if "ceil_mode" in keywords or (pads_itself and not layer.count_include_pad):
            keywords["count_include_pad"] = False
        return Lowered(CALLED, call(function, size, **keywords))
    zeros, uncounted = layer.counted(shape, context.data_format)
    module = call(function, size, **_stride(layer))
    before = Lowered(pad(X, zeros)) if any(map(any, zeros)) else None
    if not any(map(any, uncounted)):
        return Lowered(apply(MODULE, pad(X, zeros)), module)
    mean = apply(MODULE, pad(X, uncounted))
    of_ones = apply(MODULE, pad(apply("torch.ones_like", X), uncounted))
    return Lowered(mean / of_ones, module, before=before)


def _reduced(layer: GlobalPooling, method: str) -> Lowered:
    axes = tuple(range(2, 2 + layer.axes))
    keywords = {"keepdim": True} if layer.keepdims else {}
    return Lowered(X.method(method, compact(axes), **keywords))


def global_average_pooling(layer: GlobalPooling, context: Context) -> Lowered:
    """The mean over the spatial axes."""
    return _reduced(layer, "mean")


def global_max_pooling(layer: GlobalPooling, context: Context) -> Lowered:
    """Amax over the spatial axes: unlike nn.AdaptiveMaxPool2d, equal elements share a gradient."""
    return _reduced(layer, "amax")


def adaptive_pooling(layer: AdaptivePooling, context: Context) -> Lowered:
    """nn.AdaptiveAvgPool1d and the like."""
    function = _ADAPTIVE[type(layer)]
    return Lowered(CALLED, call(function, ("output_size", compact(layer.output_size))))


_ADAPTIVE = {
    layers.AdaptiveAveragePooling1D: "nn.AdaptiveAvgPool1d",
    layers.AdaptiveAveragePooling2D: "nn.AdaptiveAvgPool2d",
    layers.AdaptiveMaxPooling1D: "nn.AdaptiveMaxPool1d",
    layers.AdaptiveMaxPooling2D: "nn.AdaptiveMaxPool2d",
}


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
    layers.AdaptiveAveragePooling1D: adaptive_pooling,
    layers.AdaptiveAveragePooling2D: adaptive_pooling,
    layers.AdaptiveMaxPooling1D: adaptive_pooling,
    layers.AdaptiveMaxPooling2D: adaptive_pooling,
}
