"""Functions of each element that hold no weights."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import ANY_DTYPE, MOVED, NUMBERS, WHOLE, Layer, Placement
from nnspec.layers.fields import Number, Size
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

    Any shape; whole numbers too, with whole bounds.
    """

    type: Literal["clip"] = "clip"
    min_value: Number | None = Field(default=None, description="The lower bound; none by default.")
    max_value: Number | None = Field(default=None, description="The upper bound; none by default.")

    dtypes: ClassVar[frozenset[str]] = NUMBERS

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

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        for bound in (self.min_value, self.max_value):
            require_fitting(self.type, bound, inputs[0])
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


class Sin(_Elementwise):
    """y = sin x, x in radians. Any shape."""

    type: Literal["sin"] = "sin"


class Cos(_Elementwise):
    """y = cos x, x in radians. Any shape."""

    type: Literal["cos"] = "cos"


class Erf(_Elementwise):
    """y = 2 / √π · ∫ e^(-t²) dt from 0 to x, the error function. Any shape."""

    type: Literal["erf"] = "erf"


class _Stepped(_Elementwise):
    passes_gradient: ClassVar[bool] = False


class Sign(_Stepped):
    """y = 1 where x > 0, -1 where x < 0, and 0 at 0; gradient 0. Any shape; whole numbers too."""

    type: Literal["sign"] = "sign"

    dtypes: ClassVar[frozenset[str]] = NUMBERS


class Floor(_Stepped):
    """y = the largest whole number that is at most x, as a float; gradient 0. Any shape."""

    type: Literal["floor"] = "floor"


class Ceil(_Stepped):
    """y = the smallest whole number that is at least x, as a float; gradient 0. Any shape."""

    type: Literal["ceil"] = "ceil"


class Round(_Stepped):
    """y = the whole number nearest to x, as a float; gradient 0. Any shape.

    Of two that are equally near it is the even one: 0.5 becomes 0, 1.5 becomes 2.
    """

    type: Literal["round"] = "round"


class _OfWhole(_Elementwise):
    divisor: Size = Field(description="The whole number n to divide by, above 0.")

    dtypes: ClassVar[frozenset[str]] = WHOLE

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        require_fitting(self.type, self.divisor, inputs[0])
        return super().infer_dtype(inputs)


class FloorDivide(_OfWhole):
    """y = ⌊x / n⌋ of whole numbers, rounded down: -1 by 4 is -1. Any shape."""

    type: Literal["floor_divide"] = "floor_divide"


class Modulo(_OfWhole):
    """y = x - n · ⌊x / n⌋ of whole numbers, from 0 to n - 1: -1 modulo 4 is 3. Any shape."""

    type: Literal["modulo"] = "modulo"


class StopGradient(_Stepped):
    """y = x, with gradient 0: what x is made of learns nothing from what follows. Any shape."""

    type: Literal["stop_gradient"] = "stop_gradient"

    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE


class Cast(_Elementwise):
    """The same elements as another dtype. Any shape.

    A fraction loses what follows its point; a bool is 0 or 1, and true stands for any number but
    0. float32 means the precision in which the network computes. Nothing whole has a gradient.
    """

    type: Literal["cast"] = "cast"
    dtype: Literal["float32", "int32", "int64", "bool"] = Field(
        description="What the elements become."
    )

    dtypes: ClassVar[frozenset[str]] = MOVED

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return (self.dtype,)


def require_fitting(layer: str, number: float | None, dtype: str) -> None:
    """Raise ShapeError where whole numbers of this dtype meet a number that is none of them."""
    if number is None or dtype == "float32":
        return
    most = 2 ** (31 if dtype == "int32" else 63) - 1
    if number != int(number) or not -most <= number <= most:
        raise ShapeError(
            f"{layer} of {dtype} with the number {number:g}, which is none of that dtype",
            "give a whole number, or cast what it takes to float32",
            "wrong-value",
        )


def whole_or_float(number: float) -> Any:
    """Return 3 for 3.0, as a person writes an exponent."""
    return int(number) if number == int(number) else float(number)
