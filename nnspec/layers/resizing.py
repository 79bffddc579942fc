"""Images made larger or smaller."""

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import Layer, Placement, channel_axis, require_whole
from nnspec.layers.fields import Flag, PerAxis, Positive, Size
from nnspec.layers.shapes import DataFormat, Dim, Shape, fraction_of, scaled
from nnspec.layers.windows import spatial_sizes, with_sizes

_Sizes = tuple[int, ...]
FINEST = 64
"""Of dynamic axes scales are multiples of one over this, whose products float32 holds."""
MAX_SIZE = 2**31 - 1
"""Of an axis that a scale makes."""


class UpSampling(Layer):
    """Base of the layers that repeat each element along the spatial axes."""

    size: _Sizes

    placement: ClassVar[Placement] = "spatial"
    axes: ClassVar[int]

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        sizes = spatial_sizes(self.type, inputs[0], self.axes, data_format)
        output = tuple(scaled(size, times) for size, times in zip(sizes, self.size, strict=True))
        return (with_sizes(inputs[0], output, data_format),)


class UpSampling1D(UpSampling):
    """Each element `size` times. (channels, length) -> (channels, length · size)."""

    type: Literal["up_sampling1d"] = "up_sampling1d"
    size: Annotated[_Sizes, PerAxis(1)] = Field(
        default=(2,), description="How often each element is repeated."
    )

    axes: ClassVar[int] = 1


class UpSampling2D(UpSampling):
    """Each element repeated in height and width (nearest neighbour).

    (channels, h, w) -> (channels, h · size, w · size) in channels_first.
    """

    type: Literal["up_sampling2d"] = "up_sampling2d"
    size: Annotated[_Sizes, PerAxis(2)] = Field(
        default=(2, 2), description="How often each element is repeated along each axis."
    )

    axes: ClassVar[int] = 2


