"""Layers that make one number of many: sums, means and what is like them."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from nnspec.errors import ShapeError, nearest
from nnspec.layers.base import FeaturesRole, Layer, Placement, Side, count, resolve_axis
from nnspec.layers.fields import Flag, Positive, Text, Whole, is_whole
from nnspec.layers.shapes import DataFormat, Shape, show


def _one_or_many(value: object) -> object:
    return (value,) if is_whole(value) or isinstance(value, str) else value


Axes = Annotated[
    tuple[Whole | Text, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_one_or_many, json_schema_input_type=int | str | list[int | str]),
]
"""An axis, by its number or by its name if it is dynamic, or a list of them."""


class Reduction(Layer):
    """Base of the layers that reduce axes."""

    axes: Axes = Field(
        description="The axis, or the axes, to reduce: numbers, the batch not counted from 0, or "
        "the names of dynamic axes."
    )
    keepdims: Flag = Field(
        default=False, description="Whether the reduced axes stay, with a size of 1."
    )

    placement: ClassVar[Placement] = "pointwise"

    def resolved(self, shape: Shape) -> tuple[int, ...]:
        """Return the axes in order, counted from 0 without the batch; raises ShapeError."""
        axes = sorted(
            self.named(axis, shape)
            if isinstance(axis, str)
            else resolve_axis(self.type, axis, shape)
            for axis in self.axes
        )
        if len(set(axes)) < len(axes):
            raise ShapeError(
                f"{self.type} over the axes {list(self.axes)} of {show(shape)} names one twice",
                "name each axis once",
            )
        return tuple(axes)

    def by_number(self, shape: Shape) -> Self:
        """Return the same with numbers for the names of axes, for shapes that have none."""
        return self.model_copy(update={"axes": self.resolved(shape)})

    def named(self, name: str, shape: Shape) -> int:
        """Return the axis of this name, counted from 0 without the batch; raises ShapeError."""
        names = [size for size in shape if isinstance(size, str)]
        if names.count(name) == 1:
            return shape.index(name)
        if name in names:
            raise ShapeError(
                f'{self.type} over the axis "{name}", and {show(shape)} has several of that name',
                "say which by its number, the batch not counted from 0",
            )
        known = f"its named axes: {', '.join(names)}" if names else "all its axes have fixed sizes"
        raise ShapeError(
            f'{self.type} over the axis "{name}", and {show(shape)} has none of that name'
            f"{nearest(name, names)}",
            f"{known}; others go by number, the batch not counted from 0",
            "unknown-axis",
        )

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        axes = self.resolved(shape)
        if self.keepdims:
            return (tuple(1 if i in axes else size for i, size in enumerate(shape)),)
        return (tuple(size for i, size in enumerate(shape) if i not in axes),)

    def features_side(self, side: Side, rank: int) -> Side | None:
        end = 0 if side == "first" else rank - 1
        return side if self.keepdims or not {end, end - rank}.intersection(self.axes) else None

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(inputs[0])


class ReduceSum(Reduction):
    """y = Σ x over `axes`. (..., n, ...) -> (..., ...), or (..., 1, ...) with keepdims."""

    type: Literal["reduce_sum"] = "reduce_sum"


class ReduceMean(Reduction):
    """y = Σ x / n over `axes`, n elements. (..., n, ...) -> (..., ...)."""

    type: Literal["reduce_mean"] = "reduce_mean"


class ReduceMax(Reduction):
    """y = the largest x over `axes`; k equal ones get 1/k of the gradient each."""

    type: Literal["reduce_max"] = "reduce_max"


class ReduceMin(Reduction):
    """y = the smallest x over `axes`; k equal ones get 1/k of the gradient each."""

    type: Literal["reduce_min"] = "reduce_min"


class ReduceVariance(Reduction):
    """y = Σ (x - mean)² / n over `axes`, n elements: the variance of the elements themselves.

    PyTorch divides by n - 1 by default, Keras by n.
    """

    type: Literal["reduce_variance"] = "reduce_variance"


class ReduceNorm(Reduction):
    """y = √(Σ x² + epsilon) over `axes`; with epsilon the gradient at 0 is 0."""

    type: Literal["reduce_norm"] = "reduce_norm"
    epsilon: Positive = Field(
        default=1e-12, description="Added under the root: without it there is no gradient at 0."
    )


class L2Normalize(Layer):
    """y = x / √max(Σ x², epsilon), summed over `axis`: vectors of length 1. Any shape."""

    type: Literal["l2_normalize"] = "l2_normalize"
    axis: Whole = Field(
        default=-1, description="The axis of the vectors, the batch not counted from 0."
    )
    epsilon: Positive = Field(
        default=1e-12, description="Least square of a length: a vector of zeros stays zeros."
    )

    placement: ClassVar[Placement] = "pointwise"
    features: ClassVar[FeaturesRole] = "across"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        resolve_axis(self.type, self.axis, inputs[0])
        return (inputs[0],)


class Argmax(Layer):
    """The index of the largest element along `axis`, of equal ones the first; int64.

    (..., n, ...) -> (..., ...). It has no gradient.
    """

    type: Literal["argmax"] = "argmax"
    axis: Whole = Field(
        default=-1, description="The axis to look along, the batch not counted from 0."
    )

    features: ClassVar[FeaturesRole] = "along"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        axis = resolve_axis(self.type, self.axis, shape)
        return ((*shape[:axis], *shape[axis + 1 :]),)

    def features_side(self, side: Side, rank: int) -> Side | None:
        return side if self.axis % rank != (0 if side == "first" else rank - 1) else None

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("int64",)
