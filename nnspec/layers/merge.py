"""Sums and products of several values, element by element."""

from typing import ClassVar, Literal

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    NUMBERS,
    Layer,
    Placement,
    count,
)
from nnspec.layers.shapes import DataFormat, Shape, broadcast, show


class Elementwise(Layer):
    """Base of the layers that take values of one shape, or that stretch to one."""

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


class Add(Elementwise):
    """y = x₁ + x₂ + ..., element by element.

    Shapes line up at their last axes, the batch apart; a size of 1 or a missing axis stretches to
    the other's: (3, 1, 1) and (3, 4, 5) -> (3, 4, 5), (5,) and (4, 5) -> (4, 5).
    """

    type: Literal["add"] = "add"


class Multiply(Elementwise):
    """y = x₁ · x₂ · ..., element by element; shapes as for add."""

    type: Literal["multiply"] = "multiply"
