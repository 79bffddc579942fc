"""Reads YAML 1.2 and JSON into plain data that remembers where each value stood.

YAML's events come from libyaml through PyYAML. What a plain scalar means is decided here by the
core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), because PyYAML resolves by
YAML 1.1, where `no` is false, `1e-3` is a string and `010` is eight.
"""

from __future__ import annotations

import re
from typing import Any

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
from nnspec.language.tree import Map, Sequence, SourceError, TreeBuilder, is_unicode, whole

MAX_CHARACTERS = 32 * 2**20
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
    builder = TreeBuilder()
    if is_json:
        from nnspec.language.json_source import feed_json  # which few specs need

        feed_json(builder, text)
    else:
        _feed_yaml(builder, text)
    if builder.problems:
        raise SourceError(builder.problems)
    return builder.root


def _feed_yaml(builder: TreeBuilder, text: str) -> None:
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
                if event.version not in (None, (1, 2)):
                    version = ".".join(map(str, event.version))
                    message = f"the file says that it is YAML {version}, and YAML 1.2 is read"
                    hint = "remove the line %YAML; in 1.2 yes, no, on and off are texts"
                    builder.fail("yaml-syntax", message, Mark(0, 0, 5), hint)
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


def _refuse_tag(builder: TreeBuilder, tag: str, mark: Mark) -> None:
    builder.fail("yaml-syntax", f'tags are not read, and here is "{tag}"', mark, "remove the tag")


def plain_scalar(text: str) -> Any:
    """Return the value that a plain scalar has."""
    return _plain(TreeBuilder(), text, Mark(0, 0))


def _plain(builder: TreeBuilder, text: str, mark: Mark) -> Any:
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
