"""Pieces of Python source: literals, calls, and lines broken as the formatter would break them."""

from __future__ import annotations

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


def wrap(line: str, indent: int = 0) -> list[str]:
    """Return `line` at this indent, broken over several lines where it is too long.

    The breaks are those of the ruff formatter: the last bracket's content on a line of its own
    if it fits there, else one element a line with a trailing comma.
    """
    pad = " " * indent
    if indent + len(line) <= LINE_LENGTH:
        return [pad + line]
    pair = _last_pair(line)
    if pair is None:
        return [pad + line]
    head, body, tail = line[: pair.start + 1], line[pair.start + 1 : pair.end], line[pair.end :]
    inner_pad = indent + 4
    if body and inner_pad + len(body) <= LINE_LENGTH and not _is_exploded(line[pair.start]):
        return [pad + head, " " * inner_pad + body, pad + tail]
    lines = [pad + head]
    parts = list(_split(body))
    is_comprehension = len(parts) == 1 and " for " in parts[0]
    if is_comprehension:
        value, _, rest = parts[0].partition(" for ")
        lines += wrap(value, inner_pad)
        lines += [f"{' ' * inner_pad}for {rest}"]
        return [*lines, pad + tail]
    for part in parts:
        broken = wrap(part, inner_pad)
        broken[-1] += ","
        lines += broken
    return [*lines, pad + tail]


def _is_exploded(bracket: str) -> bool:
    """Dictionaries, lists and sets that do not fit on the line go one element a line."""
    return bracket in "[{"


def _last_pair(line: str) -> _Pair | None:
    """Return the outermost bracket pair that closes last on the line, if it holds anything."""
    stack: list[int] = []
    last: _Pair | None = None
    for i, char in _outside_strings(line):
        if char in "([{":
            stack.append(i)
        elif char in ")]}":
            start = stack.pop()
            if not stack and i > start + 1:
                last = _Pair(start, i)
    return last


def _split(body: str) -> Iterator[str]:
    """Yield the elements of a bracket's content, split at its own commas."""
    depth = 0
    start = 0
    for i, char in _outside_strings(body):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            yield body[start:i].strip()
            start = i + 1
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
