"""Arithmetic of `${...}`: numbers, variables, operators, min, max and round; never `eval`."""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Mapping

Number = int | float

MAX_LENGTH = 300
MAX_DEPTH = 32
SIZE_LENGTH, SIZE_DEPTH = 4000, 100
"""Those of a size that nnspec has written of dynamic axes, which nests as layers do."""
MAX_MAGNITUDE = 2**63

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'[^'\"\\]*'|\"[^'\"\\]*\")|(?P<operator>\*\*|//|[=!<>]=|[-+*/%(),<>]))",
    re.ASCII,
)
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 4}
_SIGN = 3
FUNCTIONS = ("min", "max", "round")
_COMPARE: dict[str, Callable[[Number, Number], bool]] = {
    "==": operators.eq,
    "!=": operators.ne,
    "<=": operators.le,
    ">=": operators.ge,
    "<": operators.lt,
    ">": operators.gt,
}
HOLDS = (
    "an expression holds numbers, variables, + - * / // % ** (), min, max, round and comparisons"
)


class ExpressionError(ValueError):
    """The expression cannot be read or computed."""


def evaluate(
    text: str,
    lookup: Callable[[str], object],
    *,
    length: int = MAX_LENGTH,
    depth: int = MAX_DEPTH,
) -> object:
    """Compute an expression; `lookup` gives a variable's value or raises.

    A lone variable may hold any value (a string, a list); in arithmetic every value must be a
    number. `/` of two whole numbers that divides evenly gives a whole number. min and max take two
    numbers or more; round gives the nearest whole number, of two the even one. Comparisons, `and`,
    `or` and `not` give true or false. length, depth: the most characters and levels.
    """
    if len(text) > length:
        raise ExpressionError(f"the expression has {len(text)} characters; at most {length}")
    found = tokens(text)
    if len(found) == 1 and found[0][0] == "name":
        return lookup(found[0][1])
    parser = _Parser(found, lookup, depth)
    value = parser.choice()
    if parser.position < len(found):
        raise ExpressionError(f'unexpected "{found[parser.position][1]}"')
    return value


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return an expression with other texts in the place of its names."""
    parts = [names.get(part, part) if kind == "name" else part for kind, part in tokens(text)]
    return " ".join(parts).replace("( ", "(").replace(" )", ")")


def tokens(text: str) -> list[tuple[str, str]]:
    """Return the kind (number, name, text or operator) and the text of each part."""
    found: list[tuple[str, str]] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise ExpressionError(f'"{stripped[position:].strip()[0]}" is not allowed; {HOLDS}')
        kind = match.lastgroup
        assert kind is not None
        found.append((kind, match.group(kind)))
        position = match.end()
    if not found:
        raise ExpressionError("the expression is empty")
    return found


class _Parser:
    """Precedence climbing; comparisons, and `and`, `or` and `not` of them, bind least."""

    def __init__(
        self, tokens: list[tuple[str, str]], lookup: Callable[[str], object], most: int
    ) -> None:
        self.tokens = tokens
        self.most = most
        self.lookup = lookup
        self.position = 0
        self.depth = 0

    def next(self) -> str:
        """Return the text of the next part, or an empty one at the end."""
        return self.tokens[self.position][1] if self.position < len(self.tokens) else ""

    def takes(self, *texts: str) -> str:
        """Return the text of the next part and go beyond it, if it is one of these."""
        found = self.next()
        # A text in quotes is no operator.
        if found not in texts or self.tokens[self.position][0] == "text":
            return ""
        self.position += 1
        return found

    def choice(self) -> object:
        """Return a truth, a number or a text."""
        self.depth += 1
        if self.depth > self.most:
            raise ExpressionError(f"the expression is nested deeper than {self.most} levels")
        left = self.both()
        while self.takes("or"):
            # Not `left or ...`: the rest is read, and what is wrong in it said.
            right = self.both()
            left = _truth(left, "or") or _truth(right, "or")
        self.depth -= 1
        return left

    def both(self) -> object:
        left = self.opposite()
        while self.takes("and"):
            right = self.opposite()
            left = _truth(left, "and") and _truth(right, "and")
        return left

    def opposite(self) -> object:
        negations = 0
        while self.takes("not"):
            negations += 1
        value = self.comparison()
        return value if not negations else _truth(value, "not") ^ (negations % 2 == 1)

    def comparison(self) -> object:
        left = self.expression(0)
        operator = self.takes(*_COMPARE)
        if not operator:
            return left
        right = self.expression(0)
        if self.next() in _COMPARE:
            raise ExpressionError(f'unexpected "{self.next()}": join comparisons by `and`')
        if operator in ("==", "!="):
            return (left == right) == (operator == "==")
        return _COMPARE[operator](_number(left), _number(right))

    def expression(self, minimum: int) -> object:
        self.depth += 1
        if self.depth > self.most:
            raise ExpressionError(f"the expression is nested deeper than {self.most} levels")
        left = self.operand()
        while self.position < len(self.tokens):
            operator = self.tokens[self.position][1]
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence == 0 or precedence < minimum:
                break
            self.position += 1
            # ** binds to the right, as in Python; the others to the left.
            right = self.expression(precedence if operator == "**" else precedence + 1)
            left = _apply(operator, _number(left), _number(right))
        self.depth -= 1
        return left

    def operand(self) -> object:
        if self.position >= len(self.tokens):
            raise ExpressionError("the expression ends where a number or a variable should follow")
        kind, text = self.tokens[self.position]
        self.position += 1
        if kind == "number":
            number = int(text) if text.isdigit() else float(text)
            return _checked(number, text)
        if kind == "text":
            return text[1:-1]
        if kind == "name":
            if text in FUNCTIONS and self.next() == "(":
                return self.called(text)
            if text in ("true", "false"):
                return text == "true"
            value = self.lookup(text)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            is_fit = isinstance(value, bool | str) and self.next() not in _PRECEDENCE
            if not is_number and not is_fit:
                raise ExpressionError(f'variable "{text}" is {value!r}, not a number')
            return value
        if text == "(":
            value = self.choice()
            if not self.takes(")"):
                raise ExpressionError('a ")" is missing')
            return value
        if text in ("+", "-"):
            value = _number(self.expression(_SIGN))
            return -value if text == "-" else value
        raise ExpressionError(f'unexpected "{text}"')

    def called(self, name: str) -> Number:
        """Return what a function gives for the arguments that follow."""
        self.takes("(")
        given = [_number(self.choice())]
        while self.takes(","):
            given.append(_number(self.choice()))
        if not self.takes(")"):
            raise ExpressionError('a ")" is missing')
        if name == "round":
            if len(given) > 1:
                raise ExpressionError(f"round takes one number, and got {len(given)}")
            try:
                return round(given[0])
            except (OverflowError, ValueError):
                raise ExpressionError(f"round takes a finite number, and got {given[0]}") from None
        if len(given) == 1:
            raise ExpressionError(f"{name} takes two numbers or more, and got one")
        return min(given) if name == "min" else max(given)


def _number(value: object) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float):
        shown = str(value).lower() if isinstance(value, bool) else repr(value)
        raise ExpressionError(f"{shown} is not a number")
    return value


def _truth(value: object, operator: str) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"`{operator}` takes true or false, and got {value!r}")
    return value


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
