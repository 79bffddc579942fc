"""Convolutions."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.base import Pads, PerAxis, Size
from nnspec.errors import ShapeError
from nnspec.layers.base import (
    Parameter,
    Placement,
    Weighted,
    channel_axis,
    count,
    require_rank,
    require_whole,
    spatial_axes,
)
from nnspec.shapes import DataFormat, Dim, Shape, same_padding, show, window_output

Padding = Annotated[str | tuple[tuple[int, int], ...], Pads(2)]
Pair = Annotated[tuple[int, int], PerAxis(2)]


def resolve_padding(
    layer: str,
    padding: str | tuple[tuple[int, int], ...],
    sizes: tuple[Dim, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, int], ...]:
    """Return (begin, end) per axis. "same" depends on the input's size unless the stride is 1."""
    if not isinstance(padding, str):
        return padding
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    pads = []
    for size, k, s, d in zip(sizes, kernel, strides, dilation, strict=True):
        if isinstance(size, str):
            if s > 1:
                raise ShapeError(
                    f'{layer} with padding "same" and stride {s} pads by the size of its input, '
                    f"and got the dynamic axis {size!r}",
                    "give explicit padding, or give that axis a number in `inputs`",
                )
            size = 1
        pads.append(same_padding(size, k, s, d))
    return tuple(pads)


def windowed_shape(
    layer: str,
    sizes: tuple[Dim, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
) -> tuple[Dim, ...]:
    """Return the number of window positions per axis; raises ShapeError where none fits."""
    result: list[Dim] = []
    for size, k, s, d, pad in zip(sizes, kernel, strides, dilation, pads, strict=True):
        output = window_output(size, k, s, d, pad)
        if isinstance(output, int) and output < 1:
            raise ShapeError(
                f"{layer} with a window of {d * (k - 1) + 1} does not fit its input of "
                f"{show(sizes)} with padding {pad[0]} and {pad[1]}",
                'use a smaller window, or padding "same"',
            )
        result.append(output)
    return tuple(result)


class Conv2D(Weighted):
    """Cross-correlation of an image with `filters` kernels, plus a bias.

    y[o, i, j] = b[o] + Σ w[o, c, p, q] · x[c, i·s + p·d, j·s + q·d] over the channels c of the
    output's group and the window p, q. (channels, h, w) -> (filters, h', w') in channels_first;
    weight (filters, channels / groups, *kernel_size). "same" pads as TensorFlow and ONNX's
    SAME_UPPER do: the output has ⌈n / stride⌉ positions, and the odd pad is at the end.
    """

    type: Literal["conv2d"] = "conv2d"
    filters: Size = Field(description="Number of output channels.")
    kernel_size: Pair = Field(description="Height and width of the window.")
    strides: Pair = Field(default=(1, 1), description="Step of the window.")
    padding: Padding = Field(
        default="valid",
        description='"valid" (none), "same", a size, or [begin, end] per axis.',
    )
    dilation_rate: Pair = Field(default=(1, 1), description="Distance between kernel elements.")
    groups: Size = Field(default=1, description="Groups of channels convolved separately.")

    placement: ClassVar[Placement] = "spatial"

    def pads(self, shape: Shape, data_format: DataFormat) -> tuple[tuple[int, int], ...]:
        """Return (begin, end) for height and width."""
        sizes = tuple(shape[axis] for axis in spatial_axes(3, data_format))
        return resolve_padding(
            "conv2d", self.padding, sizes, self.kernel_size, self.strides, self.dilation_rate
        )

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        require_rank("conv2d", shape, 3, data_format)
        channels = require_whole("conv2d", shape[channel_axis(3, data_format)], "channel axis")
        for what, size in (("input channels", channels), ("filters", self.filters)):
            if size % self.groups:
                raise ShapeError(f"conv2d has {size} {what}, not divisible by groups {self.groups}")
        sizes = tuple(shape[axis] for axis in spatial_axes(3, data_format))
        output = windowed_shape(
            "conv2d",
            sizes,
            self.kernel_size,
            self.strides,
            self.dilation_rate,
            self.pads(shape, data_format),
        )
        is_first = data_format == "channels_first"
        return ((self.filters, *output) if is_first else (*output, self.filters),)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        channels = require_whole("conv2d", inputs[0][channel_axis(3, data_format)], "channel axis")
        window = math.prod(self.kernel_size)
        fan_in = channels // self.groups * window
        fan_out = self.filters // self.groups * window
        shape = (self.filters, channels // self.groups, *self.kernel_size)
        return self.weight_and_bias(shape, fan_in, fan_out)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        channels = inputs[0][channel_axis(3, data_format)]
        assert isinstance(channels, int)
        return count(outputs[0]) * channels // self.groups * math.prod(self.kernel_size)
