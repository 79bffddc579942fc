"""Values that are written as elsewhere: a number in quotes, `yes`, `(3, 3)`, a batch axis."""

from __future__ import annotations

import re

from nnspec.errors import Change, Fix, Mark
from nnspec.language.paths import Path, mark_at, value_at
from nnspec.support.shown import shown

_FLAGS = {
    **dict.fromkeys(("true", "yes", "on", "y"), True),
    **dict.fromkeys(("false", "no", "off", "n"), False),
}
_NUMBER = re.compile(r"[+-]?(?:\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})\Z", re.ASCII)
_TUPLE = re.compile(r"\s*(?:\(\s*\d+\s*(?:,\s*\d+\s*)*,?\s*\)|\d+\s*[x×]\s*\d+)\s*\Z")


def spelling(value: object, expected: str, mark: Mark | None) -> tuple[str, Fix | None]:
    """Return how to write what a text was probably meant to be, and the fix that does."""
    hint, meant = "", value
    word = value.strip().lower() if isinstance(value, str) else ""
    if expected == "true or false" and word in _FLAGS:
        hint, meant = "YAML 1.2 spells it true or false", _FLAGS[word]
    elif "number" in expected and _NUMBER.match(word):
        is_whole = "." not in word
        if is_whole or expected == "a number":
            hint, meant = "write the number without quotes", int(word) if is_whole else float(word)
    elif "whole number" in expected and (listed := _sizes(value)):
        hint, meant = f"write {shown(listed)}", listed
    elif expected == "true or false" and type(value) is int and value in (0, 1):
        hint, meant = f"write {str(bool(value)).lower()}", bool(value)
    elif expected == "a whole number" and type(value) is float and value.is_integer():
        hint, meant = "write the number without its point", int(value)
    if not hint or mark is None:
        return hint, None
    return hint, Fix(f"write {shown(meant)}", (Change("value", mark, meant),))


def without_batch(loc: Path, value: object, given: object) -> tuple[str, Fix | None] | None:
    """Return how a shape is written that counts the batch, as [null, 8] or [-1, 8]."""
    if len(loc) != 4 or loc[0] != "inputs" or loc[2:] != ("shape", 0) or value not in (None, -1):
        return None
    hint, sizes = "a shape leaves the batch axis out", value_at(loc[:-1], given)
    mark = mark_at(loc[:-1], given)
    if not isinstance(sizes, list | tuple) or len(sizes) < 2 or mark is None:
        return hint, None
    rest = list(sizes[1:])
    return hint, Fix(f"write {shown(rest)}", (Change("value", mark, rest),))


def enclosed(loc: Path, value: object, expected: str, mark: Mark | None) -> tuple[str, Fix | None]:
    """Return how a lone value is written where a list of them, or an input's record, stands."""
    meant: object = None
    if expected == "a list" and isinstance(value, int | str) and not isinstance(value, bool):
        meant = [value]
    elif len(loc) == 2 and loc[0] == "inputs" and isinstance(value, list | tuple):
        meant = {"shape": list(value)}
    if meant is None or mark is None:
        return "", None
    from nnspec.language.edits import written

    return f"write {written(meant)}", Fix(
        f"write {written(meant)}", (Change("value", mark, meant),)
    )


def _sizes(value: object) -> object:
    """Return the sizes of `(3, 3)` or `3x3`, which are texts here, or the one of a list of one."""
    if isinstance(value, list | tuple):
        return value[0] if len(value) == 1 and type(value[0]) is int else None
    match = _TUPLE.match(value) if isinstance(value, str) else None
    numbers = [int(each) for each in re.findall("[0-9]+", match[0])] if match else []
    return numbers if len(numbers) > 1 else numbers[0] if numbers else None
