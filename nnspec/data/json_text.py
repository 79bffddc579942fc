"""The text of a file of JSON lines, an object for each row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = (".jsonl", ".ndjson")


def wrong_line(path: Path) -> str:
    """Return which line is no object, or names a column twice, or an empty text."""
    for number, line in _lines(path):
        try:
            found = json.loads(line, object_pairs_hook=_Object)
        except RecursionError:
            return f"line {number} is nested too deep"
        except ValueError as error:
            return f"line {number}: {error}"
        if not isinstance(found, _Object):
            return f"line {number} is no object of a name and a value for each column"
        names = [name for name, _ in found]
        if twice := [name for name in names if names.count(name) > 1]:
            return f'line {number} has the column "{twice[0]}" twice'
    return ""


def line_of(path: Path, row: int) -> int | None:
    """Return the line, from 1, at which a row stands; rows count from 0, blank lines are none."""
    for found, (number, _) in enumerate(_lines(path)):
        if found == row:
            return number
    return None


class _Object(list[tuple[str, object]]):
    """The pairs of an object, in their order."""


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", errors="replace", newline="\n") as text:
        for number, line in enumerate(text, start=1):
            if line.strip():
                yield number, line
