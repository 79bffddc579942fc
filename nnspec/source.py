"""Reads YAML 1.2 and JSON into plain data that remembers where each value stood.

YAML's events come from libyaml through PyYAML. What a plain scalar means is decided here by the
core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), because PyYAML resolves by
YAML 1.1, where `no` is false, `1e-3` is a string and `010` is eight.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring
from typing import Any

import yaml

from nnspec.errors import Mark, Problem

MAX_CHARACTERS = 32 * 2**20
MAX_DEPTH = 64
MAX_VALUES = 2_000_000

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMBER_START = frozenset("0123456789+-.")
_MAX_DIGITS = 400


class Map(dict[str, Any]):
    """A mapping of the source; `marks[key]` is where the key and its value stand."""

    __slots__ = ("mark", "marks", "size")
    mark: Mark
    marks: dict[str, tuple[Mark, Mark]]
    size: int


class Sequence(list[Any]):
    """A sequence of the source; `marks[i]` is where item i stands."""

    __slots__ = ("mark", "marks", "size")
    mark: Mark
    marks: list[Mark]
    size: int


class SourceError(Exception):
    """The text cannot be read; carries the problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def parse(text: str, *, is_json: bool = False) -> Any:
    """Parse a YAML or JSON document; raises SourceError with every problem of form found."""
    if len(text) > MAX_CHARACTERS:
        raise SourceError(
            [
                Problem(
                    "too-large",
                    f"the file has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read",
                    "describe repeated layers with a block and `repeat`",
                )
            ]
        )
    builder = _Builder()
    if is_json:
        _feed_json(builder, text)
    else:
        _feed_yaml(builder, text)
    if builder.problems:
        raise SourceError(builder.problems)
    return builder.root


class _Builder:
    """Builds the tree from a flat stream of events, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.problems: list[Problem] = []
        self.values = 0
        self._stack: list[tuple[Map | Sequence, list[Any]]] = []

    def fail(self, code: str, message: str, mark: Mark | None, hint: str = "") -> None:
        raise SourceError([*self.problems, Problem(code, message, hint, mark)])

    def add(self, value: Any, mark: Mark, size: int = 1) -> None:
        """Put a finished scalar, alias or just-opened collection in its place."""
        self.values += size
        if self.values > MAX_VALUES:
            self.fail(
                "alias-bomb" if size > 1 else "too-large",
                f"the document expands to more than {MAX_VALUES:,} values",
                mark,
                "write repeated parts as a block with `repeat`, not as nested aliases",
            )
        if not self._stack:
            self.root = value
            return
        parent, pending = self._stack[-1]
        if type(parent) is Sequence:
            parent.append(value)
            parent.marks.append(mark)
            return
        assert type(parent) is Map
        if not pending:
            if type(value) in (Map, Sequence):
                self.fail("yaml-syntax", "a key must be a word, not a collection", mark)
            key = value if type(value) is str else json.dumps(value)
            if key in parent:
                first = parent.marks[key][0]
                self.problems.append(
                    Problem(
                        "duplicate-key",
                        f'"{key}" is given twice; the first is on line {first.line + 1}',
                        "keep one of them",
                        mark,
                    )
                )
            pending.extend((key, mark))
            return
        key, key_mark = pending
        pending.clear()
        parent[key] = value
        parent.marks[key] = (key_mark, mark)

    def open(self, collection: Map | Sequence, mark: Mark) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self.fail(
                "too-deep",
                f"values are nested deeper than {MAX_DEPTH} levels",
                mark,
                "a spec needs about six levels; is a bracket missing?",
            )
        collection.mark = mark
        if type(collection) is Map:
            collection.marks = {}
        else:
            collection.marks = []
        self.add(collection, mark)
        self._stack.append((collection, []))
        collection.size = 1 - self.values

    def close(self) -> Map | Sequence:
        collection, _ = self._stack.pop()
        collection.size += self.values
        return collection


def _feed_yaml(builder: _Builder, text: str) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    anchors: dict[str, tuple[Any, int]] = {}
    opened: list[str | None] = []
    documents = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                start, end = event.start_mark, event.end_mark
                length = end.column - start.column if end.line == start.line else 1
                mark = Mark(start.line, start.column, length)
                value = event.value
                if event.tag is not None and event.tag != "!":
                    _refuse_tag(builder, event.tag, mark)
                if event.implicit[0] and not event.style:
                    value = _plain(builder, value, mark)
                if event.anchor is not None:
                    anchors[event.anchor] = (value, 1)
                builder.add(value, mark)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                mark = Mark(event.start_mark.line, event.start_mark.column)
                if event.tag is not None:
                    _refuse_tag(builder, event.tag, mark)
                builder.open(Map() if kind is yaml.MappingStartEvent else Sequence(), mark)
                opened.append(event.anchor)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                collection = builder.close()
                anchor = opened.pop()
                if anchor is not None:
                    anchors[anchor] = (collection, collection.size)
            elif kind is yaml.AliasEvent:
                start = event.start_mark
                mark = Mark(start.line, start.column, len(event.anchor) + 1)
                if event.anchor not in anchors:
                    builder.fail("yaml-syntax", f'no anchor "&{event.anchor}" before this', mark)
                value, size = anchors[event.anchor]
                builder.add(value, mark, size)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    mark = Mark(event.start_mark.line, event.start_mark.column, 3)
                    builder.fail("yaml-syntax", "a spec is one document, not several", mark)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        context = f"{error.context}, " if error.context else ""
        mark_or_none = Mark(at.line, at.column) if at else None
        builder.fail("yaml-syntax", f"{context}{error.problem}", mark_or_none)
    except yaml.YAMLError as error:
        builder.fail("yaml-syntax", str(error).splitlines()[0], None)


def _refuse_tag(builder: _Builder, tag: str, mark: Mark) -> None:
    builder.fail("yaml-syntax", f'tags are not read, and here is "{tag}"', mark, "remove the tag")


def _plain(builder: _Builder, text: str, mark: Mark) -> Any:
    """Resolve a plain scalar by YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INTEGER.match(text):
        return _whole(builder, text, 10, mark)
    if _OCTAL.match(text):
        return _whole(builder, text[2:], 8, mark)
    if _HEXADECIMAL.match(text):
        return _whole(builder, text[2:], 16, mark)
    if _FLOAT.match(text):
        return float(text)
    return text


