"""Functions of each element that hold no weights."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import ANY_DTYPE, NUMBERS, Layer, Placement
from nnspec.layers.fields import Number
from nnspec.layers.shapes import DataFormat, Shape


class _Elementwise(Layer):
    placement: ClassVar[Placement] = "pointwise"


class Rescaling(_Elementwise):
    """y = scale · x + offset. Any shape."""

    type: Literal["rescaling"] = "rescaling"
    scale: Number = Field(default=1.0, description="The factor.")
    offset: Number = Field(default=0.0, description="What is added to the product.")


class Clip(_Elementwise):
    """y = min(max(x, min_value), max_value); gradient 1 between the bounds and at them, 0 beyond.

    Any shape.
    """

    type: Literal["clip"] = "clip"
    min_value: Number | None = Field(default=None, description="The lower bound; none by default.")
    max_value: Number | None = Field(default=None, description="The upper bound; none by default.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        if self.min_value is None and self.max_value is None:
            raise ShapeError("clip has no bound", "give min_value, max_value or both")
        if (
            self.min_value is not None
            and self.max_value is not None
            and self.min_value >= self.max_value
        ):
            raise ShapeError(
                f"clip from {self.min_value} to {self.max_value} leaves nothing between",
                "give a min_value below max_value",
            )
        return (inputs[0],)


class Power(_Elementwise):
    """y = x ^ exponent. Any shape. For an exponent that is not whole, x must not be negative."""

    type: Literal["power"] = "power"
    exponent: Number = Field(description="The exponent.")


class Sqrt(_Elementwise):
    """y = √x; the gradient is infinite at 0. Any shape; x must not be negative."""

    type: Literal["sqrt"] = "sqrt"


class Exp(_Elementwise):
    """y = e ^ x. Any shape."""

    type: Literal["exp"] = "exp"


class Log(_Elementwise):
    """y = ln x. Any shape; x must be positive."""

    type: Literal["log"] = "log"


class Abs(_Elementwise):
    """y = |x|; gradient 0 at 0. Any shape; whole numbers too."""

    type: Literal["abs"] = "abs"

    dtypes: ClassVar[frozenset[str]] = NUMBERS


class Negative(_Elementwise):
    """y = -x. Any shape; whole numbers too."""

    type: Literal["negative"] = "negative"

    dtypes: ClassVar[frozenset[str]] = NUMBERS


class Reciprocal(_Elementwise):
    """y = 1 / x. Any shape; x must not be 0."""

    type: Literal["reciprocal"] = "reciprocal"


class Square(_Elementwise):
    """y = x². Any shape; whole numbers too."""

    type: Literal["square"] = "square"

    dtypes: ClassVar[frozenset[str]] = NUMBERS


class Cast(_Elementwise):
    """The same elements as another dtype. Any shape.

    A fraction loses what follows its point; a bool is 0 or 1, and true stands for any number but
    0. float32 means the precision in which the network computes. Nothing whole has a gradient.
    """

    type: Literal["cast"] = "cast"
    dtype: Literal["float32", "int32", "int64", "bool"] = Field(
        description="What the elements become."
    )

    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return (self.dtype,)


def whole_or_float(number: float) -> Any:
    """Return 3 for 3.0, as a person writes an exponent."""
    return int(number) if number == int(number) else float(number)
