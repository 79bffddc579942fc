"""Layers that put values one after another, or part one."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    MOVED,
    Layer,
    Placement,
)
from nnspec.layers.fields import Whole
from nnspec.layers.shapes import DataFormat, Dim, Shape, added, show


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

    dtypes: ClassVar[frozenset[str]] = MOVED

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
        for shape in inputs:
            if any(a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis):
                raise ShapeError(
                    f"concatenate over axis {axis} takes inputs equal in all other axes, "
                    f"and got {shown}",
                    "crop, pad or reshape one of them, or choose another axis",
                )
        total = added(shape[axis] for shape in inputs)
        joined: tuple[Dim, ...] = (*first[:axis], total, *first[axis + 1 :])
        return (joined,)


class Split(Layer):
    """The input in parts along `axis`, one after another; each part is an output.

    Later layers name the parts after the first `NAME.1`, `NAME.2`, ...
    """

    type: Literal["split"] = "split"
    sizes: tuple[Whole, ...] = Field(
        strict=False, min_length=2, description="The size of each part along the axis."
    )
    axis: int = Field(
        strict=True, default=-1, description="The axis to part, the batch not counted from 0."
    )

    placement: ClassVar[Placement] = "pointwise"
    dtypes: ClassVar[frozenset[str]] = MOVED

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
