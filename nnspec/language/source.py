"""Reads YAML 1.2 and JSON into plain data that remembers where each value stood.

YAML's events come from libyaml through PyYAML. What a plain scalar means is decided here by the
core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), because PyYAML resolves by
YAML 1.1, where `no` is false, `1e-3` is a string and `010` is eight.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from nnspec.errors import Mark, Problem

MAX_CHARACTERS = 32 * 2**20
MAX_DEPTH = 64
MAX_VALUES = 2_000_000
MAX_ALIASED = 100_000
"""Values that a document may have through aliases alone."""
MAX_WHOLE = 2**63
"""Whole numbers lie below this, and above its negative."""

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


class Map(dict[str, Any]):
    """A mapping of the source; `marks[key]` is where the key and its value stand.

    `size` counts the values in it, itself included; `height` the levels.
    """

    __slots__ = ("height", "mark", "marks", "size")
    mark: Mark
    marks: dict[str, tuple[Mark, Mark]]
    size: int
    height: int


class Sequence(list[Any]):
    """A sequence of the source; `marks[i]` is where item i stands."""

    __slots__ = ("height", "mark", "marks", "size")
    mark: Mark
    marks: list[Mark]
    size: int
    height: int


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
                    f"the file has more than the {MAX_CHARACTERS:,} characters that are read",
                    "describe repeated layers with a block and `repeat`",
                )
            ]
        )
    if not is_unicode(text):
        raise SourceError([Problem("not-text", "the text holds half of a surrogate pair")])
    text = text.removeprefix("\ufeff")
    builder = Builder()
    if is_json:
        from nnspec.language.json_source import feed_json

        feed_json(builder, text)
    else:
        _feed_yaml(builder, text)
    if builder.problems:
        raise SourceError(builder.problems)
    return builder.root


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8: it has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Builder:
    """Builds the tree from a flat stream of events, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.problems: list[Problem] = []
        self._values = 0
        self._aliased = 0
        self._stack: list[Map | Sequence] = []
        self._key: str | None = None
        self._key_mark: Mark | None = None

    def fail(self, code: str, message: str, mark: Mark | None, hint: str = "") -> NoReturn:
        """Give up: what follows could not be understood."""
        raise SourceError([*self.problems, Problem(code, message, hint, mark)])

    def add(self, value: Any, mark: Mark, text: str | None = None) -> None:
        """Put a scalar, or a collection just opened or aliased, in its place.

        `text` is what a scalar was written as: a key is always a text.
        """
        self._values += 1
        if not self._stack:
            self.root = value
            return
        parent = self._stack[-1]
        if type(parent) is Sequence:
            parent.append(value)
            parent.marks.append(mark)
            return
        assert type(parent) is Map
        if self._key_mark is None:
            if text is None:
                self.fail("yaml-syntax", "a key must be a word, not a collection", mark)
            if text in parent:
                first = parent.marks[text][0]
                self.problems.append(
                    Problem(
                        "duplicate-key",
                        f'"{text}" is given twice; the first is on line {first.line + 1}',
                        "keep one of them",
                        mark,
                    )
                )
            self._key, self._key_mark = text, mark
            return
        assert self._key is not None
        parent[self._key] = value
        parent.marks[self._key] = (self._key_mark, mark)
        self._key_mark = None

    def alias(self, value: Any, mark: Mark, text: str | None) -> None:
        """Put an aliased value in its place."""
        self._aliased += value.size if text is None else 1 + len(text) // 100
        if isinstance(value, Map | Sequence):
            self._values += value.size - 1
            self._check_depth(value.height, mark)
            if self._stack:
                parent = self._stack[-1]
                parent.height = max(parent.height, value.height + 1)
        if self._aliased > MAX_ALIASED:
            self.fail(
                "alias-bomb",
                f"the document's aliases expand to more than {MAX_ALIASED:,} values",
                mark,
                "write repeated parts as a block with `repeat`, not as nested aliases",
            )
        self.add(value, mark, text)

    def open(self, collection: Map | Sequence, mark: Mark) -> None:
        """Put a collection in its place; what is added goes into it until it is closed."""
        self._check_depth(1, mark)
        if self._values > MAX_VALUES:
            self.fail("too-large", f"the file has more than {MAX_VALUES:,} values", mark)
        self.add(collection, mark)
        collection.mark = mark
        collection.marks = {} if type(collection) is Map else []
        collection.size = -self._values
        collection.height = 1
        self._stack.append(collection)

    def close(self) -> Map | Sequence:
        """Close the collection opened last."""
        collection = self._stack.pop()
        collection.size += self._values + 1
        if self._stack:
            parent = self._stack[-1]
            parent.height = max(parent.height, collection.height + 1)
        return collection

    def _check_depth(self, height: int, mark: Mark) -> None:
        if len(self._stack) + height > MAX_DEPTH:
            self.fail(
                "too-deep",
                f"values are nested deeper than {MAX_DEPTH} levels",
                mark,
                "a spec needs about six levels; is a bracket missing?",
            )


