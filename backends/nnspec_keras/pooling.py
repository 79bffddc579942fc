"""Pooling in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call, literal
from nnspec.emit.lowering import Context, Lowered
from nnspec_keras.convolution import is_same
from nnspec_keras.core import compact


def max_pooling2d(layer: layers.MaxPooling2D, context: Context) -> Lowered:
    """layers.MaxPooling2D; pads that "same" does not give are added before it, of -inf."""
    pads = layer.pads(context.inputs[0].shape, context.data_format)
    keywords, before = _strides(layer), None
    if any(map(any, pads)):
        if is_same(pads, context, layer.pool_size, layer.steps):
            keywords["padding"] = "same"
        else:
            whole = literal(((0, 0), *pads, (0, 0)))
            before = Lowered(f'ops.pad({{0}}, {whole}, constant_values=float("-inf"))')
    module = call("layers.MaxPooling2D", ("pool_size", compact(layer.pool_size)), **keywords)
    return Lowered("{module}({0})", module, before=before)


def average_pooling2d(layer: layers.AveragePooling2D, context: Context) -> Lowered:
    """layers.AveragePooling2D, padding not counted; for other pads than "same", a helper."""
    pads = layer.pads(context.inputs[0].shape, context.data_format)
    keywords = _strides(layer)
    function = "layers.AveragePooling2D"
    if any(map(any, pads)):
        if is_same(pads, context, layer.pool_size, layer.steps):
            keywords["padding"] = "same"
        else:
            function = "average_pooling2d"
            keywords = {"strides": compact(layer.steps), "padding": pads}
    module = call(function, ("pool_size", compact(layer.pool_size)), **keywords)
    return Lowered("{module}({0})", module)


def global_average_pooling2d(layer: layers.GlobalAveragePooling2D, context: Context) -> Lowered:
    """layers.GlobalAveragePooling2D."""
    return Lowered("{module}({0})", call("layers.GlobalAveragePooling2D"))


def _strides(layer: layers.MaxPooling2D | layers.AveragePooling2D) -> dict[str, object]:
    """Return the strides where they are not the window's size, which is Keras's default."""
    return {"strides": compact(layer.steps)} if layer.steps != layer.pool_size else {}
