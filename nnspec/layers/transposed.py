"""Transposed convolutions."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import Parameter, count, require_rank, spatial_axes
from nnspec.layers.convolution import (
    Padding,
    Sizes,
    Windowed,
    Windowed1D,
    Windowed2D,
    Windowed3D,
    check_groups,
)
from nnspec.layers.fields import Pads, PerAxis, Size
from nnspec.layers.shapes import DataFormat, Shape, show, transposed_output
from nnspec.layers.weighted import Weighted

_STRIDES = "Distance that neighbours have in the output."
_PADDING = (
    'What is cropped from the output: "valid" (nothing), "same" (so much that the output is '
    "`strides` times the input), a size, or [begin, end] per axis."
)
_OUTPUT_PADDING = (
    "Positions added at the end of the output, before it is cropped; less than the stride."
)


class ConvolutionTranspose(Windowed, Weighted):
    """Base of the transposed convolutions."""

    filters: Size = Field(description="Number of output channels.")
    output_padding: Sizes
    groups: Size = Field(default=1, description="Groups of channels convolved separately.")

    outputs_axis: ClassVar[int] = 1

    def out_channels(self, channels: int) -> int:
        return self.filters

    def crops(self) -> tuple[tuple[int, int], ...]:
        """Return what is cropped at the begin and at the end of each axis."""
        if not isinstance(self.padding, str):
            return self.padding
        if self.padding == "valid":
            return ((0, 0),) * len(self.strides)
        totals = [max(k - s, 0) for k, s in zip(self.spans(), self.strides, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)

    def extra(self) -> tuple[int, ...]:
        """Return what is added at the end of each axis; "same" adds where strides leave gaps."""
        if self.padding != "same":
            return self.output_padding
        return tuple(max(s - k, 0) for k, s in zip(self.spans(), self.strides, strict=True))

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        require_rank(self.type, shape, len(self.kernel_size) + 1, data_format)
        channels = self.channels(shape, data_format)
        check_groups(self.type, channels, self.filters, self.groups)
        if self.weight_normalization and self.groups > 1:
            raise ShapeError(
                f"{self.type} with weight_normalization has one length for each output, and in "
                f"{self.groups} groups the weight has no axis of them",
                "use groups: 1, or leave weight_normalization out",
            )
        self._check_output_padding()
        sizes = tuple(shape[axis] for axis in spatial_axes(len(shape), data_format))
        outputs = []
        for size, stride, span, crop, extra in zip(
            sizes, self.strides, self.spans(), self.crops(), self.extra(), strict=True
        ):
            # Of a size that is not known the domain says how large it has to be.
            output = transposed_output(size, stride, span - stride - sum(crop) + extra)
            if isinstance(output, int) and output < 1:
                whole = output + sum(crop)
                raise ShapeError(
                    f"{self.type} crops {crop[0]} and {crop[1]} of {whole} positions that it makes "
                    f"of an input of {show(sizes)}, and nothing is left",
                    'use less padding, or padding "same"',
                )
            outputs.append(output)
        return self.placed(tuple(outputs), channels, data_format)

    def _check_output_padding(self) -> None:
        if self.padding == "same" and any(self.output_padding):
            raise ShapeError(
                f'{self.type} has padding "same", which sets the size of the output, and '
                f"output_padding {show(self.output_padding)}",
                "leave output_padding out, or give explicit padding",
            )
        for extra, stride in zip(self.output_padding, self.strides, strict=True):
            if extra >= stride:
                raise ShapeError(
                    f"{self.type} has output_padding {extra}, and it must be less than the stride, "
                    f"{stride}",
                    f"use an output_padding of at most {stride - 1}: a larger one would only add "
                    "positions that no input reaches",
                )

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        channels = self.channels(inputs[0], data_format)
        window = math.prod(self.kernel_size)
        shape = (channels, self.filters // self.groups, *self.kernel_size)
        fans = channels // self.groups * window, self.filters // self.groups * window
        weight = Parameter("weight", shape, self.kernel_initializer, *fans)
        return self.with_bias(weight, self.filters)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(inputs[0]) * self.filters // self.groups * math.prod(self.kernel_size)


class Conv1DTranspose(Windowed1D, ConvolutionTranspose):
    """The adjoint of conv1d: each input adds a kernel to the output; plus a bias.

    y[o, i·s + p·d - begin] = b[o] + Σ w[c, o, p] · x[c, i] over the channels c of the output's
    group and all i, p that meet there. (channels, length) -> (filters, (length - 1) · s +
    d · (kernel_size - 1) + 1 + output_padding - begin - end) in channels_first; weight (channels,
    filters / groups, kernel_size). "same" gives length · s: it crops max(d · (kernel_size - 1) + 1
    - s, 0), the odd one at the end, as TensorFlow does.
    """

    type: Literal["conv1d_transpose"] = "conv1d_transpose"
    strides: Annotated[Sizes, PerAxis(1)] = Field(
        default=1, validate_default=True, description=_STRIDES
    )
    padding: Annotated[Padding, Pads(1)] = Field(default="valid", description=_PADDING)
    output_padding: Annotated[Sizes, PerAxis(1, 0)] = Field(
        default=0, validate_default=True, description=_OUTPUT_PADDING
    )


class Conv2DTranspose(Windowed2D, ConvolutionTranspose):
    """The adjoint of conv2d: each input adds a kernel to the output; plus a bias.

    y[o, i·s + p·d - begin, ...] = b[o] + Σ w[c, o, p, q] · x[c, i, j] over the channels c of the
    output's group and all i, j, p, q that meet there. (channels, h, w) -> (filters, h', w') in
    channels_first, where h' = (h - 1) · s + d · (k - 1) + 1 + output_padding - begin - end; weight
    (channels, filters / groups, *kernel_size). "same" gives h · s, cropping as conv1d_transpose
    does. Zeiler et al. 2010; Dumoulin and Visin 2016.
    """

    type: Literal["conv2d_transpose"] = "conv2d_transpose"
    strides: Annotated[Sizes, PerAxis(2)] = Field(
        default=1, validate_default=True, description=_STRIDES
    )
    padding: Annotated[Padding, Pads(2)] = Field(default="valid", description=_PADDING)
    output_padding: Annotated[Sizes, PerAxis(2, 0)] = Field(
        default=0, validate_default=True, description=_OUTPUT_PADDING
    )


class Conv3DTranspose(Windowed3D, ConvolutionTranspose):
    """The adjoint of conv3d: each input adds a kernel to the output; plus a bias.

    conv2d_transpose in three dimensions: (channels, d, h, w) -> (filters, d', h', w') in
    channels_first; weight (channels, filters / groups, *kernel_size).
    """

    type: Literal["conv3d_transpose"] = "conv3d_transpose"
    strides: Annotated[Sizes, PerAxis(3)] = Field(
        default=1, validate_default=True, description=_STRIDES
    )
    padding: Annotated[Padding, Pads(3)] = Field(default="valid", description=_PADDING)
    output_padding: Annotated[Sizes, PerAxis(3, 0)] = Field(
        default=0, validate_default=True, description=_OUTPUT_PADDING
    )
