"""Transposed convolutions in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import compact
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED
from nnspec.layers.transposed import ConvolutionTranspose
from nnspec_keras.convolution import sliced
from nnspec_keras.core import LAST, kernel_and_bias, weighted
from nnspec_keras.initial import keras_initializer
from nnspec_keras.normalized import normalized


def convolution_transpose(layer: ConvolutionTranspose, context: Context) -> Lowered:
    """layers.Conv1DTranspose to 3D, and a slice of its output for what it cannot crop.

    Keras has no groups there, and TensorFlow no dilation on a CPU: for these, a helper.
    """
    crops, extra, spans = layer.crops(), layer.extra(), layer.spans()
    keywords: dict[str, object] = {}
    is_grouped = layer.groups > 1 or max(layer.dilation_rate) > 1
    if is_grouped:
        function = "GroupedConvTranspose"
        size: tuple[str, object] = ("kernel_size", layer.kernel_size)
        keywords["strides"] = layer.strides
        keywords["dilation_rate"] = layer.dilation_rate
        if layer.groups > 1:
            keywords["groups"] = layer.groups
    else:
        function = f"layers.Conv{len(spans)}DTranspose"
        size = ("kernel_size", compact(layer.kernel_size))
        if max(layer.strides) > 1:
            keywords["strides"] = compact(layer.strides)
    slices = [slice(None)] * len(spans)
    if layer.padding == "same" and not is_grouped and max(spans) > 1:
        keywords["padding"] = "same"
    else:
        # The end keeps what is added beyond what is cropped; "valid" fills gaps that strides leave.
        tails = [more - end for (_, end), more in zip(crops, extra, strict=True)]
        gaps = [max(s - k, 0) for k, s in zip(spans, layer.strides, strict=True)]
        if any(tail > gap for tail, gap in zip(tails, gaps, strict=True)):
            gaps = [max(tail, 0) for tail in tails]
            keywords["output_padding"] = tuple(gaps)
        slices = [
            slice(begin or None, tail - gap or None)
            for (begin, _), tail, gap in zip(crops, tails, gaps, strict=True)
        ]
    if not is_grouped:
        keywords |= LAST
    parameters = context.parameters(layer)
    fans = "sum" if layer.groups == 1 else ""
    weights = weighted(
        layer, parameters, {"kernel_initializer": keras_initializer(parameters[0], fans=fans)}
    )
    module = call(function, ("filters", layer.filters), size, **keywords, **weights)
    forward = sliced(CALLED, slices)
    return Lowered(forward, module, parameters=kernel_and_bias(parameters))


ROWS: Rows = {
    layers.Conv1DTranspose: normalized(convolution_transpose),
    layers.Conv2DTranspose: normalized(convolution_transpose),
    layers.Conv3DTranspose: normalized(convolution_transpose),
}
