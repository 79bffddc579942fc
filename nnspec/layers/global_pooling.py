"""Pooling to a size that the spec gives: one position, or as many as it asks for."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.layers.base import Layer, Placement, channel_axis
from nnspec.layers.fields import Flag, PerAxis
from nnspec.layers.shapes import DataFormat, Shape
from nnspec.layers.windows import spatial_sizes, with_sizes


class GlobalPooling(Layer):
    """Base of the layers that reduce each channel to one number."""

    keepdims: Flag = Field(
        default=False, description="Whether the reduced axes stay, with one position each."
    )

    placement: ClassVar[Placement] = "spatial"
    axes: ClassVar[int]

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        spatial_sizes(self.type, shape, self.axes, data_format)
        if self.keepdims:
            return (with_sizes(shape, (1,) * self.axes, data_format),)
        return ((shape[channel_axis(len(shape), data_format)],),)


class GlobalAveragePooling1D(GlobalPooling):
    """Mean over the length. (channels, length) -> (channels,) in channels_first."""

    type: Literal["global_average_pooling1d"] = "global_average_pooling1d"

    axes: ClassVar[int] = 1


class GlobalAveragePooling2D(GlobalPooling):
    """Mean over height and width. (channels, h, w) -> (channels,) in channels_first."""

    type: Literal["global_average_pooling2d"] = "global_average_pooling2d"

    axes: ClassVar[int] = 2


class GlobalAveragePooling3D(GlobalPooling):
    """Mean over depth, height and width. (channels, d, h, w) -> (channels,) in channels_first."""

    type: Literal["global_average_pooling3d"] = "global_average_pooling3d"

    axes: ClassVar[int] = 3


class GlobalMaxPooling1D(GlobalPooling):
    """Largest element of each channel. (channels, length) -> (channels,) in channels_first.

    Equal elements share the gradient.
    """

    type: Literal["global_max_pooling1d"] = "global_max_pooling1d"

    axes: ClassVar[int] = 1


class GlobalMaxPooling2D(GlobalPooling):
    """Largest element of each channel. (channels, h, w) -> (channels,) in channels_first.

    Equal elements share the gradient.
    """

    type: Literal["global_max_pooling2d"] = "global_max_pooling2d"

    axes: ClassVar[int] = 2


class GlobalMaxPooling3D(GlobalPooling):
    """Largest element of each channel. (channels, d, h, w) -> (channels,) in channels_first.

    Equal elements share the gradient.
    """

    type: Literal["global_max_pooling3d"] = "global_max_pooling3d"

    axes: ClassVar[int] = 3


class AdaptivePooling(Layer):
    """Base of the layers that pool to a given size: position i of o takes the elements of n from
    ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉, the end not included. The bins of PyTorch.
    """

    output_size: tuple[int, ...]

    placement: ClassVar[Placement] = "spatial"
    axes: ClassVar[int]

    def sizes(self, shape: Shape, data_format: DataFormat) -> Shape:
        """Return the spatial sizes of the input."""
        return spatial_sizes(self.type, shape, self.axes, data_format)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        self.sizes(inputs[0], data_format)
        return (with_sizes(inputs[0], self.output_size, data_format),)


_OUTPUT_SIZE = "Number of positions along each axis."
_Sizes = tuple[int, ...]


class AdaptiveAveragePooling1D(AdaptivePooling):
    """Mean of ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉ for each position i of o.

    (channels, length) -> (channels, output_size) in channels_first. The bins of PyTorch.
    """

    type: Literal["adaptive_average_pooling1d"] = "adaptive_average_pooling1d"
    output_size: Annotated[_Sizes, PerAxis(1)] = Field(description=_OUTPUT_SIZE)

    axes: ClassVar[int] = 1


class AdaptiveAveragePooling2D(AdaptivePooling):
    """Mean of ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉ for each position i of o, along both axes.

    (channels, h, w) -> (channels, *output_size) in channels_first. The bins of PyTorch.
    """

    type: Literal["adaptive_average_pooling2d"] = "adaptive_average_pooling2d"
    output_size: Annotated[_Sizes, PerAxis(2)] = Field(description=_OUTPUT_SIZE)

    axes: ClassVar[int] = 2


class AdaptiveMaxPooling1D(AdaptivePooling):
    """Largest of ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉ for each position i of o.

    (channels, length) -> (channels, output_size) in channels_first. The bins of PyTorch. Of equal
    elements the first gets the gradient.
    """

    type: Literal["adaptive_max_pooling1d"] = "adaptive_max_pooling1d"
    output_size: Annotated[_Sizes, PerAxis(1)] = Field(description=_OUTPUT_SIZE)

    axes: ClassVar[int] = 1


class AdaptiveMaxPooling2D(AdaptivePooling):
    """Largest of ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉ for each position i of o, along both axes.

    (channels, h, w) -> (channels, *output_size) in channels_first. The bins of PyTorch. Of equal
    elements the first in row-major order gets the gradient.
    """

    type: Literal["adaptive_max_pooling2d"] = "adaptive_max_pooling2d"
    output_size: Annotated[_Sizes, PerAxis(2)] = Field(description=_OUTPUT_SIZE)

    axes: ClassVar[int] = 2
