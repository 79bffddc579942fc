"""Convolutions."""

from __future__ import annotations

from nnspec.layers import SeparableConv1D, SeparableConv2D
from nnspec.layers.base import channel_axis
from nnspec.layers.convolution import Convolution
from nnspec.layers.transposed import ConvolutionTranspose
from nnspec_onnx.context import Context, Values


def convolution(layer: Convolution, at: Context) -> Values:
    """Conv with explicit pads: with auto_pad, ONNX Runtime refuses dilation."""
    return (_conv(layer, at, list(at.parameters), None),)


def separable(layer: SeparableConv1D | SeparableConv2D, at: Context) -> Values:
    """Conv of each channel by itself, then Conv of size 1."""
    hidden = _conv(layer, at, ["depthwise.weight"], "depthwise")
    tensors = [at.parameter(name) for name in at.parameters if name.startswith("pointwise")]
    return (at.node("Conv", hidden, *tensors, kernel_shape=(1,) * len(layer.kernel_size)),)


def _conv(layer: Convolution, at: Context, names: list[str], part: str | None) -> str:
    channels = at.shape[channel_axis(len(at.shape), at.data_format)]
    assert isinstance(channels, int)
    return at.node(
        "Conv",
        *at.inputs,
        *[at.parameter(name) for name in names],
        part=part,
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        pads=flat_pads(layer.pads(at.shape, at.data_format)),
        dilations=layer.dilation_rate,
        group=layer.group_count(channels),
    )


def convolution_transpose(layer: ConvolutionTranspose, at: Context) -> Values:
    """ConvTranspose with explicit pads."""
    output = at.node(
        "ConvTranspose",
        *at.inputs,
        *[at.parameter(name) for name in at.parameters],
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
