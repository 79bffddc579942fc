"""Layers that join several values, or part one."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    ANY_DTYPE,
    FLOAT,
    NUMBERS,
    Layer,
    Placement,
    count,
    resolve_axis,
)
from nnspec.layers.fields import Whole
from nnspec.layers.shapes import DataFormat, Dim, Shape, broadcast, show

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Divide",
    "Dot",
    "Matmul",
    "Maximum",
    "Minimum",
    "Multiply",
    "Split",
    "Subtract",
]


class _Elementwise(Layer):
    arity: ClassVar[tuple[int, int | None]] = (2, None)
    placement: ClassVar[Placement] = "pointwise"
    dtypes: ClassVar[frozenset[str]] = NUMBERS

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = broadcast(inputs)
        if shape is None:
            raise ShapeError(
                f"{self.type} takes inputs of one shape, or with a size of 1 where they differ, "
                f"and got {' and '.join(show(shape) for shape in inputs)}",
                "bring both to one shape with a dense, conv2d or reshape layer",
            )
        return (shape,)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0]) * (len(inputs) - 1)


class Add(_Elementwise):
    """y = x₁ + x₂ + ..., element by element.

    Shapes line up at their last axes, the batch apart; a size of 1 or a missing axis stretches to
    the other's: (3, 1, 1) and (3, 4, 5) -> (3, 4, 5), (5,) and (4, 5) -> (4, 5).
    """

    type: Literal["add"] = "add"


class Subtract(_Elementwise):
    """y = x₁ - x₂, element by element; shapes as for add."""

    type: Literal["subtract"] = "subtract"

    arity: ClassVar[tuple[int, int | None]] = (2, 2)


class Multiply(_Elementwise):
    """y = x₁ · x₂ · ..., element by element; shapes as for add."""

    type: Literal["multiply"] = "multiply"


class Divide(_Elementwise):
    """y = x₁ / x₂, element by element; shapes as for add. x₂ must not be 0."""

    type: Literal["divide"] = "divide"

    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    dtypes: ClassVar[frozenset[str]] = FLOAT


class Average(_Elementwise):
    """y = (x₁ + x₂ + ...) / n of n inputs, element by element; shapes as for add."""

    type: Literal["average"] = "average"

    dtypes: ClassVar[frozenset[str]] = FLOAT


class Maximum(_Elementwise):
    """y = the largest of x₁, x₂, ..., element by element; shapes as for add.

    Of equal elements the first input's gets the gradient (PyTorch's maximum gives each a half).
    """

    type: Literal["maximum"] = "maximum"


class Minimum(_Elementwise):
    """y = the smallest of x₁, x₂, ..., element by element; shapes as for add.

    Of equal elements the first input's gets the gradient (PyTorch's minimum gives each a half).
    """

    type: Literal["minimum"] = "minimum"


class Matmul(Layer):
    """y = x₁ x₂, the product of the matrices in the last two axes.

    (..., m, k) and (..., k, n) -> (..., m, n); the axes before line up as for add.
    """

    type: Literal["matmul"] = "matmul"

    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        first, second = inputs
        shown = f"{show(first)} and {show(second)}"
        if min(len(first), len(second)) < 2:
            raise ShapeError(
                f"matmul takes matrices, at least two axes each, and got {shown}",
                "use dot for vectors, or expand_dims before it",
            )
        if first[-1] != second[-2]:
            raise ShapeError(
                f"matmul of {shown}: the first has {first[-1]} columns, the second "
                f"{second[-2]} rows",
                "permute one of them so that these agree",
            )
        batch = broadcast((first[:-2], second[:-2]))
        if batch is None:
            raise ShapeError(
                f"matmul of {shown}: the axes before the last two must be equal, or 1",
                "reshape one of them",
            )
        return ((*batch, first[-2], second[-1]),)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0]) * count(inputs[0][-1:])


class Dot(Layer):
    """y = Σ x₁ · x₂ over an axis of each, for every pair of their other indices.

    (a, k) and (b, k) -> (a, b); two vectors (k,) -> (1,), as Keras's Dot gives.
    """

    type: Literal["dot"] = "dot"
    axes: Annotated[tuple[Whole, Whole], Field(strict=False)] = Field(
        default=(-1, -1),
        description="The axis of the first and of the second, the batch not counted from 0.",
    )

    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        i, j = self.resolved(inputs)
        first, second = inputs
        if first[i] != second[j]:
            raise ShapeError(
                f"dot of axis {i} of {show(first)} and axis {j} of {show(second)}, which have "
                f"{first[i]} and {second[j]} elements",
                "choose axes of one size",
            )
        rest = (*first[:i], *first[i + 1 :], *second[:j], *second[j + 1 :])
        return (rest or (1,),)

    def resolved(self, inputs: tuple[Shape, ...]) -> tuple[int, int]:
        """Return both axes, counted from 0 without the batch; raises ShapeError."""
        first, second = inputs
        return resolve_axis("dot", self.axes[0], first), resolve_axis("dot", self.axes[1], second)

    def equation(self, ranks: tuple[int, int], axes: tuple[int, int]) -> str:
        """Return the sum in Einstein's notation, the batch as b."""
        first = list("cdefghij"[: ranks[0]])
        second = list("klmnopqr"[: ranks[1]])
        second[axes[1]] = first[axes[0]]
        rest = [*first[: axes[0]], *first[axes[0] + 1 :]]
        rest += [*second[: axes[1]], *second[axes[1] + 1 :]]
        return f"b{''.join(first)},b{''.join(second)}->b{''.join(rest)}"

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0]) * count((inputs[0][self.resolved(inputs)[0]],))