class Resize(Layer):
    """An image of another size. (channels, h, w) -> (channels, *size) in channels_first.

    With a `scale` instead of the size it is ⌊h · scale⌋ by ⌊w · scale⌋.

    Position i of o lies at x = (i + 1/2)·n/o - 1/2 in an axis of n (half-pixel centres), or at
    i·(n - 1)/(o - 1) with align_corners. nearest takes the element next to it, found in float32 (of
    two equally near the later); bilinear goes straight between the two beside it; bicubic is the
    cubic of Keys 1981 through four, with a = -0.75 as in PyTorch and ONNX. Outside, the outermost
    elements go on. Nothing is smoothed before an image is made smaller.

    With antialias it is: along an axis that gets smaller, the function by which neighbours weigh
    is n/o times as wide. What lies outside has no part, bicubic has a = -0.5, and the weights of
    each position are divided by their sum, all as in PyTorch and Pillow.
    """

    type: Literal["resize"] = "resize"
    size: Annotated[_Sizes, PerAxis(2)] | None = Field(
        default=None, description="New height and width, where `scale` does not say it."
    )
    scale: Positive | None = Field(
        default=None, description="By which height and width change; none by default."
    )
    interpolation: Literal["nearest", "bilinear", "bicubic"] = Field(
        default="nearest",
        description="How values between elements are found: nearest (default), bilinear, bicubic.",
    )
    align_corners: Flag = Field(
        default=False,
        description="Whether the centres of the outermost elements stay where they are.",
    )

    antialias: Flag = Field(
        default=False,
        description="Whether what gets smaller is smoothed; for bilinear and bicubic.",
    )

    placement: ClassVar[Placement] = "spatial"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        if self.antialias and self.interpolation == "nearest":
            raise ShapeError(
                "resize has no antialias for interpolation nearest",
                "leave antialias out, or use bilinear or bicubic",
            )
        if self.antialias and self.align_corners:
            raise ShapeError(
                "resize has no antialias with align_corners: PyTorch's moves the corners",
                "leave one of the two out",
            )
        if self.align_corners and self.interpolation == "nearest":
            raise ShapeError(
                "resize has no align_corners for interpolation nearest",
                "leave align_corners out, or use bilinear or bicubic",
            )
        return (with_sizes(inputs[0], self.new_size(inputs[0], data_format), data_format),)

    @property
    def fraction(self) -> tuple[int, int]:
        """The scale as a fraction of whole numbers, whose second is a power of two."""
        return float(self.scale or 1).as_integer_ratio()

    def new_size(self, shape: Shape, data_format: DataFormat) -> tuple[Dim, ...]:
        """Return the new height and width; raises ShapeError."""
        sizes = spatial_sizes("resize", shape, 2, data_format)
        if (self.size is None) == (self.scale is None):
            given = "neither" if self.size is None else "both"
            raise ShapeError(
                f"resize takes a size or a scale, and has {given}",
                "give one of them: size: [32, 32], or scale: 0.5",
                "missing-argument" if self.size is None else "wrong-value",
            )
        if self.scale is None:
            assert self.size is not None
            return self.size
        known = [size for size in sizes if isinstance(size, int)]
        if any(size * self.scale < 1 for size in known):
            least = min(known)
            raise ShapeError(
                f"resize by {self.scale:g} leaves nothing of {sizes[0]} x {sizes[1]}",
                f"give a scale of at least {1 / least:.3g}" if least else "give it a larger input",
            )
        if any(size * self.scale > MAX_SIZE for size in known):
            raise ShapeError(
                f"resize by {self.scale:g} makes {sizes[0]} x {sizes[1]} too large",
                "give a smaller scale",
                "too-large",
            )
        over, under = self.fraction
        if len(known) < len(sizes) and under > FINEST:
            raise ShapeError(
                f"resize by {self.scale:g} of a dynamic axis: frameworks would round its product "
                "with so long a fraction each in a way of its own",
                f"give a scale that is a whole number over 1, 2, 4, ... or {FINEST}, or a size",
            )
        return tuple(
            int(size * self.scale) if isinstance(size, int) else fraction_of(size, over, under)
            for size in sizes
        )

    def float32_rounding(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> float:
        if self.interpolation == "nearest":
            return 0.0
        # A position is off by its own size times the roundoff, and two neighbours lie twice the
        # largest element apart at most.
        sizes = spatial_sizes("resize", inputs[0], 2, data_format)
        return 2.0 * sum(size for size in sizes if isinstance(size, int))


class PixelShuffle(Layer):
    """Channels moved into space: y[c, h·r + i, w·r + j] = x[c·r² + i·r + j, h, w].

    (channels, h, w) -> (channels / r², h · r, w · r). Shi et al. 2016.
    """

    type: Literal["pixel_shuffle"] = "pixel_shuffle"
    upscale_factor: Size = Field(description="r, by which height and width grow.")

    placement: ClassVar[Placement] = "spatial"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        sizes = spatial_sizes(self.type, inputs[0], 2, data_format)
        axis = channel_axis(3, data_format)
        channels = require_whole(self.type, inputs[0][axis], "channel axis")
        square = self.upscale_factor**2
        if channels % square:
            raise ShapeError(
                f"pixel_shuffle has {channels} channels, not divisible by upscale_factor² = "
                f"{square}",
                f"give it a multiple of {square} channels",
            )
        output = tuple(scaled(size, self.upscale_factor) for size in sizes)
        is_first = data_format == "channels_first"
        return ((channels // square, *output) if is_first else (*output, channels // square),)


class PixelUnshuffle(Layer):
    """Space moved into channels: y[c·r² + i·r + j, h, w] = x[c, h·r + i, w·r + j].

    (channels, h, w) -> (channels · r², h / r, w / r). Undoes pixel_shuffle. Of a dynamic axis it
    takes multiples of r alone.
    """

    type: Literal["pixel_unshuffle"] = "pixel_unshuffle"
    downscale_factor: Size = Field(description="r, by which height and width shrink.")

    placement: ClassVar[Placement] = "spatial"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        factor = self.downscale_factor
        sizes = spatial_sizes(self.type, inputs[0], 2, data_format)
        if any(size % factor for size in sizes if isinstance(size, int)):
            raise ShapeError(
                f"pixel_unshuffle has an input of {sizes[0]} x {sizes[1]}, not divisible by "
                f"downscale_factor {factor}",
                "pad or crop the input first",
            )
        axis = channel_axis(3, data_format)
        channels = require_whole(self.type, inputs[0][axis], "channel axis") * factor**2
        output = tuple(_over(size, factor) for size in sizes)
        return ((channels, *output) if data_format == "channels_first" else (*output, channels),)


def _over(size: Dim, divisor: int) -> Dim:
    """Return the size over a number that divides it."""
    if isinstance(size, int):
        return size // divisor
    from nnspec.layers.sizes import size_of  # which few specs need

    return str(size_of(size).scaled(Fraction(1, divisor)))
