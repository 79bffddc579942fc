"""Arithmetic of `${...}`: numbers, variables, + - * / // % ** and parentheses; never `eval`."""

from __future__ import annotations

import re
from collections.abc import Callable

Number = int | float

MAX_LENGTH = 300
MAX_DEPTH = 32
MAX_MAGNITUDE = 2**63

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)|(?P<operator>\*\*|//|[-+*/%()]))",
    re.ASCII,
)
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 4}
_SIGN = 3


class ExpressionError(ValueError):
    """The expression cannot be read or computed."""


def evaluate(text: str, lookup: Callable[[str], object]) -> object:
    """Compute an expression; `lookup` gives a variable's value or raises.

    A lone variable may hold any value (a string, a list); in arithmetic every value must be a
    number. `/` of two whole numbers that divides evenly gives a whole number.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text)} characters; at most {MAX_LENGTH}")
    found = tokens(text)
    if len(found) == 1 and found[0][0] == "name":
        return lookup(found[0][1])
    parser = _Parser(found, lookup)
    value = parser.expression(0)
    if parser.position < len(found):
        raise ExpressionError(f'unexpected "{found[parser.position][1]}"')
    return value


def tokens(text: str) -> list[tuple[str, str]]:
    """Return the kind (number, name or operator) and the text of each part."""
    found: list[tuple[str, str]] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise ExpressionError(
                f'"{stripped[position:].strip()[0]}" is not allowed; an expression holds numbers, '
                "variables, + - * / // % ** and parentheses"
            )
        kind = match.lastgroup
        assert kind is not None
        found.append((kind, match.group(kind)))
        position = match.end()
    if not found:
        raise ExpressionError("the expression is empty")
    return found


class _Parser:
    """Precedence climbing."""

    def __init__(self, tokens: list[tuple[str, str]], lookup: Callable[[str], object]) -> None:
        self.tokens = tokens
        self.lookup = lookup
        self.position = 0
        self.depth = 0

    def expression(self, minimum: int) -> Number:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH} levels")
        left = self.operand()
        while self.position < len(self.tokens):
            operator = self.tokens[self.position][1]
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence == 0 or precedence < minimum:
                break
            self.position += 1
            # ** binds to the right, as in Python; the others to the left.
            right = self.expression(precedence if operator == "**" else precedence + 1)
            left = _apply(operator, left, right)
        self.depth -= 1
        return left

    def operand(self) -> Number:
        if self.position >= len(self.tokens):
            raise ExpressionError("the expression ends where a number or a variable should follow")
        kind, text = self.tokens[self.position]
        self.position += 1
        if kind == "number":
            number = int(text) if text.isdigit() else float(text)
            return _checked(number, text)
        if kind == "name":
            value = self.lookup(text)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ExpressionError(f'variable "{text}" is {value!r}, not a number')
            return value
        if text == "(":
            value = self.expression(0)
            if self.position >= len(self.tokens) or self.tokens[self.position][1] != ")":
                raise ExpressionError('a ")" is missing')
            self.position += 1
            return value
        if text in "+-":
            value = self.expression(_SIGN)
            return -value if text == "-" else value
        raise ExpressionError(f'unexpected "{text}"')


def _apply(operator: str, left: Number, right: Number) -> Number:
    result: Number
    try:
        if operator == "+":
            result = left + right
        elif operator == "-":
            result = left - right
        elif operator == "*":
            result = left * right
        elif operator == "/":
            exact = isinstance(left, int) and isinstance(right, int) and left % right == 0
            result = left // right if exact else left / right
        elif operator == "//":
            result = left // right
        elif operator == "%":
            result = left % right
        else:
            if abs(right) > 64 or (left == 0 and right < 0):
                raise ExpressionError(f"{left} ** {right} is out of range")
            result = left**right
    except ZeroDivisionError:
        raise ExpressionError(f"division by zero in {left} {operator} {right}") from None
    except OverflowError:
        raise ExpressionError(f"{left} {operator} {right} is out of range") from None
    if isinstance(result, complex):
        raise ExpressionError(f"{left} ** {right} is not a real number")
    return _checked(result, f"{left} {operator} {right}")


def _checked(number: Number, text: str) -> Number:
    # Written so that it holds for nan as well.
    if not abs(number) < MAX_MAGNITUDE:
        raise ExpressionError(f"{text} is out of range")
    return number