class Concatenate(Layer):
    """The inputs one after another along `axis`; the other axes must agree."""

    type: Literal["concatenate"] = "concatenate"
    axis: Whole | None = Field(
        default=None,
        description="The axis to join, the batch not counted from 0; by default the channels: the "
        "last axis, or the first of a channels_first image.",
    )

    arity: ClassVar[tuple[int, int | None]] = (2, None)
    placement: ClassVar[Placement] = "pointwise"

    def resolved_axis(self, rank: int, data_format: DataFormat) -> int:
        """Return the axis, counted from 0 without the batch."""
        if self.axis is None:
            return 0 if data_format == "channels_first" and rank == 3 else rank - 1
        return self.axis % rank

    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        first = inputs[0]
        rank = len(first)
        if self.axis is not None and not -rank <= self.axis < rank:
            raise ShapeError(
                f"concatenate over axis {self.axis}, and {show(first)} has no such axis",
                "count axes from 0, the batch not counted, or from -1, the last",
            )
        shown = " and ".join(show(shape) for shape in inputs)
        if any(len(shape) != rank for shape in inputs) or rank == 0:
            raise ShapeError(
                f"concatenate takes inputs of one rank, and got {shown}"
                if rank
                else f"concatenate takes inputs of at least one axis, and got {shown}",
                "reshape one of them, or put an `expand_dims` layer before it",
            )
        axis = self.resolved_axis(rank, data_format)
        total = 0
        for shape in inputs:
            if any(a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis):
                raise ShapeError(
                    f"concatenate over axis {axis} takes inputs equal in all other axes, "
                    f"and got {shown}",
                    "crop, pad or reshape one of them, or choose another axis",
                )
            size = shape[axis]
            if isinstance(size, str):
                raise ShapeError(
                    f"concatenate over the dynamic axis {size!r}",
                    "give that axis a number in `inputs`, or choose another axis",
                )
            total += size
        joined: tuple[Dim, ...] = (*first[:axis], total, *first[axis + 1 :])
        return (joined,)


class Split(Layer):
    """The input in parts along `axis`, one after another; each part is an output.

    Later layers name the parts after the first `NAME.1`, `NAME.2`, ...
    """

    type: Literal["split"] = "split"
    sizes: tuple[int, ...] = Field(
        strict=False, min_length=2, description="The size of each part along the axis."
    )
    axis: int = Field(
        strict=True, default=-1, description="The axis to part, the batch not counted from 0."
    )

    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        rank = len(shape)
        if not -rank <= self.axis < rank:
            raise ShapeError(
                f"split over axis {self.axis}, and {show(shape)} has no such axis",
                "count axes from 0, the batch not counted, or from -1, the last",
            )
        axis = self.axis % rank
        if shape[axis] != sum(self.sizes) or min(self.sizes) < 1:
            raise ShapeError(
                f"split into {list(self.sizes)}, {sum(self.sizes)} together, and axis {axis} of "
                f"{show(shape)} has {shape[axis]}",
                "give sizes of at least 1 that add up to the axis",
            )
        return tuple((*shape[:axis], size, *shape[axis + 1 :]) for size in self.sizes)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return (inputs[0],) * len(self.sizes)
