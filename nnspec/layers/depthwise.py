"""Convolutions of each channel by itself, alone or before a convolution of size 1."""

import math
from typing import ClassVar, Literal

from pydantic import Field

from nnspec.layers.base import WINDOW, Parameter, count
from nnspec.layers.convolution import Convolution, Windowed1D, Windowed2D
from nnspec.layers.fields import Size, once
from nnspec.layers.initializers import GlorotUniform, Initializer
from nnspec.layers.shapes import DataFormat, Shape


class _PerChannel(Convolution):
    depth_multiplier: Size = Field(default=1, description="Outputs of each input channel.")
    depthwise_initializer: Initializer = Field(
        default_factory=once(GlorotUniform),
        description="First values of the depthwise weight; glorot_uniform by default.",
    )

    def group_count(self, channels: int) -> int:
        return channels

    def depthwise(self, name: str, channels: int) -> Parameter:
        """Return the weight by which each channel is convolved."""
        window = math.prod(self.kernel_size)
        shape = (channels * self.depth_multiplier, 1, *self.kernel_size)
        fan_out = self.depth_multiplier * window
        return Parameter(name, shape, self.depthwise_initializer, window, fan_out)


class _Depthwise(_PerChannel):
    varying: ClassVar[tuple[str, ...]] = WINDOW

    def out_channels(self, channels: int) -> int:
        return channels * self.depth_multiplier

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        channels = self.channels(inputs[0], data_format)
        return self.with_bias(self.depthwise("weight", channels), self.out_channels(channels))


class DepthwiseConv1D(Windowed1D, _Depthwise):
    """Cross-correlation of each channel of a sequence with kernels of its own, plus a bias.

    y[c·m + a, i] = b[c·m + a] + Σ w[c·m + a, 0, p] · x[c, i·s + p·d] over the window p, for the
    m = depth_multiplier outputs a of each channel c: conv1d in as many groups as channels.
    (channels, length) -> (channels · m, length') in channels_first; weight (channels · m, 1,
    kernel_size). Padding may be "causal", as in conv1d.
    """

    type: Literal["depthwise_conv1d"] = "depthwise_conv1d"


class DepthwiseConv2D(Windowed2D, _Depthwise):
    """Cross-correlation of each channel of an image with kernels of its own, plus a bias.

    y[c·m + a, i, j] = b[c·m + a] + Σ w[c·m + a, 0, p, q] · x[c, i·s + p·d, j·s + q·d] over the
    window p, q, for the m = depth_multiplier outputs a of each channel c: conv2d in as many groups
    as channels. (channels, h, w) -> (channels · m, h', w') in channels_first; weight (channels ·
    m, 1, *kernel_size). Howard et al. 2017 (MobileNets).
    """

    type: Literal["depthwise_conv2d"] = "depthwise_conv2d"


class _Separable(_PerChannel):
    filters: Size = Field(description="Number of output channels.")
    pointwise_initializer: Initializer = Field(
        default_factory=once(GlorotUniform),
        description="First values of the pointwise weight; glorot_uniform by default.",
    )

    def out_channels(self, channels: int) -> int:
        return self.filters

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        channels = self.channels(inputs[0], data_format)
        hidden = channels * self.depth_multiplier
        shape = (self.filters, hidden, *[1] * len(self.kernel_size))
        weight = Parameter(
            "pointwise.weight", shape, self.pointwise_initializer, hidden, self.filters
        )
        depthwise = self.depthwise("depthwise.weight", channels)
        return *self.parts(depthwise), *self.with_bias(weight, self.filters, "pointwise.bias")

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        hidden = self.channels(inputs[0], data_format) * self.depth_multiplier
        positions = count(outputs[0]) // self.filters
        return positions * hidden * (math.prod(self.kernel_size) + self.filters)


class SeparableConv1D(Windowed1D, _Separable):
    """depthwise_conv1d without a bias, then conv1d of size 1 with one.

    (channels, length) -> (filters, length') in channels_first; depthwise.weight (channels ·
    depth_multiplier, 1, kernel_size), pointwise.weight (filters, channels · depth_multiplier, 1).
    Strides, padding (which may be "causal") and dilation are those of the first, bias and
    activation those of the second.
    """

    type: Literal["separable_conv1d"] = "separable_conv1d"


class SeparableConv2D(Windowed2D, _Separable):
    """depthwise_conv2d without a bias, then conv2d of size 1 with one. Chollet 2017 (Xception).

    (channels, h, w) -> (filters, h', w') in channels_first; depthwise.weight (channels ·
    depth_multiplier, 1, *kernel_size), pointwise.weight (filters, channels · depth_multiplier, 1,
    1). Strides, padding and dilation are those of the first, bias and activation those of the
    second.
    """

    type: Literal["separable_conv2d"] = "separable_conv2d"
