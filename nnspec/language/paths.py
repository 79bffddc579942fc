"""Paths in a document: what stands at one, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnspec.errors import Mark
from nnspec.language.tree import Map, Sequence

Path = tuple[int | str, ...]


def joined(loc: Path) -> str:
    """Return a path as people write it: `layers[2].units`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def value_at(path: Path, given: object) -> object:
    """Return what stands at a path."""
    for part in path:
        given = item(given, part)
    return given


def mark_at(loc: tuple[int | str, ...], given: object, *, is_key: bool = False) -> Mark | None:
    """Return where the value at a path stands, or its key."""
    mark: Mark | None = None
    value = given
    for i, part in enumerate(loc):
        if isinstance(value, Map) and part in value.marks:
            marks = value.marks[str(part)]
            mark = marks[0] if is_key and i == len(loc) - 1 else marks[1]
            value = value.get(str(part))
        elif isinstance(value, Sequence) and isinstance(part, int) and part < len(value.marks):
            mark = value.marks[part]
            value = value[part]
        elif isinstance(value, Mapping | list | tuple):
            break
    return mark


def item(value: Any, part: int | str) -> object:
    """Return an item of a mapping or a list, or None where it has none of the kind."""
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
