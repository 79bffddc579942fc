"""Pooling in Keras."""

from __future__ import annotations

from nnspec.emit.code import call, literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.global_pooling import AdaptivePooling, GlobalPooling
from nnspec.layers.pooling import AveragePooling, MaxPooling, Pooling
from nnspec_keras.convolution import is_same, zero_padding
from nnspec_keras.core import compact

_AVERAGE_POOLING2D = '''\
def average_pooling2d(pool_size, strides, padding, name):
    """Return a layer's function: the mean of each window, padding not counted."""
    pad = layers.ZeroPadding2D(padding, name=f"{name}.padding")
    pool = layers.AveragePooling2D(pool_size, strides, name=name)
    return lambda x: pool(pad(x)) / pool(pad(ops.ones_like(x)))
'''

_MAX_POOLING3D = '''\
@keras.saving.register_keras_serializable()
class MaxPooling3D(layers.MaxPooling3D):
    """Pools planes, then depth: TensorFlow gives the gradient to all equal elements."""

    def call(self, x):
        depth, *plane = self.pool_size
        step, *steps = self.strides
        _, planes, height, width, channels = ops.shape(x)
        x = ops.reshape(x, (-1, height, width, channels))
        x = ops.max_pool(x, plane, steps, self.padding, "channels_last")
        _, height, width, _ = ops.shape(x)
        x = ops.reshape(x, (-1, planes, height * width, channels))
        x = ops.max_pool(x, (depth, 1), (step, 1), self.padding, "channels_last")
        return ops.reshape(x, (-1, ops.shape(x)[1], height, width, channels))
'''

_ADAPTIVE_AVERAGE_POOLING2D = '''\
@keras.saving.register_keras_serializable()
class AdaptiveAveragePooling2D(layers.AdaptiveAveragePooling2D):
    """The mean of each bin. Keras's own takes windows that an axis of one cannot hold."""

    def call(self, x):
        for axis, new in enumerate(self.output_size, 1):
            old = x.shape[axis]
            bins = [range(i * old // new, -(-(i + 1) * old // new)) for i in range(new)]
            means = [ops.mean(ops.take(x, list(bin), axis), axis) for bin in bins]
            x = ops.stack(means, axis)
        return x
'''

_ADAPTIVE_MAX_POOLING2D = '''\
@keras.saving.register_keras_serializable()
class AdaptiveMaxPooling2D(layers.AdaptiveMaxPooling2D):
    """The largest element of each bin; of equal ones the first gets the gradient."""

    def call(self, x):
        widths = []
        for axis, new in enumerate(self.output_size, 1):
            old = x.shape[axis]
            first = np.arange(new) * old // new
            last = -(-np.arange(1, new + 1) * old // new) - 1
            widths.append(int(np.max(last - first)) + 1)
            # Bins are as long as the longest; what they lack is their last element.
            bins = np.minimum(first[:, None] + np.arange(widths[-1]), last[:, None])
            x = ops.take(x, bins.ravel(), axis)
        return ops.max_pool(x, widths, data_format="channels_last")
'''

HELPERS = {
    "AdaptiveAveragePooling1D": _ADAPTIVE_AVERAGE_POOLING2D.replace("2D", "1D").rstrip(),
    "AdaptiveAveragePooling2D": _ADAPTIVE_AVERAGE_POOLING2D.rstrip(),
    "AdaptiveMaxPooling1D": _ADAPTIVE_MAX_POOLING2D.replace("2D", "1D").rstrip(),
    "AdaptiveMaxPooling2D": _ADAPTIVE_MAX_POOLING2D.rstrip(),
    "average_pooling1d": _AVERAGE_POOLING2D.replace("2D", "1D").replace("2d", "1d").rstrip(),
    "average_pooling2d": _AVERAGE_POOLING2D.rstrip(),
    "average_pooling3d": _AVERAGE_POOLING2D.replace("2D", "3D").replace("2d", "3d").rstrip(),
    "MaxPooling3D": _MAX_POOLING3D.rstrip(),
}
"""What the emitted source defines when it needs it."""


