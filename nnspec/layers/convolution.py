"""Convolutions."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    WINDOW,
    Parameter,
    Placement,
    channel_axis,
    count,
    require_rank,
    require_whole,
    spatial_axes,
)
from nnspec.layers.fields import Pads, PerAxis, Size
from nnspec.layers.shapes import (
    DataFormat,
    Dim,
    Shape,
    divided,
    same_padding,
    show,
    window_output,
)
from nnspec.layers.weighted import Biased, Weighted

Sizes = tuple[int, ...]
Padding = str | tuple[tuple[int, int], ...]


def resolve_padding(
    layer: str,
    padding: str | tuple[tuple[int, int], ...],
    sizes: tuple[Dim, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, int], ...]:
    """Return (begin, end) per axis, of sizes of which `pads_by_size` says no.

    "same" depends on the input's size unless the stride is 1; "causal" pads the begin alone.
    """
    if not isinstance(padding, str):
        return padding
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding == "causal":
        return tuple((d * (k - 1), 0) for k, d in zip(kernel, dilation, strict=True))
    pads = []
    for size, k, s, d in zip(sizes, kernel, strides, dilation, strict=True):
        assert isinstance(size, int) or not _is_by_size(k, s, d), f"{layer} pads by size"
        pads.append(same_padding(size if isinstance(size, int) else s, k, s, d))
    return tuple(pads)


def pads_by_size(
    padding: str | tuple[tuple[int, int], ...],
    sizes: tuple[Dim, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> bool:
    """Whether "same" pads by how many elements a dynamic axis has."""
    along = zip(sizes, kernel, strides, dilation, strict=True)
    return padding == "same" and any(
        isinstance(size, str) and _is_by_size(k, s, d) for size, k, s, d in along
    )


def _is_by_size(kernel: int, stride: int, dilation: int) -> bool:
    # A window of one element is never padded.
    return stride > 1 and dilation * (kernel - 1) > 0


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


def windows(axes: tuple[int, ...]) -> str:
    """Return `3 x 5`, as messages show the size of a window."""
    return " x ".join(map(str, axes))


_KERNEL_SIZE = "Size of the window: one number, or one per axis."
_STRIDES = "Step of the window."
_PADDING = '"valid" (none), "same", a size, or [begin, end] per axis.'
_DILATION_RATE = "Distance between kernel elements."


class Windowed(Biased):
    """Base of the layers that multiply what lies in a window by a weight."""

    # One field in three types: each number of axes has a class that says how long the lists are.
    # A default of 1 is for all axes: the metadata of the type repeats it.
    kernel_size: Sizes
    strides: Sizes
    padding: Padding
    dilation_rate: Sizes

    placement: ClassVar[Placement] = "spatial"

    def channels(self, shape: Shape, data_format: DataFormat) -> int:
        """Return the number of input channels; raises ShapeError where it is dynamic."""
        axis = channel_axis(len(shape), data_format)
        return require_whole(self.type, shape[axis], "channel axis")

    def spans(self) -> tuple[int, ...]:
        """Return how far the window reaches along each axis, its gaps counted."""
        return tuple(
            d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)
        )

    def out_channels(self, channels: int) -> int:
        """Return the number of output channels."""
        raise NotImplementedError

    def placed(
        self, sizes: tuple[Dim, ...], channels: int, data_format: DataFormat
    ) -> tuple[Shape, ...]:
        """Return the output's shape, the channels where the layout has them."""
        filters = self.out_channels(channels)
        return ((filters, *sizes) if data_format == "channels_first" else (*sizes, filters),)


class Windowed1D(Windowed):
    """Base of those that slide over a sequence; their padding may be "causal"."""

    kernel_size: Annotated[Sizes, PerAxis(1)] = Field(description=_KERNEL_SIZE)
    strides: Annotated[Sizes, PerAxis(1)] = Field(
        default=1, validate_default=True, description=_STRIDES
    )
    padding: Annotated[Padding, Pads(1, ("valid", "same", "causal"))] = Field(
        default="valid", description=_PADDING
    )
    dilation_rate: Annotated[Sizes, PerAxis(1)] = Field(
        default=1, validate_default=True, description=_DILATION_RATE
    )


class Windowed2D(Windowed):
    """Base of those that slide over an image."""

    kernel_size: Annotated[Sizes, PerAxis(2)] = Field(description=_KERNEL_SIZE)
    strides: Annotated[Sizes, PerAxis(2)] = Field(
        default=1, validate_default=True, description=_STRIDES
    )
    padding: Annotated[Padding, Pads(2)] = Field(default="valid", description=_PADDING)
    dilation_rate: Annotated[Sizes, PerAxis(2)] = Field(
        default=1, validate_default=True, description=_DILATION_RATE
    )


class Windowed3D(Windowed):
    """Base of those that slide over a volume."""

    kernel_size: Annotated[Sizes, PerAxis(3)] = Field(description=_KERNEL_SIZE)
    strides: Annotated[Sizes, PerAxis(3)] = Field(
        default=1, validate_default=True, description=_STRIDES
    )
    padding: Annotated[Padding, Pads(3)] = Field(default="valid", description=_PADDING)
    dilation_rate: Annotated[Sizes, PerAxis(3)] = Field(
        default=1, validate_default=True, description=_DILATION_RATE
    )


