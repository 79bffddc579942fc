"""Layers that compare numbers, join truths, and choose by them."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.arithmetic import require_fitting
from nnspec.layers.base import ANY_DTYPE, NUMBERS, Layer, Placement
from nnspec.layers.fields import Number
from nnspec.layers.shapes import DataFormat, Shape, broadcast, show

BOOL = frozenset({"bool"})


class _Elementwise(Layer):
    placement: ClassVar[Placement] = "pointwise"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = broadcast(inputs)
        if shape is None:
            raise ShapeError(
                f"{self.type} takes inputs of one shape, or with a size of 1 where they differ, "
                f"and got {' and '.join(show(shape) for shape in inputs)}",
                "bring them to one shape with reshape, expand_dims or slice",
            )
        return (shape,)


class Comparison(_Elementwise):
    """Base of the layers that compare two numbers."""

    value: Number | None = Field(
        default=None,
        description="The number to compare with, in the place of a second input; none by default.",
    )

    arity: ClassVar[tuple[int, int | None]] = (1, 2)
    dtypes: ClassVar[frozenset[str]] = NUMBERS

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        if (len(inputs) == 1) == (self.value is None):
            given = "neither" if self.value is None else "both"
            raise ShapeError(
                f"{self.type} compares with a second input or with `value`, and got {given}",
                "give two inputs, or one and a `value`",
                "wrong-number-of-inputs",
            )
        return super().infer_shape(inputs, data_format)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        require_fitting(self.type, self.value, inputs[0])
        return ("bool",)


class Equal(Comparison):
    """y = whether x₁ = x₂, element by element, or whether x = `value`; bool. Shapes as for add."""

    type: Literal["equal"] = "equal"


class NotEqual(Comparison):
    """y = whether x₁ ≠ x₂, element by element, or whether x ≠ `value`; bool. Shapes as for add."""

    type: Literal["not_equal"] = "not_equal"


class Greater(Comparison):
    """y = whether x₁ > x₂, element by element, or whether x > `value`; bool. Shapes as for add."""

    type: Literal["greater"] = "greater"


class GreaterEqual(Comparison):
    """y = whether x₁ ≥ x₂, element by element, or whether x ≥ `value`; bool. Shapes as for add."""

    type: Literal["greater_equal"] = "greater_equal"


class Less(Comparison):
    """y = whether x₁ < x₂, element by element, or whether x < `value`; bool. Shapes as for add."""

    type: Literal["less"] = "less"


class LessEqual(Comparison):
    """y = whether x₁ ≤ x₂, element by element, or whether x ≤ `value`; bool. Shapes as for add."""

    type: Literal["less_equal"] = "less_equal"


class _Joined(_Elementwise):
    arity: ClassVar[tuple[int, int | None]] = (2, None)
    dtypes: ClassVar[frozenset[str]] = BOOL


class LogicalAnd(_Joined):
    """y = whether all of x₁, x₂, ... are true, element by element. Shapes as for add."""

    type: Literal["logical_and"] = "logical_and"


class LogicalOr(_Joined):
    """y = whether any of x₁, x₂, ... is true, element by element. Shapes as for add."""

    type: Literal["logical_or"] = "logical_or"


class LogicalXor(_Joined):
    """y = whether one of x₁ and x₂ alone is true, element by element. Shapes as for add."""

    type: Literal["logical_xor"] = "logical_xor"

    arity: ClassVar[tuple[int, int | None]] = (2, 2)


class LogicalNot(_Elementwise):
    """y = whether x is false. Any shape."""

    type: Literal["logical_not"] = "logical_not"

    dtypes: ClassVar[frozenset[str]] = BOOL


class Where(_Elementwise):
    """y = a where the condition is true, else b, element by element; inputs [condition, a, b].

    The condition is bool, and a and b are of one dtype, any. Shapes as for add. The gradient goes
    to what was chosen, and what was not gets 0.
    """

    type: Literal["where"] = "where"

    arity: ClassVar[tuple[int, int | None]] = (3, 3)
    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE

    def input_dtypes(self, index: int, inputs: tuple[Shape, ...]) -> frozenset[str]:
        return self.dtypes if index else BOOL

    def like(self, index: int) -> int:
        return min(index, 1)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return (inputs[1],)
