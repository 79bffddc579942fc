"""Layers that join several values."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.base import Whole
from nnspec.errors import ShapeError
from nnspec.layers.base import ANY_DTYPE, Layer, Placement, count
from nnspec.shapes import DataFormat, Dim, Shape, show


class _Elementwise(Layer):
    arity: ClassVar[tuple[int, int | None]] = (2, None)
    placement: ClassVar[Placement] = "pointwise"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        if any(shape != inputs[0] for shape in inputs):
            raise ShapeError(
                f"{self.type} takes inputs of one shape, and got "
                f"{' and '.join(show(shape) for shape in inputs)}",
                "bring both to one shape with a dense, conv2d or reshape layer",
            )
        return (inputs[0],)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0]) * (len(inputs) - 1)


class Add(_Elementwise):
    """y = x₁ + x₂ + ...; all of one shape, which it keeps."""

    type: Literal["add"] = "add"


class Multiply(_Elementwise):
    """y = x₁ · x₂ · ..., element by element; all of one shape, which it keeps."""

    type: Literal["multiply"] = "multiply"


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
                f"concatenate over axis {self.axis}, and {show(first)} has no such axis"
            )
        shown = " and ".join(show(shape) for shape in inputs)
        if any(len(shape) != rank for shape in inputs) or rank == 0:
            raise ShapeError(f"concatenate takes inputs of one rank, and got {shown}")
        axis = self.resolved_axis(rank, data_format)
        total = 0
        for shape in inputs:
            if any(a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis):
                raise ShapeError(
                    f"concatenate over axis {axis} takes inputs equal in all other axes, "
                    f"and got {shown}"
                )
            size = shape[axis]
            if isinstance(size, str):
                raise ShapeError(f"concatenate over the dynamic axis {size!r}")
            total += size
        joined: tuple[Dim, ...] = (*first[:axis], total, *first[axis + 1 :])
        return (joined,)
