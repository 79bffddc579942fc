"""Layers that choose and rearrange elements, and compute nothing."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    MOVED,
    FeaturesRole,
    Layer,
    Placement,
    Side,
    resolve_axis,
)
from nnspec.layers.fields import Size, Whole
from nnspec.layers.shapes import MAX_RANK, DataFormat, Dim, Shape, divided, scaled, shifted, show


class _Arrangement(Layer):
    dtypes: ClassVar[frozenset[str]] = MOVED


class Permute(_Arrangement):
    """The axes in another order: axis i of the output is axis axes[i] of the input.

    (a, b, c) with axes [2, 0, 1] -> (c, a, b). Keras's Permute counts the batch, from 1.
    """

    type: Literal["permute"] = "permute"
    axes: Annotated[tuple[Whole, ...], Field(strict=False)] = Field(
        max_length=MAX_RANK, description="The input's axes, the batch not counted from 0."
    )

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if sorted(self.axes) != list(range(len(shape))):
            raise ShapeError(
                f"permute by {list(self.axes)}, and {show(shape)} has {len(shape)} axes",
                f"name each of {list(range(len(shape)))} once (the batch is not counted)",
            )
        return (tuple(shape[axis] for axis in self.axes),)

    def features_side(self, side: Side, rank: int) -> Side | None:
        # Who moves them knows where they are.
        end = 0 if side == "first" else rank - 1
        return side if self.axes[end] == end else None


class RepeatVector(_Arrangement):
    """The vector n times, one under the other. (size,) -> (n, size)."""

    type: Literal["repeat_vector"] = "repeat_vector"
    n: Size = Field(description="How often.")

    features: ClassVar[FeaturesRole] = "last"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if len(shape) != 1:
            raise ShapeError(
                f"repeat_vector takes a vector per row, and got {show(shape)}",
                "use tile for other shapes",
            )
        return ((self.n, *shape),)


class ExpandDims(_Arrangement):
    """A new axis of size 1. (a, b) with axis 1 -> (a, 1, b)."""

    type: Literal["expand_dims"] = "expand_dims"
    axis: Whole = Field(
        default=-1, description="Which axis of the output it is, the batch not counted from 0."
    )

    features: ClassVar[FeaturesRole] = "shaped"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        axis = new_axis(self.type, self.axis, shape)
        return ((*shape[:axis], 1, *shape[axis:]),)

    def features_side(self, side: Side, rank: int) -> Side | None:
        return _beside(self.axis % (rank + 1), side, rank)


class Squeeze(_Arrangement):
    """Without an axis of size 1. (a, 1, b) with axis 1 -> (a, b)."""

    type: Literal["squeeze"] = "squeeze"
    axis: Whole = Field(description="The axis, the batch not counted from 0.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        axis = resolve_axis(self.type, self.axis, shape)
        if shape[axis] != 1:
            raise ShapeError(
                f"squeeze removes an axis of size 1, and axis {axis} of {show(shape)} "
                f"has {shape[axis]}",
                "reduce the axis, or take one index of it with slice",
            )
        return ((*shape[:axis], *shape[axis + 1 :]),)

    def features_side(self, side: Side, rank: int) -> Side | None:
        return side if self.axis % rank != (0 if side == "first" else rank - 1) else None


class Stack(_Arrangement):
    """The inputs, all of one shape, along a new axis. n of (a, b) with axis 0 -> (n, a, b)."""

    type: Literal["stack"] = "stack"
    axis: Whole = Field(
        default=0, description="Which axis of the output it is, the batch not counted from 0."
    )

    arity: ClassVar[tuple[int, int | None]] = (2, None)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if any(other != shape for other in inputs):
            raise ShapeError(
                f"stack takes inputs of one shape, and got {' and '.join(map(show, inputs))}",
                "to join along an axis that is there, use concatenate",
            )
        axis = new_axis(self.type, self.axis, shape)
        return ((*shape[:axis], len(inputs), *shape[axis:]),)

    def features_side(self, side: Side, rank: int) -> Side | None:
        return _beside(self.axis % (rank + 1), side, rank)


class _Along(_Arrangement):
    axis: Whole = Field(default=-1, description="The axis, the batch not counted from 0.")

    placement: ClassVar[Placement] = "pointwise"

    def resolved_axis(self, shape: Shape) -> int:
        """Return the axis, counted from 0 without the batch; raises ShapeError."""
        return resolve_axis(self.type, self.axis, shape)

    def resized(self, shape: Shape, size: Dim) -> Shape:
        """Return the shape with another size of the axis."""
        axis = self.resolved_axis(shape)
        return (*shape[:axis], size, *shape[axis + 1 :])


class Slice(_Along):
    """Every `step`th element along `axis`, from `start` until before `stop`.

    (..., n, ...) -> (..., ceil((stop - start) / step), ...). Negative ends count from the axis's
    own end, as in Python; unlike there, both must lie within the axis, however long it is.
    """

    type: Literal["slice"] = "slice"
    start: Whole = Field(default=0, description="The first index.")
    stop: Whole | None = Field(
        default=None, description="The index after the last; the end of the axis by default."
    )
    step: Size = Field(default=1, description="From one index to the next.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        size = shape[self.resolved_axis(shape)]
        if isinstance(size, str):
            return (self.resized(shape, divided(self._dynamic(size), self.step)),)
        start = self.start + size if self.start < 0 else self.start
        stop = size if self.stop is None else self.stop + size if self.stop < 0 else self.stop
        if not 0 <= start < stop <= size:
            raise ShapeError(
                f"slice from {self.start} to {self.stop} along an axis of {size}, of {show(shape)}",
                f"give a start and a later stop within 0 to {size}, or below 0 from the end",
            )
        return (self.resized(shape, -(-(stop - start) // self.step)),)

    def _dynamic(self, size: str) -> Dim:
        """Return how many elements of a dynamic axis lie between start and stop."""
        start, stop = self.start, self.stop
        ends_from_end = stop is None or stop < 0
        if (start < 0) is ends_from_end:
            number = (stop or 0) - start
            if number > 0:
                return number
        elif ends_from_end:
            return shifted(size, (stop or 0) - start)
        raise ShapeError(
            f"slice along the dynamic axis {size!r} from {start} to {stop} has no element at "
            "some size of the axis",
            "count both from the begin, both from the end, or the start from the begin and the "
            "stop from the end",
        )

    def size_limits(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[tuple[Dim, int, int | None], ...]:
        size = inputs[0][self.resolved_axis(inputs[0])]
        return ((size, max(-self.start, self.stop or 0, -(self.stop or 0), 1), None),)


class Gather(_Along):
    """The elements at `indices` along `axis`, in that order; one may come more than once.

    (..., n, ...) -> (..., number of indices, ...).
    """

    type: Literal["gather"] = "gather"
    indices: Annotated[tuple[Whole, ...], Field(strict=False)] = Field(
        min_length=1, description="Indices from 0; below 0 they count from the end."
    )

    def resolved(self, shape: Shape) -> tuple[int, ...]:
        """Return the indices, from 0 where the axis is no dynamic one; raises ShapeError."""
        size = shape[self.resolved_axis(shape)]
        if isinstance(size, str):
            return self.indices
        for index in self.indices:
            if not -size <= index < size:
                raise ShapeError(
                    f"gather at index {index} along an axis of {size}, of {show(shape)}",
                    f"give indices from {-size} to {size - 1}",
                )
        return tuple(index % size for index in self.indices)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        return (self.resized(inputs[0], len(self.resolved(inputs[0]))),)

    def size_limits(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[tuple[Dim, int, int | None], ...]:
        size = inputs[0][self.resolved_axis(inputs[0])]
        return ((size, max(max(self.indices) + 1, -min(self.indices)), None),)


class Flip(_Along):
    """The elements along `axis` in reverse. Keeps the shape."""

    type: Literal["flip"] = "flip"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        self.resolved_axis(inputs[0])
        return (inputs[0],)


class Roll(_Along):
    """The elements along `axis` moved on by `shift`; those that leave the end enter at the start.

    Keeps the shape.
    """

    type: Literal["roll"] = "roll"
    shift: Whole = Field(description="How far; below 0 towards the start.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        self.resolved_axis(inputs[0])
        return (inputs[0],)


class RepeatElements(_Along):
    """Each element along `axis` `repeats` times in a row: a b -> a a b b."""

    type: Literal["repeat_elements"] = "repeat_elements"
    repeats: Size = Field(description="How often.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        size = inputs[0][self.resolved_axis(inputs[0])]
        return (self.resized(inputs[0], scaled(size, self.repeats)),)


class Tile(_Along):
    """The whole along `axis` `repeats` times, one after another: a b -> a b a b."""

    type: Literal["tile"] = "tile"
    repeats: Size = Field(description="How often.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        size = inputs[0][self.resolved_axis(inputs[0])]
        return (self.resized(inputs[0], scaled(size, self.repeats)),)


def _beside(axis: int, side: Side, rank: int) -> Side | None:
    """Return where features are once a new axis stands among what was `rank` axes."""
    # A new first axis is one of channels, as of an image of one channel.
    return side if 0 < axis < rank else None


def new_axis(layer: str, axis: int, shape: Shape) -> int:
    """Return where a new axis stands, from 0 without the batch; raises ShapeError."""
    rank = len(shape) + 1
    if not -rank <= axis < rank:
        raise ShapeError(
            f"{layer} with a new axis {axis}, and {show(shape)} has places for it from 0 to "
            f"{rank - 1} (the batch not counted)",
            "use -1 for the last place",
        )
    return axis % rank
