"""Reads JSON (RFC 8259) token by token, so that each value keeps its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]  # in no stub, yet in __all__
from typing import Any

from nnspec.errors import Mark
from nnspec.language.tree import Map, Sequence, TreeBuilder, is_unicode, whole

_JSON_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<mark>[\[\]{}:,])|(?P<quote>\")|(?P<word>[-+.\w]+)|(?P<other>.)|\Z)", re.S
)
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")


def feed_json(builder: TreeBuilder, text: str) -> None:
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
        if kind == "end" and expected == "done":
            return
        if expected == "done":
            found = _excerpt(text, start, end)
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
            builder.add(value, mark, value)
            expected = "colon"
            continue
        elif expected.startswith("value") and kind in ("string", "scalar"):
            builder.add(value, mark, value if kind == "string" else text[start:end])
            expected = "separator" if brackets else "done"
            continue
        elif expected.startswith("value") and kind == "mark" and value in "[{":
            builder.open(Map() if value == "{" else Sequence(), mark)
            brackets.append("}" if value == "{" else "]")
            expected = "key or end" if value == "{" else "value or end"
            continue
        found = _excerpt(text, start, end)
        wanted = f"a {expected}"
        if expected == "separator":
            wanted = f'"," or "{brackets[-1]}"'
        elif expected.startswith("key"):
            wanted = "a key in double quotes"
        builder.fail(
            "json-syntax",
            f"expected {wanted}, found {found}",
            mark,
            "JSON has no comma after the last item"
            if found in ("']'", "'}'") and expected in ("key", "value")
            else "",
        )


def _excerpt(text: str, start: int, end: int) -> str:
    return repr(text[start : min(end, start + 40)]) if start < end else "the end of the file"


def _json_tokens(
    builder: TreeBuilder, text: str, mark_at: Callable[..., Mark]
) -> Iterator[tuple[str, Any, int, int]]:
    position = 0
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
                message = error.msg.removesuffix(": ").removesuffix(" at")
                builder.fail("json-syntax", message[:1].lower() + message[1:], mark_at(error.pos))
            if not is_unicode(value):
                builder.fail("json-syntax", "half of a surrogate pair", mark_at(start, end - start))
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
                    whole(builder, word, 10, mark) if is_whole else float(word),
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


def json_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield where each value of a document that has been read begins and ends; keys are scalars.

    The kinds are scalar, map, list, and close for the end of the last one opened.
    """
    builder = TreeBuilder()
    for kind, value, start, end in _json_tokens(builder, text, lambda *_: Mark(0, 0)):
        if kind in ("string", "scalar"):
            yield "scalar", start, end
        elif kind == "mark" and value in "[{":
            yield ("map" if value == "{" else "list"), start, end
        elif kind == "mark" and value in "]}":
            yield "close", start, end
        elif kind == "end":
            return
