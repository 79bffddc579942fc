"""Prints text that may be broken over lines, group by group, as the ruff formatter does.

A document is text, a list of documents, or one of the classes below. A group is printed flat where
it fits on the line together with what follows it up to the next possible break; else each of its
own lines is broken, and the groups in it are tried in turn. The algorithm is that of Wadler, "A
prettier printer" (2003), with what the formatter adds to it for parentheses that are optional.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

LINE_LENGTH = 88
INDENT = 4


class Key:
    """Tells a group from others, and knows whether it was broken."""

    __slots__ = ("is_broken",)

    def __init__(self) -> None:
        self.is_broken = False


@dataclass(frozen=True, slots=True)
class Line:
    """A possible break: nothing, or a space, where it is not broken; `is_hard` ones always are."""

    flat: str = ""
    is_hard: bool = False


@dataclass(frozen=True, slots=True)
class Indent:
    """Indents the lines of the content; with a key, only where that group is broken."""

    content: Doc
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Breaks all its own lines or none; with `within`, only where that group is broken."""

    content: Doc
    key: Key | None = None
    within: Key | None = None
    is_expanded: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Two texts: one where the group of the key (or the innermost one) is broken, one where not."""

    broken: Doc
    flat: Doc
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Expandable:
    """While the group of the key is flat, the content may still be broken at its own brackets."""

    content: Doc
    key: Key


@dataclass(frozen=True, slots=True)
class Parenthesizable:
    """Content that gets parentheses, and a line of its own, if all of it fits on lines then."""

    content: Doc
    key: Key


@dataclass(frozen=True, slots=True)
class Best:
    """The first variant whose first line fits, or the last of them."""

    variants: tuple[Doc, ...]


Doc: TypeAlias = (
    "str | list[Doc] | Line | Indent | Group | Choice | Expandable | Parenthesizable | Best"
)


class _Measure(Enum):
    """The lines that have to fit."""

    FIRST = 0
    ALL = 1
    AROUND = 2
    """The text before the first break and after the last; a line in between may be too long."""


class _Entry(NamedTuple):
    indent: int
    is_broken: bool
    measure: _Measure
    doc: Doc


def width(text: str) -> int:
    """Return the columns that the text takes: two for a wide character, none for an accent."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def print_lines(doc: Doc, indent: int) -> list[str]:
    """Return the lines of the document, the first one indented too."""
    return _Printer(indent).lines_of(doc)


