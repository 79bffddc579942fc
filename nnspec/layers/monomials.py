"""Products of sizes of which some are dynamic: what a reshape or a flatten makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from nnspec.layers.shapes import Dim


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
        text = " * ".join(
            size
            if size.isidentifier() or (len(self.sizes) == 1 and self.number == 1)
            else f"({size})"
            for size in self.sizes
        )
        if self.number.numerator != 1:
            text += f" * {self.number.numerator}"
        return text if self.number.denominator == 1 else f"{text} / {self.number.denominator}"


def monomial(size: Dim) -> Monomial:
    """Return what a size is a product of."""
    if isinstance(size, int):
        return Monomial(Fraction(size))
    number = Fraction(1)
    sizes: list[str] = []
    operator = "*"
    for part in _factors(size):
        if part in ("*", "/"):
            operator = part
        elif part.isdecimal():
            number = number * int(part) if operator == "*" else number / int(part)
        elif operator == "*":
            inner = _unwrapped(part)
            if inner != part and (found := monomial(inner)).sizes != (inner,):
                number, sizes = number * found.number, [*sizes, *found.sizes]
            else:
                sizes.append(inner)
        else:
            return Monomial(Fraction(1), (size,))
    return Monomial(number, tuple(sizes))


def product_of(shape: Iterable[Dim]) -> Monomial:
    """Return the number of elements."""
    result = Monomial(Fraction(1))
    for size in shape:
        result *= monomial(size)
    return result


def _factors(text: str) -> list[str]:
    """Return the factors with the operators between them; the whole text where it is a sum."""
    parts, depth = [""], 0
    for word in text.split(" "):
        if depth == 0 and word in ("*", "/"):
            parts += [word, ""]
            continue
        if depth == 0 and word in ("+", "-", "//", "%", "**"):
            return [text]
        depth += word.count("(") - word.count(")")
        parts[-1] += f" {word}" if parts[-1] else word
    return parts


def _unwrapped(text: str) -> str:
    """Return the text without a pair of parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for i, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and i < len(text) - 1:
            return text
    return text[1:-1]
