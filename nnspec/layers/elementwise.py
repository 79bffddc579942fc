"""Other layers that compute one value of several, element by element."""

from typing import ClassVar, Literal

from nnspec.layers.base import FLOAT
from nnspec.layers.merge import Elementwise


class Subtract(Elementwise):
    """y = x₁ - x₂, element by element; shapes as for add."""

    type: Literal["subtract"] = "subtract"

    arity: ClassVar[tuple[int, int | None]] = (2, 2)


class Divide(Elementwise):
    """y = x₁ / x₂, element by element; shapes as for add. x₂ must not be 0."""

    type: Literal["divide"] = "divide"

    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    dtypes: ClassVar[frozenset[str]] = FLOAT


class Average(Elementwise):
    """y = (x₁ + x₂ + ...) / n of n inputs, element by element; shapes as for add."""

    type: Literal["average"] = "average"

    dtypes: ClassVar[frozenset[str]] = FLOAT


class Maximum(Elementwise):
    """y = the largest of x₁, x₂, ..., element by element; shapes as for add.

    Of equal elements the first input's gets the gradient (PyTorch's maximum gives each a half).
    """

    type: Literal["maximum"] = "maximum"


class Minimum(Elementwise):
    """y = the smallest of x₁, x₂, ..., element by element; shapes as for add.

    Of equal elements the first input's gets the gradient (PyTorch's minimum gives each a half).
    """

    type: Literal["minimum"] = "minimum"
