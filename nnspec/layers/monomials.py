"""Products of sizes of which some are dynamic: what a reshape or a flatten makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from nnspec.layers.shapes import Dim
from nnspec.layers.sizes import Size, size_of


class Monomial(NamedTuple):
    """A number times dynamic sizes: of `time * 3`, 3 and one `time`.

    sizes: in the order in which they were met; one that is a sum stands for itself.
    """

    number: Fraction
    sizes: tuple[str, ...] = ()

    def __mul__(self, other: object) -> Monomial:
        assert isinstance(other, Monomial)
        return Monomial(self.number * other.number, (*self.sizes, *other.sizes))

    def over(self, other: Monomial) -> Monomial | None:
        """Return the quotient, or None where it would not be a number times sizes."""
        left = Counter(self.sizes)
        left.subtract(other.sizes)
        if any(count < 0 for count in left.values()):
            return None
        kept = []
        for size in self.sizes:
            if left[size] > 0:
                left[size] -= 1
                kept.append(size)
        return Monomial(self.number / other.number, tuple(kept))

    def dim(self) -> Dim | None:
        """Return it as a size; None where it is a fraction."""
        if not self.sizes:
            return self.number.numerator if self.number.denominator == 1 else None
        size = Size((), self.number)
        for each in self.sizes:
            size = size.times(size_of(each))
        return str(size)


def monomial(size: Dim) -> Monomial:
    """Return what a size is a product of."""
    if isinstance(size, int):
        return Monomial(Fraction(size))
    sizes, number = size_of(size).content()
    return Monomial(number, sizes)


def product_of(shape: Iterable[Dim]) -> Monomial:
    """Return the number of elements."""
    result = Monomial(Fraction(1))
    for size in shape:
        result *= monomial(size)
    return result
