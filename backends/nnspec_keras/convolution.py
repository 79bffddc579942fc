"""Convolutions in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.base import spatial_axes
from nnspec.shapes import same_padding
from nnspec_keras.core import compact, kernel_and_bias, weighted

Pads = tuple[tuple[int, int], ...]


def is_same(
    pads: Pads, context: Context, window: tuple[int, ...], strides: tuple[int, ...]
) -> bool:
    """Whether the pads are those of TensorFlow's "same", for every size that the input may have."""
    shape = context.inputs[0].shape
    sizes = [shape[axis] for axis in spatial_axes(3, context.data_format)]
    for size, span, stride, pad in zip(sizes, window, strides, pads, strict=True):
        if isinstance(size, str) and stride > 1:
            return False
        whole = size if isinstance(size, int) else span
        if same_padding(whole, span, stride, 1) != pad:
            return False
    return True


def zero_padding(pads: Pads) -> Lowered:
    """Return layers.ZeroPadding2D of the first input."""
    padding = pads[0][0] if len({size for pair in pads for size in pair}) == 1 else pads
    return Lowered(call("layers.ZeroPadding2D", ("padding", padding)).render() + "({0})")


def conv2d(layer: layers.Conv2D, context: Context) -> Lowered:
    """layers.Conv2D; pads that "same" does not give are added before it.

    Keras refuses strides together with dilation: then every position is computed, and those
    between the strides are dropped.
    """
    pads = layer.pads(context.inputs[0].shape, context.data_format)
    keywords: dict[str, object] = {}
    forward, before = "{module}({0})", None
    span = tuple(
        d * (k - 1) + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)
    )
    is_sliced = max(layer.strides) > 1 and max(layer.dilation_rate) > 1
    if is_sliced:
        steps = ", ".join("::" + str(step) if step > 1 else ":" for step in layer.strides)
        forward += f"[:, {steps}]"
    elif layer.strides != (1, 1):
        keywords["strides"] = compact(layer.strides)
    if any(map(any, pads)):
        if not is_sliced and is_same(pads, context, span, layer.strides):
            keywords["padding"] = "same"
        else:
            before = zero_padding(pads)
    if layer.dilation_rate != (1, 1):
        keywords["dilation_rate"] = compact(layer.dilation_rate)
    if layer.groups != 1:
        keywords["groups"] = layer.groups
    module = call(
        "layers.Conv2D",
        ("filters", layer.filters),
        ("kernel_size", compact(layer.kernel_size)),
        **keywords,
        **weighted(layer),
    )
    natives = kernel_and_bias(context.parameters(layer))
    return Lowered(forward, module, parameters=natives, before=before)
