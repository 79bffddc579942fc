"""Layers that number the places along axes: indices, coordinates, masks of lengths."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    ANY_DTYPE,
    MOVED,
    WHOLE,
    FeaturesRole,
    Layer,
    require_rank,
    resolve_axis,
)
from nnspec.layers.fields import Number, Size, Whole
from nnspec.layers.shapes import DataFormat, Dim, Shape, show


class Arange(Layer):
    """y = 0, 1, ..., n - 1 for the n places along `axis`, the same for every row; int64.

    (..., n, ...) -> (n,); of the input nothing is taken but its sizes.
    """

    type: Literal["arange"] = "arange"
    axis: Whole = Field(default=0, description="The axis, the batch not counted from 0.")

    dtypes: ClassVar[frozenset[str]] = MOVED
    passes_gradient: ClassVar[bool] = False
    features: ClassVar[FeaturesRole] = "lost"

    def size(self, shape: Shape) -> Dim:
        """Return the size of the axis; raises ShapeError."""
        return shape[resolve_axis(self.type, self.axis, shape)]

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        return ((self.size(inputs[0]),),)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("int64",)


class CoordinateGrid(Layer):
    """The coordinates of every place of an image, a sequence or a volume, one channel an axis.

    y = minimum + (maximum - minimum) · i / (n - 1) at place i of the n along an axis, or minimum
    where n is 1; the channels are in the order of the axes: row, then column. (channels, height,
    width) -> (2, height, width) in channels_first; of the input nothing is taken but its sizes.
    Liu et al. 2018 (CoordConv).
    """

    type: Literal["coordinate_grid"] = "coordinate_grid"
    minimum: Number = Field(default=-1.0, description="The first coordinate of each axis.")
    maximum: Number = Field(default=1.0, description="The last coordinate of each axis.")

    passes_gradient: ClassVar[bool] = False
    features: ClassVar[FeaturesRole] = "layout"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if not 2 <= len(shape) <= 4:
            require_rank(self.type, shape, 3, data_format)
        if data_format == "channels_first":
            return ((len(shape) - 1, *shape[1:]),)
        return ((*shape[:-1], len(shape) - 1),)


class SequenceMask(Layer):
    """y[..., t] = whether t < length, for lengths that are whole numbers; bool.

    (...) -> (..., n): n is max_length, or with the inputs [lengths, x] the size of x's first axis,
    the time. What attention takes as key_padding, and `where` as a condition.
    """

    type: Literal["sequence_mask"] = "sequence_mask"
    max_length: Size | None = Field(
        default=None, description="How many places there are, where no second input says it."
    )

    arity: ClassVar[tuple[int, int | None]] = (1, 2)
    dtypes: ClassVar[frozenset[str]] = WHOLE
    features: ClassVar[FeaturesRole] = "lost"

    def input_dtypes(self, index: int, inputs: tuple[Shape, ...]) -> frozenset[str]:
        return ANY_DTYPE if index else WHOLE

    def like(self, index: int) -> int:
        return index

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        if (len(inputs) == 1) == (self.max_length is None):
            given = "neither" if self.max_length is None else "both"
            raise ShapeError(
                f"sequence_mask takes max_length or a second input, and got {given}",
                "give the sequence as the second input: inputs: [lengths, x]",
                "wrong-number-of-inputs",
            )
        if self.max_length is not None:
            return ((*inputs[0], self.max_length),)
        if not inputs[1]:
            raise ShapeError(
                f"sequence_mask takes a sequence as its second input, and got {show(inputs[1])}",
                "name the sequence, or give max_length",
            )
        return ((*inputs[0], inputs[1][0]),)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("bool",)
