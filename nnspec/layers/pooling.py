"""Pooling."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import Layer, Placement, channel_axis, require_rank, spatial_axes
from nnspec.layers.convolution import Padding, Pair, resolve_padding, windowed_shape
from nnspec.shapes import DataFormat, Shape


class _Pooling2D(Layer):
    pool_size: Pair = Field(default=(2, 2), description="Height and width of the window.")
    strides: Pair | None = Field(
        default=None, description="Step of the window; the window's size by default."
    )
    padding: Padding = Field(
        default="valid",
        description='"valid" (none), "same", a size, or [begin, end] per axis.',
    )

    placement: ClassVar[Placement] = "spatial"

    @property
    def steps(self) -> tuple[int, int]:
        """The step of the window in height and width."""
        return self.pool_size if self.strides is None else self.strides

    def pads(self, shape: Shape, data_format: DataFormat) -> tuple[tuple[int, int], ...]:
        """Return (begin, end) for height and width."""
        sizes = tuple(shape[axis] for axis in spatial_axes(3, data_format))
        return resolve_padding(self.type, self.padding, sizes, self.pool_size, self.steps, (1, 1))

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        require_rank(self.type, shape, 3, data_format)
        sizes = tuple(shape[axis] for axis in spatial_axes(3, data_format))
        pads = self.pads(shape, data_format)
        for pad, window in zip(pads, self.pool_size, strict=True):
            if max(pad) >= window:
                raise ShapeError(
                    f"{self.type} with padding {max(pad)} would pool a window of {window} that "
                    "lies wholly in the padding",
                    "use less padding than the window's size",
                )
        output = windowed_shape(self.type, sizes, self.pool_size, self.steps, (1, 1), pads)
        channels = shape[channel_axis(3, data_format)]
        is_first = data_format == "channels_first"
        return ((channels, *output) if is_first else (*output, channels),)


class MaxPooling2D(_Pooling2D):
    """Largest element of each window; padding counts as -∞.

    (channels, h, w) -> (channels, h', w') in channels_first. Of equal elements the first in
    row-major order gets the gradient.
    """

    type: Literal["max_pooling2d"] = "max_pooling2d"


class AveragePooling2D(_Pooling2D):
    """Mean of each window; padding is not counted.

    (channels, h, w) -> (channels, h', w') in channels_first.
    """

    type: Literal["average_pooling2d"] = "average_pooling2d"


class GlobalAveragePooling2D(Layer):
    """Mean over height and width. (channels, h, w) -> (channels,) in channels_first."""

    type: Literal["global_average_pooling2d"] = "global_average_pooling2d"

    placement: ClassVar[Placement] = "spatial"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        require_rank(self.type, inputs[0], 3, data_format)
        return ((inputs[0][channel_axis(3, data_format)],),)
