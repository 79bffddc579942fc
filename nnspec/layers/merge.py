"""Layers that compute one value of several, element by element."""

from typing import ClassVar, Literal

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    FLOAT,
    NUMBERS,
    Layer,
    Placement,
    count,
)
from nnspec.layers.shapes import DataFormat, Shape, broadcast, show


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