class Convolution(Windowed):
    """Base of the layers whose window slides over the input."""

    def group_count(self, channels: int) -> int:
        """Return in how many groups the channels are convolved."""
        raise NotImplementedError

    def pads(self, shape: Shape, data_format: DataFormat) -> tuple[tuple[int, int], ...]:
        """Return (begin, end) for each axis but the channels."""
        sizes = tuple(shape[axis] for axis in spatial_axes(len(shape), data_format))
        return resolve_padding(
            self.type, self.padding, sizes, self.kernel_size, self.strides, self.dilation_rate
        )

    def pads_by_size(self, shape: Shape, data_format: DataFormat) -> bool:
        """Whether the pads depend on the size of a dynamic axis."""
        sizes = tuple(shape[axis] for axis in spatial_axes(len(shape), data_format))
        return pads_by_size(self.padding, sizes, self.kernel_size, self.strides, self.dilation_rate)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        require_rank(self.type, shape, len(self.kernel_size) + 1, data_format)
        channels = self.channels(shape, data_format)
        self.check_channels(channels)
        if self.padding == "same":
            sizes = [shape[axis] for axis in spatial_axes(len(shape), data_format)]
            made = tuple(divided(n, s) for n, s in zip(sizes, self.strides, strict=True))
            return self.placed(made, channels, data_format)
        output = windowed_shape(
            self.type,
            tuple(shape[axis] for axis in spatial_axes(len(shape), data_format)),
            self.kernel_size,
            self.strides,
            self.dilation_rate,
            self.pads(shape, data_format),
        )
        return self.placed(output, channels, data_format)

    def check_channels(self, channels: int) -> None:
        """Raise ShapeError where the channels cannot be parted as the layer needs."""

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        channels = self.channels(inputs[0], data_format)
        each = channels // self.group_count(channels) * math.prod(self.kernel_size)
        return count(outputs[0]) * each


def check_groups(layer: str, channels: int, filters: int, groups: int) -> None:
    """Raise ShapeError unless input channels and filters can be parted in equal groups."""
    for what, size in (("input channels", channels), ("filters", filters)):
        if size % groups:
            raise ShapeError(
                f"{layer} has {size} {what}, not divisible by groups {groups}",
                f"choose groups that divide both {channels} input channels and {filters} filters",
            )


class _Conv(Convolution, Weighted):
    filters: Size = Field(description="Number of output channels.")
    groups: Size = Field(default=1, description="Groups of channels convolved separately.")

    varying: ClassVar[tuple[str, ...]] = WINDOW

    def out_channels(self, channels: int) -> int:
        return self.filters

    def group_count(self, channels: int) -> int:
        return self.groups

    def check_channels(self, channels: int) -> None:
        check_groups(self.type, channels, self.filters, self.groups)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        channels = self.channels(inputs[0], data_format)
        window = math.prod(self.kernel_size)
        fan_in = channels // self.groups * window
        fan_out = self.filters // self.groups * window
        shape = (self.filters, channels // self.groups, *self.kernel_size)
        return self.weight_and_bias(shape, fan_in, fan_out)


class Conv1D(Windowed1D, _Conv):
    """Cross-correlation of a sequence with `filters` kernels, plus a bias.

    y[o, i] = b[o] + Σ w[o, c, p] · x[c, i·s + p·d] over the channels c of the output's group and
    the window p. (channels, length) -> (filters, length') in channels_first, (length, channels)
    -> (length', filters) in channels_last; weight (filters, channels / groups, kernel_size).
    Padding "same" is that of conv2d; "causal" puts d · (kernel_size - 1) zeros at the begin, so
    that no output sees a later input (van den Oord et al. 2016, WaveNet).
    """

    type: Literal["conv1d"] = "conv1d"


class Conv2D(Windowed2D, _Conv):
    """Cross-correlation of an image with `filters` kernels, plus a bias.

    y[o, i, j] = b[o] + Σ w[o, c, p, q] · x[c, i·s + p·d, j·s + q·d] over the channels c of the
    output's group and the window p, q. (channels, h, w) -> (filters, h', w') in channels_first;
    weight (filters, channels / groups, *kernel_size). "same" pads as TensorFlow and ONNX's
    SAME_UPPER do: the output has ⌈n / stride⌉ positions, and the odd pad is at the end.
    """

    type: Literal["conv2d"] = "conv2d"


class Conv3D(Windowed3D, _Conv):
    """Cross-correlation of a volume with `filters` kernels, plus a bias.

    y[o, i, j, k] = b[o] + Σ w[o, c, p, q, r] · x[c, i·s + p·d, j·s + q·d, k·s + r·d] over the
    channels c of the output's group and the window p, q, r. (channels, d, h, w) -> (filters, d',
    h', w') in channels_first; weight (filters, channels / groups, *kernel_size). "same" pads as
    conv2d does.
    """

    type: Literal["conv3d"] = "conv3d"