def _whole(builder: _Builder, digits: str, base: int, mark: Mark) -> int:
    if len(digits) > _MAX_DIGITS:
        builder.fail("too-large", f"a number of {len(digits):,} digits", mark)
    return int(digits, base)


_JSON_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<mark>[\[\]{}:,])|(?P<quote>\")|(?P<word>[-+.\w]+)|(?P<other>.)|\Z)", re.S
)
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")


def _feed_json(builder: _Builder, text: str) -> None:
    """Feed a JSON document (RFC 8259), token by token."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    line = 0

    def mark_at(position: int, length: int = 1) -> Mark:
        nonlocal line
        while line + 1 < len(starts) and starts[line + 1] <= position:
            line += 1
        return Mark(line, position - starts[line], length)

    # What may come next: a value, a key, a colon, or a separator.
    expected = "value"
    brackets: list[str] = []
    for kind, value, start, end in _json_tokens(builder, text, mark_at):
        mark = mark_at(start, max(1, end - start))
        found = repr(text[start:end]) if kind != "end" else "the end of the file"
        if kind == "end" and expected == "done":
            return
        if expected == "done":
            builder.fail("json-syntax", f"text after the document's end: {found}", mark)
        if kind == "mark" and value in "]}" and brackets and value == brackets[-1]:
            if expected in ("separator", "value or end", "key or end"):
                brackets.pop()
                builder.close()
                expected = "separator" if brackets else "done"
                continue
        elif expected == "separator" and value == "," and kind == "mark":
            expected = "key" if brackets[-1] == "}" else "value"
            continue
        elif expected == "colon" and value == ":" and kind == "mark":
            expected = "value"
            continue
        elif expected.startswith("key") and kind == "string":
            builder.add(value, mark)
            expected = "colon"
            continue
        elif expected.startswith("value") and kind in ("string", "scalar"):
            builder.add(value, mark)
            expected = "separator" if brackets else "done"
            continue
        elif expected.startswith("value") and kind == "mark" and value in "[{":
            builder.open(Map() if value == "{" else Sequence(), mark)
            brackets.append("}" if value == "{" else "]")
            expected = "key or end" if value == "{" else "value or end"
            continue
        wanted = expected
        if expected == "separator":
            wanted = f'"," or "{brackets[-1]}"'
        elif expected.startswith("key"):
            wanted = "a key in double quotes"
        builder.fail("json-syntax", f"expected {wanted}, found {found}", mark)


def _json_tokens(builder: _Builder, text: str, mark_at: Any) -> Iterator[tuple[str, Any, int, int]]:
    position = 1 if text.startswith("\ufeff") else 0
    constants = {"true": True, "false": False, "null": None}
    while True:
        match = _JSON_TOKEN.match(text, position)
        assert match is not None
        kind = match.lastgroup
        if kind is None:
            yield "end", "", match.end(), match.end()
            return
        start, end = match.span(kind)
        if kind == "quote":
            try:
                value, end = scanstring(text, end, True)
            except json.JSONDecodeError as error:
                builder.fail("json-syntax", error.msg, mark_at(error.pos))
            yield "string", value, start, end
        elif kind == "word":
            word = match.group(kind)
            if word in constants:
                yield "scalar", constants[word], start, end
            elif number := _JSON_NUMBER.match(word):
                mark = mark_at(start, end - start)
                is_whole = number.group(2) is None and number.group(3) is None
                yield (
                    "scalar",
                    _whole(builder, word, 10, mark) if is_whole else float(word),
                    start,
                    end,
                )
            else:
                builder.fail(
                    "json-syntax", f'"{word}" is no JSON value', mark_at(start, end - start)
                )
        else:
            yield kind, match.group(kind), start, end
        position = end