def _feed_yaml(builder: Builder, text: str) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # What each anchor stands for, and the text of a scalar.
    anchors: dict[str, tuple[Any, str | None]] = {}
    opened: list[str | None] = []
    documents = 0
    add = builder.add
    try:
        get_event = loader(text).get_event
        while True:
            event: Any = get_event()
            kind = type(event)
            if kind is ScalarEvent:
                start, end = event.start_mark, event.end_mark
                line, column = start.line, start.column
                mark = Mark(line, column, end.column - column if end.line == line else 1)
                text = event.value
                if event.tag is not None and event.tag != "!":
                    _refuse_tag(builder, event.tag, mark)
                is_plain = event.implicit[0] and not event.style
                value = _plain(builder, text, mark) if is_plain else text
                if event.anchor is not None:
                    anchors[event.anchor] = (value, text)
                add(value, mark, text)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                mark = Mark(event.start_mark.line, event.start_mark.column)
                if event.tag is not None:
                    _refuse_tag(builder, event.tag, mark)
                builder.open(Map() if kind is MappingStartEvent else Sequence(), mark)
                opened.append(event.anchor)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                collection = builder.close()
                anchor = opened.pop()
                if anchor is not None:
                    anchors[anchor] = (collection, None)
            elif kind is AliasEvent:
                start = event.start_mark
                mark = Mark(start.line, start.column, len(event.anchor) + 1)
                if event.anchor in opened:
                    builder.fail("yaml-syntax", f'"{event.anchor}" contains itself', mark)
                if event.anchor not in anchors:
                    builder.fail("yaml-syntax", f'no anchor "&{event.anchor}" before this', mark)
                value, text_or_none = anchors[event.anchor]
                builder.alias(value, mark, text_or_none)
            elif kind is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    mark = Mark(event.start_mark.line, event.start_mark.column, 3)
                    builder.fail("yaml-syntax", "a spec is one document, not several", mark)
            elif kind is StreamEndEvent:
                return
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        context = f"{error.context}, " if error.context else ""
        mark_or_none = Mark(at.line, at.column) if at else None
        builder.fail(
            "yaml-syntax",
            f"{context}{error.problem}",
            mark_or_none,
            _SYNTAX_HINTS.get(str(error.problem), ""),
        )
    except yaml.YAMLError as error:
        builder.fail("yaml-syntax", str(error).splitlines()[0], None)


# libyaml says what it expected, not what people usually did.
_SYNTAX_HINTS = {
    "did not find expected ',' or ']'": 'is a "," or the closing "]" missing?',
    "did not find expected ',' or '}'": 'is a "," or the closing "}" missing? A value that holds '
    "{, }, [, ], a comma or `: ` needs quotes",
    "did not find expected key": "do the keys of one mapping start in the same column?",
    "mapping values are not allowed in this context": "is this line indented too far, or a text "
    "with `: ` in it not quoted?",
    "found character that cannot start any token": "tabs cannot indent; %, @ and ` need quotes",
    "found character '\\t(Tab)' that cannot start any token": "indent with spaces",
    "did not find expected '-' indicator": "do the items of one list start in the same column?",
}


def _refuse_tag(builder: Builder, tag: str, mark: Mark) -> None:
    builder.fail("yaml-syntax", f'tags are not read, and here is "{tag}"', mark, "remove the tag")


def _plain(builder: Builder, text: str, mark: Mark) -> Any:
    """Resolve a plain scalar by YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INTEGER.match(text):
        return whole(builder, text, 10, mark)
    if _OCTAL.match(text):
        return whole(builder, text[2:], 8, mark)
    if _HEXADECIMAL.match(text):
        return whole(builder, text[2:], 16, mark)
    if _FLOAT.match(text):
        return float(text)
    return text


def whole(builder: Builder, digits: str, base: int, mark: Mark) -> int:
    """Return the number; one of more than 64 bits is a problem, and stands as 1."""
    value = int(digits, base) if len(digits) <= 100 else MAX_WHOLE
    if -MAX_WHOLE < value < MAX_WHOLE:
        return value
    builder.problems.append(
        Problem(
            "too-large",
            "this whole number does not fit in 64 bits",
            "write a smaller number, or one with a decimal point",
            mark,
        )
    )
    return 1
