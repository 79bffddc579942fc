"""Writes Python source: values, calls, expressions, and lines as the formatter would break them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nnspec.emit.layout import LINE_LENGTH, width
from nnspec.emit.pretty import broken, broken_item
from nnspec.emit.tree import (
    Apply,
    Attribute,
    Binary,
    Expression,
    Field,
    Formula,
    Index,
    Input,
    Inputs,
    Items,
    Lambda,
    Literal,
    Module,
    Name,
    Negative,
    Owner,
    Slice,
    Starred,
)

_COMPARED = 1
_PRECEDENCE = {
    **dict.fromkeys(("<=", ">=", "<", ">", "==", "!="), _COMPARED),
    **dict.fromkeys("+-", 2),
    **dict.fromkeys(("*", "/", "//", "%"), 3),
    "**": 5,
}
_SIGN = 4
_ATOM = 9


class Expr(str):
    """Source text that stands for itself: a variable, an f-string; never text of a spec."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call with plain values: `function(*positional, **keywords)`.

    Positional arguments carry their names too, so that a value that differs between two uses of a
    block can become a parameter of that name.
    """

    function: str
    positional: tuple[tuple[str, object], ...] = ()
    keywords: tuple[tuple[str, object], ...] = ()

    def render(self) -> str:
        """Return the source of the call, on one line."""
        parts = [literal(value) for _, value in self.positional]
        parts += [f"{name}={literal(value)}" for name, value in self.keywords]
        return f"{self.function}({', '.join(parts)})"


def call(function: str, *positional: tuple[str, object], **keywords: object) -> Call:
    """Return a Call; positional arguments are (name, value) pairs."""
    return Call(function, positional, tuple(keywords.items()))


def literal(value: object) -> str:
    """Return Python source for a plain value; any string comes out as a quoted literal."""
    if type(value) is int or isinstance(value, Expr):
        return str(value)
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return f'float("{value}")'
        mantissa, _, exponent = repr(value).partition("e")
        if not exponent:
            return mantissa
        return f"{mantissa}e{int(exponent)}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Call):
        return value.render()
    if isinstance(value, Expression):
        return printed(value)
    if isinstance(value, tuple):
        inner = ", ".join(literal(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{literal(key)}: {literal(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise TypeError(f"no literal for {type(value).__name__}")


def short(value: float, made: str) -> str:
    """Return source for a number; `made`, which computes it, where rounding gave it odd digits.

    0.02 / 0.1 is 0.19999999999999998, which no reader takes for a fifth.
    """
    return literal(value) if float(f"{value:.12g}") == value else made


def printed(expression: Expression) -> str:
    """Return the source; what stands for something that is not known yet is in braces."""
    match expression:
        case Name(name):
            return name
        case Literal(value):
            return "..." if value is ... else literal(value)
        case Apply(function, arguments, keywords):
            given = [printed(argument) for argument in arguments]
            given += [f"{name}={printed(value)}" for name, value in keywords]
            return f"{_operand(function, _ATOM)}({', '.join(given)})"
        case Attribute(operand, name):
            return f"{_operand(operand, _ATOM)}.{name}"
        case Binary(operator, left, right):
            rank = _PRECEDENCE[operator]
            space = "" if operator == "**" else " "
            # A power groups from the right, a comparison on neither side, the rest from the left.
            is_power = operator == "**"
            first = _operand(left, rank + (is_power or rank == _COMPARED))
            last = _operand(right, _SIGN if is_power else rank + 1)
            return f"{first}{space}{operator}{space}{last}"
        case Formula(parts):
            return "".join(part if isinstance(part, str) else printed(part) for part in parts)
        case Negative(operand):
            return f"-{_operand(operand, _SIGN)}"
        case Starred(operand):
            return f"*{printed(operand)}"
        case Index(operand, items):
            return f"{_operand(operand, _ATOM)}[{', '.join(map(_subscript, items))}]"
        case Items(items, is_list):
            inner = ", ".join(map(printed, items))
            if is_list:
                return f"[{inner}]"
            is_single = len(items) == 1 and not isinstance(items[0], Inputs)
            return f"({inner},)" if is_single else f"({inner})"
        case Lambda(parameter, body):
            return f"lambda {parameter}: {printed(body)}"
        case Input(number):
            return f"{{{number}}}"
        case Inputs():
            return "{inputs}"
        case Module():
            return "{module}"
        case Owner():
            return "{owner}"
        case Field(name):
            return f"{{{name}}}"
    raise TypeError(f"no source for {type(expression).__name__}")


def begins_with_input(expression: Expression) -> bool:
    """Whether the source is a chain of operators, each among spaces, after the first input."""
    if not isinstance(expression, Binary) or expression.operator == "**":
        return False
    left = expression.left
    if isinstance(left, Binary):
        groups = _rank(left) >= _rank(expression) > _COMPARED or _rank(left) > _rank(expression)
        return groups and begins_with_input(left)
    return left == Input(0)


def _rank(expression: Expression) -> int:
    if isinstance(expression, Binary):
        return _PRECEDENCE[expression.operator]
    if isinstance(expression, Negative):
        return _SIGN
    if isinstance(expression, Lambda | Formula):
        return 0
    if isinstance(expression, Literal) and isinstance(expression.value, int | float):
        return _SIGN if literal(expression.value)[0] == "-" else _ATOM
    return _ATOM


def _operand(expression: Expression, rank: int) -> str:
    """Return the source of an operand, in brackets where it binds less than what is around it."""
    source = printed(expression)
    return f"({source})" if _rank(expression) < rank else source


def _subscript(item: Expression) -> str:
    if not isinstance(item, Slice):
        return printed(item)
    parts = (item.start, item.stop, item.step)
    start, stop, step = ("" if part is None else printed(part) for part in parts)
    is_simple = all(isinstance(part, Literal | Name | None) for part in parts)
    colon = ":" if is_simple else " : "
    source = f"{start}{colon}{stop}"
    return (f"{source}{colon}{step}" if step else source).strip()


def quoted(text: str) -> str:
    """Return a string literal, in double quotes unless single ones need fewer escapes."""
    body = repr(text)
    quote, inner = body[0], body[1:-1]
    if quote == "'" and '"' not in inner:
        return f'"{inner.replace(chr(92) + chr(39), chr(39))}"'
    return body


def docstring_text(text: str) -> str:
    """Return text that cannot end a docstring or begin an escape."""
    return "".join(c if c.isprintable() and c not in '"\\' else "_" for c in text)


def wrap(line: str, indent: int = 0) -> list[str]:
    """Return a statement, or the header of one, at this indent; broken where it is too long."""
    if indent + width(line) <= LINE_LENGTH:
        return [" " * indent + line]
    return broken(line, indent)


def wrap_item(pair: str, indent: int) -> list[str]:
    """Return the lines of one `key: value,` of a dictionary that is written an item a line."""
    if indent + width(pair) + 1 <= LINE_LENGTH:
        return [f"{' ' * indent}{pair},"]
    return broken_item(pair, indent)


def in_import_order(statements: Iterable[str]) -> list[str]:
    """Return import statements as isort orders a group: `import a` before `from a import b`."""
    return sorted(
        statements, key=lambda statement: (statement.split()[0] == "from", statement.casefold())
    )