class _Printer:
    def __init__(self, indent: int) -> None:
        self.indent = indent
        self.column = indent
        self.parts: list[str] = [" " * indent]
        self.lines: list[str] = []
        self.stack: list[_Entry] = []
        self.is_measured = False
        """Whether a group around has been found to fit, and with it all that it holds."""

    def lines_of(self, doc: Doc) -> list[str]:
        self.stack.append(_Entry(self.indent, True, _Measure.FIRST, doc))
        while self.stack:
            self.step(self.stack.pop())
        self.lines.append("".join(self.parts))
        return self.lines

    def step(self, entry: _Entry) -> None:
        doc = entry.doc
        if isinstance(doc, str):
            self.parts.append(doc)
            self.column += width(doc)
        elif isinstance(doc, Line):
            if entry.is_broken or doc.is_hard:
                self.lines.append("".join(self.parts))
                self.parts = [" " * entry.indent]
                self.column = entry.indent
                self.is_measured = False
            else:
                self.parts.append(doc.flat)
                self.column += len(doc.flat)
        elif isinstance(doc, Group) and (doc.within is None or doc.within.is_broken):
            is_broken = doc.is_expanded or (
                (entry.is_broken or not self.is_measured) and not self.fits_flat(entry, doc.key)
            )
            if doc.key is not None:
                doc.key.is_broken = is_broken
            self.stack.append(_Entry(entry.indent, is_broken, entry.measure, doc.content))
        elif isinstance(doc, Parenthesizable):
            self.parenthesizable(entry, doc)
        elif isinstance(doc, Best):
            self.best(entry, doc)
        else:
            if isinstance(doc, Expandable) and not doc.key.is_broken:
                self.is_measured = False
            self.stack.extend(_inner(entry, doc))

    def fits_flat(self, entry: _Entry, key: Key | None) -> bool:
        self.is_measured = True
        if key is not None:
            key.is_broken = False
        assert isinstance(entry.doc, Group | Parenthesizable)
        return self.fits(_Entry(entry.indent, False, entry.measure, entry.doc.content))

    def parenthesizable(self, entry: _Entry, doc: Parenthesizable) -> None:
        if self.fits_flat(entry, doc.key):
            self.stack.append(_Entry(entry.indent, False, entry.measure, doc.content))
            return
        doc.key.is_broken = True
        hard = Line(is_hard=True)
        inside: Doc = ["(", Indent([hard, doc.content]), hard, ")"]
        doc.key.is_broken = self.fits(_Entry(entry.indent, True, _Measure.ALL, inside))
        if doc.key.is_broken:
            self.stack.append(_Entry(entry.indent, True, entry.measure, inside))
        else:
            self.stack.append(_Entry(entry.indent, False, entry.measure, doc.content))

    def best(self, entry: _Entry, doc: Best) -> None:
        self.is_measured = True
        for variant in doc.variants[:-1]:
            tried = _Entry(entry.indent, False, _Measure.FIRST, variant)
            if self.fits(tried):
                self.stack.append(tried)
                return
        self.stack.append(_Entry(entry.indent, True, entry.measure, doc.variants[-1]))

    def fits(self, entry: _Entry) -> bool:
        """Whether this and what follows fits, up to the first break that what follows allows."""
        pending = [entry]
        column, rest, is_between = self.column, len(self.stack), False
        while True:
            if not pending:
                if rest == 0:
                    return True
                rest -= 1
                pending.append(self.stack[rest])
            now = pending.pop()
            doc = now.doc
            if isinstance(doc, str):
                column += width(doc)
            elif isinstance(doc, Line):
                if not now.is_broken and not doc.is_hard:
                    column += len(doc.flat)
                elif now.measure != _Measure.FIRST:
                    column, is_between = now.indent, now.measure == _Measure.AROUND
                else:
                    return True
            elif isinstance(doc, Group) and (doc.within is None or doc.within.is_broken):
                is_broken = now.is_broken or doc.is_expanded
                if doc.key is not None:
                    doc.key.is_broken = is_broken
                pending.append(_Entry(now.indent, is_broken, now.measure, doc.content))
            elif isinstance(doc, Expandable) and not doc.key.is_broken:
                pending.append(_Entry(now.indent, True, _Measure.AROUND, doc.content))
            elif isinstance(doc, Parenthesizable):
                doc.key.is_broken = now.is_broken
                pending.append(now._replace(doc=doc.content))
            elif isinstance(doc, Best):
                pending.append(now._replace(doc=doc.variants[-1 if now.is_broken else 0]))
            else:
                pending.extend(_inner(now, doc))
            is_between = is_between and now.measure == _Measure.AROUND
            if column > LINE_LENGTH and not is_between:
                return False


def _inner(entry: _Entry, doc: Doc) -> list[_Entry]:
    """Return what the document holds, the last first, where it neither prints nor decides."""
    if isinstance(doc, list):
        return [entry._replace(doc=part) for part in reversed(doc)]
    if isinstance(doc, Indent):
        is_deeper = doc.key is None or doc.key.is_broken
        indent = entry.indent + (INDENT if is_deeper else 0)
        return [entry._replace(doc=doc.content, indent=indent)]
    if isinstance(doc, Choice):
        is_broken = entry.is_broken if doc.key is None else doc.key.is_broken
        return [entry._replace(doc=doc.broken if is_broken else doc.flat)]
    assert isinstance(doc, Group | Expandable)
    return [entry._replace(doc=doc.content)]
