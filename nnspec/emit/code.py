"""Pieces of Python source: literals, calls, and lines broken as the formatter would break them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

LINE_LENGTH = 88


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
    if isinstance(value, Expr):
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
    if isinstance(value, tuple):
        inner = ", ".join(literal(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{literal(key)}: {literal(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise TypeError(f"no literal for {type(value).__name__}")


def root_or_literal(value: float) -> str:
    """Return `math.sqrt(n)`, or 1 over it, for a float that is one; else its digits."""
    square = value * value
    whole = round(square if value >= 1 else 1 / square) if 1e-3 < value < 1e3 else 0
    if whole > 1 and math.isqrt(whole) ** 2 != whole:
        if value == math.sqrt(whole):
            return f"math.sqrt({whole})"
        if value == 1 / math.sqrt(whole):
            return f"1 / math.sqrt({whole})"
    return literal(value)


def uses_module(source: str, name: str) -> bool:
    """Whether the source takes anything from the module that it calls `name`."""
    # The plain search is a hundred times faster, and most sources lack most modules.
    return f"{name}." in source and re.search(rf"(?<![\w.]){name}\.", source) is not None


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


class _Pair(NamedTuple):
    start: int
    end: int


def wrap(line: str, indent: int = 0, reserved: int = 0) -> list[str]:
    """Return `line` at this indent, broken over several lines where it is too long.

    The breaks are those of the ruff formatter: bracket by bracket from the left, each kept on the
    line if the line then reaches the next bracket. `reserved` columns stay free at the end.
    """
    pad = " " * indent
    if indent + len(line) + reserved <= LINE_LENGTH:
        return [pad + line]
    line = _parenthesised(line, indent)
    # The formatter breaks parameters before the brackets of what is returned.
    pairs = _pairs(line)[: 1 if line.startswith("def ") else None]
    lines: list[str] = []
    current, position = pad, 0
    for i, pair in enumerate(pairs):
        is_last = i + 1 == len(pairs)
        stop = len(line) if is_last else pairs[i + 1].start + 1
        room = LINE_LENGTH - (reserved if is_last else 0)
        if len(current) + stop - position <= room:
            is_end = i + 2 == len(pairs) and _is_bare_call(line, pair, pairs[i + 1])
            if is_end and len(current) + len(line) - position + reserved > LINE_LENGTH:
                # The formatter keeps open what ends in a comma; else it would break the "(x)".
                lines.append(current + line[position : pair.start + 1])
                lines += _inside(line, pair, indent + 4, exploded=True)
                current, position = pad, pair.end
                continue
            current += line[position : pair.end + 1]
            position = pair.end + 1
            continue
        lines.append(current + line[position : pair.start + 1])
        lines += _inside(line, pair, indent + 4)
        current, position = pad, pair.end
    return [*lines, current + line[position:]]


def _is_bare_call(line: str, first: _Pair, second: _Pair) -> bool:
    """Whether the result of the first call is called with one variable, and the line ends."""
    argument = line[second.start + 1 : second.end]
    is_last = second.start == first.end + 1 and second.end + 1 == len(line)
    return is_last and line[second.start] == "(" and argument.isidentifier()


def _inside(line: str, pair: _Pair, indent: int, *, exploded: bool = False) -> list[str]:
    body = line[pair.start + 1 : pair.end]
    is_call = pair.start > 0 and (line[pair.start - 1].isalnum() or line[pair.start - 1] in "_)]")
    if is_call and not exploded and indent + len(body) <= LINE_LENGTH:
        return [" " * indent + body]
    loop = list(_split(body, " for "))
    if len(loop) > 1:
        # A comprehension: the commas of its target separate no elements.
        made, *clauses = loop
        lines = wrap(made, indent)
        for clause in clauses:
            source, *conditions = _split(clause, " if ")
            lines += wrap(f"for {source}", indent)
            lines += [line for test in conditions for line in wrap(f"if {test}", indent)]
        return lines
    parts = list(_split(body))
    if len(parts) == 1 and line[pair.start] == "(" and not is_call and not body.endswith(","):
        return _operands(body, indent)
    if len(parts) == 1 and is_call and not exploded:
        return wrap(parts[0], indent)
    lines = []
    for part in parts:
        broken = wrap(part, indent, 1)
        broken[-1] += ","
        lines += broken
    return lines


def _parenthesised(line: str, indent: int) -> str:
    """Return the line with the parentheses that the formatter adds where a tuple must break."""
    if line.startswith("return "):
        value = line.removeprefix("return ")
        return f"return ({value})" if len(list(_split(value))) > 1 else line
    targets, equals, value = line.partition(" = ")
    if equals and ", " in targets and "(" not in targets:
        pairs = _pairs(line)
        stop = pairs[0].start + 1 if pairs else len(line)
        if indent + stop > LINE_LENGTH:
            return f"({targets}) = {value}"
    if equals and re.fullmatch(r"[\w.]+", targets):
        pairs = _pairs(line)
        stop = pairs[0].start + 1 if pairs else len(line)
        if indent + stop > LINE_LENGTH >= indent + len(targets) + len(" = ("):
            return f"{targets} = ({value})"
    return line


def _operands(text: str, indent: int) -> list[str]:
    """Return an expression in parentheses: on one line, or an operand a line."""
    if indent + len(text) <= LINE_LENGTH:
        return [" " * indent + text]
    for operator in (" + ", " - ", " * ", " / "):
        first, *others = _split(text, operator)
        if others:
            lines = wrap(first, indent)
            for operand in others:
                lines += wrap(operator[1:] + operand, indent)
            return lines
    return wrap(text, indent)


def _pairs(line: str) -> list[_Pair]:
    """Return the outermost bracket pairs of the line that hold anything."""
    stack: list[int] = []
    pairs: list[_Pair] = []
    for i, char in _outside_strings(line):
        if char in "([{":
            stack.append(i)
        elif char in ")]}":
            start = stack.pop()
            if not stack and i > start + 1:
                pairs.append(_Pair(start, i))
    return pairs


def _split(body: str, separator: str = ",") -> Iterator[str]:
    """Yield what stands between the separators that no bracket of the content encloses."""
    depth = 0
    start = 0
    for i, char in _outside_strings(body):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth == 0 and i >= start and body.startswith(separator, i):
            yield body[start:i].strip()
            start = i + len(separator)
    rest = body[start:].strip()
    if rest:
        yield rest


def _outside_strings(line: str) -> Iterator[tuple[int, str]]:
    quote = ""
    skip = False
    for i, char in enumerate(line):
        if skip:
            skip = False
        elif quote:
            if char == "\\":
                skip = True
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        else:
            yield i, char
