"""Sums, products and quotients of dynamic sizes, written in one form: equal sizes, equal texts.

A window's output of a padded window's output nests as often as a network has layers; here
`((time + 1) // 2 + 1) // 2` is `(time + 3) // 4`, whichever layers have made it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache, reduce
from math import gcd, lcm
from typing import NamedTuple

from nnspec.errors import ShapeError

_TOKEN = re.compile(r"\s*(\d+|[^\W\d]\w*|//|[-+*/()])")

MOST = 1500
"""Characters of a size."""
Factors = tuple[str, ...]
"""Factors: names, quotients rounded down, and sums; in alphabetical order."""


class Size(NamedTuple):
    """A sum of numbers times products of sizes, and a number.

    A coefficient is a fraction where a reshape divides what it knows to be divisible.
    """

    terms: tuple[tuple[Factors, Fraction], ...]
    number: Fraction = Fraction(0)

    def plus(self, other: Size, times: int = 1) -> Size:
        """Return the sum, the other taken so many times."""
        sums = dict(self.terms)
        for factors, coefficient in other.terms:
            sums[factors] = sums.get(factors, Fraction(0)) + coefficient * times
        return _size(sums, self.number + other.number * times)

    def scaled(self, factor: Fraction | int) -> Size:
        """Return the size times a number."""
        terms = {factors: coefficient * factor for factors, coefficient in self.terms}
        return _size(terms, self.number * factor)

    def times(self, other: Size) -> Size:
        """Return the product; sums of several terms stay as they are."""
        if not self.terms or not other.terms:
            one, number = (self, other.number) if self.terms else (other, self.number)
            return one.scaled(number)
        (left, mine), (right, theirs) = self.content(), other.content()
        return _size({tuple(sorted((*left, *right))): mine * theirs}, Fraction(0))

    def content(self) -> tuple[Factors, Fraction]:
        """Return it as factors and the number that they are multiplied by."""
        if len(self.terms) == 1 and not self.number:
            return self.terms[0]
        if not self.terms:
            return (), self.number
        numbers = [coefficient for _, coefficient in self.terms]
        if self.number:
            numbers.append(self.number)
        common = Fraction(
            gcd(*(number.numerator for number in numbers)),
            lcm(*(number.denominator for number in numbers)),
        )
        return (str(self.scaled(1 / common)),), common

    def per(self, other: Size) -> Size | None:
        """Return the exact quotient, or None where it would not be a number times sizes."""
        (factors, mine), (others, theirs) = self.content(), other.content()
        rest = Counter(factors)
        rest.subtract(others)
        if any(count < 0 for count in rest.values()):
            return None
        return product_of(rest.elements()).scaled(mine / theirs)

    def dim(self) -> int | str | None:
        """Return it as a size of a shape; None where it is a fraction."""
        if self.terms:
            return str(self)
        return int(self.number) if self.number.denominator == 1 else None

    def over(self, divisor: int) -> Size:
        """Return the quotient, rounded down."""
        whole = {factors: c for factors, c in self.terms if (c / divisor).denominator == 1}
        rest = {factors: c for factors, c in self.terms if factors not in whole}
        outside = _size({factors: c / divisor for factors, c in whole.items()}, Fraction(0))
        number = self.number
        if not rest:
            return outside._replace(number=Fraction(number // divisor))
        if len(rest) == 1:
            ((factors, coefficient),) = rest.items()
            inner = _quotient(factors[0]) if len(factors) == 1 and coefficient == 1 else None
            if inner is not None and number.denominator == 1:
                # ⌊(⌊n / a⌋ + b) / c⌋ is ⌊(n + a b) / (a c)⌋.
                size, by = inner
                return outside.plus(size.plus(Size((), number * by)).over(by * divisor))
        if all(c.denominator == 1 for c in rest.values()):
            common = gcd(divisor, *(c.numerator for c in rest.values()))
            if common > 1:
                reduced = {factors: c / common for factors, c in rest.items()}
                quotient = _size(reduced, Fraction(number // common)).over(divisor // common)
                return outside.plus(quotient)
        if divisor == 1:
            return outside.plus(_size(rest, number))
        surplus, remainder = divmod(number, divisor)
        text = f"{_wrapped(str(_size(rest, Fraction(remainder))))} // {divisor}"
        return outside.plus(_size({(text,): Fraction(1)}, Fraction(surplus)))

    def __str__(self) -> str:
        divisor = lcm(self.number.denominator, *(c.denominator for _, c in self.terms))
        if divisor > 1 and len(self.terms) + bool(self.number) > 1:
            # The sum is a whole number where its terms need not be.
            return f"({self.scaled(divisor)}) / {divisor}"
        text = ""
        for factors, coefficient in self.terms:
            text = _joined(text, _term(factors, abs(coefficient)), is_less=coefficient < 0)
        if self.number or not text:
            text = _joined(text, str(abs(self.number)), is_less=self.number < 0)
        if len(text) > MOST:  # it may double with each layer
            raise ShapeError(
                f"a dynamic size takes {len(text):,} characters to write; {MOST:,} are the most",
                "give the axes that it is made of numbers, or join fewer of such sizes",
                "too-large",
            )
        return text


def product_of(shape: Iterable[int | str]) -> Size:
    """Return the number of elements."""
    return reduce(Size.times, map(size_of, shape), Size((), Fraction(1)))


def _quotient(text: str) -> tuple[Size, int] | None:
    """Return the dividend and the divisor, where the text is a quotient rounded down."""
    left, _, right = text.rpartition(" // ")
    if not right.isdecimal() or not _is_arithmetic(text):
        return None
    return size_of(left), int(right)


def _is_arithmetic(text: str) -> bool:
    return "".join(_TOKEN.findall(text)) == text.replace(" ", "")


def _size(terms: Mapping[Factors, Fraction], number: Fraction) -> Size:
    return Size(tuple(sorted((key, value) for key, value in terms.items() if value)), number)


def _term(factors: Factors, coefficient: Fraction) -> str:
    if len(factors) == 1 and coefficient == 1:
        return factors[0]
    text = " * ".join(map(_wrapped, factors))
    if coefficient.numerator != 1:
        text += f" * {coefficient.numerator}"
    return text if coefficient.denominator == 1 else f"{text} / {coefficient.denominator}"


def _joined(text: str, term: str, *, is_less: bool) -> str:
    if not text:
        return f"0 - {term}" if is_less else term
    return f"{text} {'-' if is_less else '+'} {term}"


def _wrapped(text: str) -> str:
    return text if text.isidentifier() or text.isdecimal() else f"({text})"


@lru_cache(maxsize=4096)
def size_of(text: int | str) -> Size:
    """Return the size that a text means; one that is no arithmetic stands for itself."""
    if isinstance(text, int):
        return Size((), Fraction(text))
    if text.isidentifier():
        return Size((((text,), Fraction(1)),))
    if _is_arithmetic(text):
        try:
            size, rest = _sum(_TOKEN.findall(text))
        except (IndexError, ValueError, RecursionError):
            rest = ["?"]
        if not rest:
            return size
    return Size((((text,), Fraction(1)),))


def _sum(tokens: list[str]) -> tuple[Size, list[str]]:
    size, tokens = _product(tokens)
    while tokens and tokens[0] in "+-":
        other, rest = _product(tokens[1:])
        size, tokens = size.plus(other, 1 if tokens[0] == "+" else -1), rest
    return size, tokens


def _product(tokens: list[str]) -> tuple[Size, list[str]]:
    size, tokens = _atom(tokens)
    while tokens and tokens[0] in ("*", "/", "//"):
        other, rest = _atom(tokens[1:])
        if tokens[0] == "*":
            size = size.times(other)
        elif other.terms or other.number <= 0:
            raise ValueError("a divisor that is no number")
        elif tokens[0] == "/":
            size = size.scaled(1 / other.number)
        else:
            size = size.over(int(other.number))
        tokens = rest
    return size, tokens


def _atom(tokens: list[str]) -> tuple[Size, list[str]]:
    first, rest = tokens[0], tokens[1:]
    if first == "(":
        size, rest = _sum(rest)
        if rest[0] != ")":
            raise ValueError("a parenthesis that is not closed")
        return size, rest[1:]
    if first.isdecimal():
        return Size((), Fraction(int(first))), rest
    if first.isidentifier():
        return Size((((first,), Fraction(1)),)), rest
    raise ValueError("neither a number nor a name")
