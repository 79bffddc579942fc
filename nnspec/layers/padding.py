"""Padding and cropping of the spatial axes."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import Layer, Placement
from nnspec.layers.fields import Pairs
from nnspec.layers.shapes import DataFormat, Dim, Shape, show, window_output
from nnspec.layers.windows import require_positions, spatial_sizes, with_sizes

_Pads = tuple[tuple[int, int], ...]
_PADDING = "Elements added to each spatial axis: a size, or [begin, end] per axis."
_CROPPING = "Elements taken from each spatial axis: a size, or [begin, end] per axis."


class SpatialPadding(Layer):
    """Base of the layers that lengthen the spatial axes."""

    padding: _Pads

    placement: ClassVar[Placement] = "spatial"
    axes: ClassVar[int]

    def check(self, size: Dim, pad: tuple[int, int]) -> None:
        """Raise ShapeError where an axis of this size cannot be padded so."""

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        sizes = spatial_sizes(self.type, inputs[0], self.axes, data_format)
        padded = []
        for size, pad in zip(sizes, self.padding, strict=True):
            self.check(size, pad)
            padded.append(window_output(size, 1, 1, 1, pad))
        return (with_sizes(inputs[0], tuple(padded), data_format),)


class ReflectionPadding(SpatialPadding):
    """Base of padding with the input mirrored at its first and its last element."""

    def check(self, size: Dim, pad: tuple[int, int]) -> None:
        if isinstance(size, int) and max(pad) >= size:
            raise ShapeError(
                f"{self.type} with {max(pad)} mirrors more than the {size - 1} elements that an "
                f"axis of {size} has beside its last",
                "use less padding, or replication padding",
            )

    def size_limits(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[tuple[Dim, int, int | None], ...]:
        sizes = spatial_sizes(self.type, inputs[0], self.axes, data_format)
        pads = zip(sizes, self.padding, strict=True)
        return tuple((size, max(pad) + 1, None) for size, pad in pads if isinstance(size, str))


class ReplicationPadding(SpatialPadding):
    """Base of padding with the outermost elements of the input."""


class ZeroPadding1D(SpatialPadding):
    """Zeros before and after the length. (channels, length) -> (channels, length + pads)."""

    type: Literal["zero_padding1d"] = "zero_padding1d"
    padding: Annotated[_Pads, Pairs(1)] = Field(default=((1, 1),), description=_PADDING)

    axes: ClassVar[int] = 1


class ZeroPadding2D(SpatialPadding):
    """Zeros around height and width. (channels, h, w) -> (channels, h + pads, w + pads)."""

    type: Literal["zero_padding2d"] = "zero_padding2d"
    padding: Annotated[_Pads, Pairs(2)] = Field(default=((1, 1),) * 2, description=_PADDING)

    axes: ClassVar[int] = 2


class ZeroPadding3D(SpatialPadding):
    """Zeros around depth, height and width. (channels, d, h, w) -> each axis plus its pads."""

    type: Literal["zero_padding3d"] = "zero_padding3d"
    padding: Annotated[_Pads, Pairs(3)] = Field(default=((1, 1),) * 3, description=_PADDING)

    axes: ClassVar[int] = 3


class ReflectionPadding1D(ReflectionPadding):
    """The input mirrored at its ends, which are not repeated: c b [a b c] b a.

    (channels, length) -> (channels, length + pads); each pad is smaller than the length.
    """

    type: Literal["reflection_padding1d"] = "reflection_padding1d"
    padding: Annotated[_Pads, Pairs(1)] = Field(default=((1, 1),), description=_PADDING)

    axes: ClassVar[int] = 1


class ReflectionPadding2D(ReflectionPadding):
    """The input mirrored at its edges, which are not repeated: c b [a b c] b a, on both axes.

    (channels, h, w) -> (channels, h + pads, w + pads); each pad is smaller than its axis.
    """

    type: Literal["reflection_padding2d"] = "reflection_padding2d"
    padding: Annotated[_Pads, Pairs(2)] = Field(default=((1, 1),) * 2, description=_PADDING)

    axes: ClassVar[int] = 2


class ReplicationPadding1D(ReplicationPadding):
    """The first and the last element repeated: a a [a b c] c c.

    (channels, length) -> (channels, length + pads).
    """

    type: Literal["replication_padding1d"] = "replication_padding1d"
    padding: Annotated[_Pads, Pairs(1)] = Field(default=((1, 1),), description=_PADDING)

    axes: ClassVar[int] = 1


class ReplicationPadding2D(ReplicationPadding):
    """The outermost elements repeated: a a [a b c] c c, on both axes.

    (channels, h, w) -> (channels, h + pads, w + pads).
    """

    type: Literal["replication_padding2d"] = "replication_padding2d"
    padding: Annotated[_Pads, Pairs(2)] = Field(default=((1, 1),) * 2, description=_PADDING)

    axes: ClassVar[int] = 2


class Cropping(Layer):
    """Base of the layers that shorten the spatial axes."""

    cropping: _Pads

    placement: ClassVar[Placement] = "spatial"
    axes: ClassVar[int]

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        sizes = spatial_sizes(self.type, inputs[0], self.axes, data_format)
        cropped = tuple(
            window_output(size, 1, 1, 1, (-begin, -end))
            for size, (begin, end) in zip(sizes, self.cropping, strict=True)
        )
        what = f"with {show(f'[{begin}, {end}]' for begin, end in self.cropping)}"
        require_positions(self.type, sizes, cropped, what, "crop less")
        return (with_sizes(inputs[0], cropped, data_format),)


class Cropping1D(Cropping):
    """The input without its first and last elements. (channels, length) -> the length less them."""

    type: Literal["cropping1d"] = "cropping1d"
    cropping: Annotated[_Pads, Pairs(1)] = Field(default=((1, 1),), description=_CROPPING)

    axes: ClassVar[int] = 1


class Cropping2D(Cropping):
    """The input without its border. (channels, h, w) -> height and width less what is cut off."""

    type: Literal["cropping2d"] = "cropping2d"
    cropping: Annotated[_Pads, Pairs(2)] = Field(default=((1, 1),) * 2, description=_CROPPING)

    axes: ClassVar[int] = 2


class Cropping3D(Cropping):
    """The input without its border. (channels, d, h, w) -> each axis less what is cut off."""

    type: Literal["cropping3d"] = "cropping3d"
    cropping: Annotated[_Pads, Pairs(3)] = Field(default=((1, 1),) * 3, description=_CROPPING)

    axes: ClassVar[int] = 3
