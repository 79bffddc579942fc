"""Convolutions."""

from __future__ import annotations

from nnspec import layers
from nnspec.layers import SeparableConv1D, SeparableConv2D
from nnspec.layers.base import channel_axis
from nnspec.layers.convolution import Convolution
from nnspec.layers.transposed import ConvolutionTranspose
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows


def convolution(layer: Convolution, context: Context) -> Values:
    """Conv with explicit pads: with auto_pad, ONNX Runtime refuses dilation."""
    return (_conv(layer, context, list(context.parameters), None),)


def separable(layer: SeparableConv1D | SeparableConv2D, context: Context) -> Values:
    """Conv of each channel by itself, then Conv of size 1."""
    hidden = _conv(layer, context, ["depthwise.weight"], "depthwise")
    tensors = [
        context.parameter(name) for name in context.parameters if name.startswith("pointwise")
    ]
    return (context.node("Conv", hidden, *tensors, kernel_shape=(1,) * len(layer.kernel_size)),)


def _conv(layer: Convolution, context: Context, names: list[str], part: str | None) -> str:
    channels = context.shape[channel_axis(len(context.shape), context.data_format)]
    assert isinstance(channels, int)
    (x,) = context.inputs
    if layer.pads_by_size(context.shape, context.data_format):
        x = pad_by_size(context, layer.spans(), layer.strides)
        pads = ((0, 0),) * len(layer.strides)
    else:
        pads = layer.pads(context.shape, context.data_format)
    return context.node(
        "Conv",
        x,
        *[context.parameter(name) for name in names],
        part=part,
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        pads=flat_pads(pads),
        dilations=layer.dilation_rate,
        group=layer.group_count(channels),
    )


def pad_by_size(
    context: Context,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    value: float | None = None,
) -> str:
    """Add a Pad of the first input as "same" has it, by the size that it has.

    auto_pad would do, but not with dilation, and not with what ONNX Runtime optimises.
    """
    (x,) = context.inputs
    sizes = context.node("Shape", x, start=2, part="sizes")
    steps = context.constant("steps", strides)
    missing = context.node("Mod", context.node("Neg", sizes, part="negative"), steps, part="rest")
    # Below 0 where strides leave elements out.
    surplus = context.constant("surplus", [k - s for k, s in zip(window, strides, strict=True)])
    total = context.node("Add", missing, surplus, part="wanted")
    if any(k < s for k, s in zip(window, strides, strict=True)):
        total = context.node("Max", total, context.constant("none", [0]), part="total")
    begin = context.node("Div", total, context.constant("two", [2]), part="begin")
    end = context.node("Sub", total, begin, part="end")
    whole = context.constant("unpadded", [0, 0])
    pads = context.node("Concat", whole, begin, whole, end, axis=0, part="pads")
    values = [] if value is None else [context.constant("padding", value)]
    return context.node("Pad", x, pads, *values, part="padded")


def convolution_transpose(layer: ConvolutionTranspose, context: Context) -> Values:
    """ConvTranspose with explicit pads."""
    output = context.node(
        "ConvTranspose",
        *context.inputs,
        *[context.parameter(name) for name in context.parameters],
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        pads=flat_pads(layer.crops()),
        output_padding=layer.extra(),
        dilations=layer.dilation_rate,
        group=layer.groups,
    )
    return (output,)


def flat_pads(pads: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Return the begins of all axes, then the ends, as ONNX orders them."""
    return (*(begin for begin, _ in pads), *(end for _, end in pads))


ROWS: Rows = {
    layers.Conv1D: convolution,
    layers.Conv2D: convolution,
    layers.Conv3D: convolution,
    layers.Conv1DTranspose: convolution_transpose,
    layers.Conv2DTranspose: convolution_transpose,
    layers.Conv3DTranspose: convolution_transpose,
    layers.DepthwiseConv1D: convolution,
    layers.DepthwiseConv2D: convolution,
    layers.SeparableConv1D: separable,
    layers.SeparableConv2D: separable,
}