def max_pooling(layer: MaxPooling, context: Context) -> Lowered:
    """layers.MaxPooling; pads that "same" does not give are added before it, of -inf.

    TensorFlow's three-dimensional kernel gives each of several equal elements the whole gradient,
    and has no float64: a helper pools planes and then depth.
    """
    pads = layer.whole_pads(context.inputs[0].shape, context.data_format)
    keywords, before = _strides(layer), None
    if any(map(any, pads)):
        if is_same(pads, context, layer.pool_size, layer.steps):
            keywords["padding"] = "same"
        else:
            whole = literal(((0, 0), *pads, (0, 0)))
            before = Lowered(f'ops.pad({{0}}, {whole}, constant_values=float("-inf"))')
    function = "MaxPooling3D" if layer.axes == 3 else f"layers.MaxPooling{layer.axes}D"
    module = call(function, ("pool_size", compact(layer.pool_size)), **keywords)
    return Lowered("{module}({0})", module, before=before)


def average_pooling(layer: AveragePooling, context: Context) -> Lowered:
    """layers.AveragePooling; for pads that are not counted and not "same", a helper."""
    zeros, uncounted = layer.counted(context.inputs[0].shape, context.data_format)
    keywords = _strides(layer)
    function = f"layers.AveragePooling{layer.axes}D"
    before = zero_padding(zeros) if any(map(any, zeros)) else None
    if any(map(any, uncounted)):
        if before is None and is_same(uncounted, context, layer.pool_size, layer.steps):
            keywords["padding"] = "same"
        else:
            function = f"average_pooling{layer.axes}d"
            # Keras takes one pair for one axis.
            padding = uncounted[0] if layer.axes == 1 else uncounted
            keywords = {"strides": compact(layer.steps), "padding": padding}
    module = call(function, ("pool_size", compact(layer.pool_size)), **keywords)
    return Lowered("{module}({0})", module, before=before)


def global_average_pooling(layer: GlobalPooling, context: Context) -> Lowered:
    """layers.GlobalAveragePooling."""
    return _global(f"layers.GlobalAveragePooling{layer.axes}D", layer)


def global_max_pooling(layer: GlobalPooling, context: Context) -> Lowered:
    """layers.GlobalMaxPooling."""
    return _global(f"layers.GlobalMaxPooling{layer.axes}D", layer)


def _global(function: str, layer: GlobalPooling) -> Lowered:
    keywords = {"keepdims": True} if layer.keepdims else {}
    return Lowered("{module}({0})", call(function, **keywords))


def adaptive_average_pooling(layer: AdaptivePooling, context: Context) -> Lowered:
    """layers.AveragePooling where the bins are equal, else layers.AdaptiveAveragePooling.

    Keras's own pools with windows of ⌈n / o⌉ and of one more, and chooses. Where an axis of one, in
    or out, cannot hold the larger, a helper stands in its place.
    """
    sizes = layer.sizes(context.inputs[0].shape, context.data_format)
    if (equal := _equal_bins(layer, sizes, "Average")) is not None:
        return equal
    is_stock = min(*sizes, *layer.output_size) > 1
    function = f"{'layers.' if is_stock else ''}AdaptiveAveragePooling{layer.axes}D"
    return Lowered("{module}({0})", call(function, ("output_size", compact(layer.output_size))))


def adaptive_max_pooling(layer: AdaptivePooling, context: Context) -> Lowered:
    """layers.MaxPooling where the bins are equal, else a helper.

    Keras's own has windows that an axis of one cannot hold, on which TensorFlow ends the process.
    It pools the columns first, and gives the gradient of equal elements to the first in
    column-major order.
    """
    sizes = layer.sizes(context.inputs[0].shape, context.data_format)
    if (equal := _equal_bins(layer, sizes, "Max")) is not None:
        return equal
    function = f"AdaptiveMaxPooling{layer.axes}D"
    return Lowered("{module}({0})", call(function, ("output_size", compact(layer.output_size))))


def _equal_bins(layer: AdaptivePooling, sizes: tuple[int, ...], kind: str) -> Lowered | None:
    if any(size % output for size, output in zip(sizes, layer.output_size, strict=True)):
        return None
    window = tuple(size // output for size, output in zip(sizes, layer.output_size, strict=True))
    module = call(f"layers.{kind}Pooling{layer.axes}D", ("pool_size", compact(window)))
    return Lowered("{module}({0})", module)


def _strides(layer: Pooling) -> dict[str, object]:
    """Return the strides where they are not the window's size, which is Keras's default."""
    return {"strides": compact(layer.steps)} if layer.steps != layer.pool_size else {}
