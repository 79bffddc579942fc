"""Patterns that tell the parameters of one group from all others, by a framework's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase


def covering(
    inside: Sequence[str], outside: Iterable[str], known: Iterable[str], separator: str
) -> list[str]:
    """Return few patterns that match all names inside, and none outside.

    known: patterns to be tried first. separator: stands before the last part of a name.
    """
    left, others = dict.fromkeys(inside), list(outside)
    found = []
    for pattern in _candidates(inside, known, separator):
        hits = [name for name in left if fnmatchcase(name, pattern)]
        if hits and not any(fnmatchcase(name, pattern) for name in others):
            found.append(pattern)
            for name in hits:
                del left[name]
        if not left:
            break
    return found


def _candidates(inside: Sequence[str], known: Iterable[str], separator: str) -> Iterator[str]:
    yield from known
    parts = [name.rpartition(separator) for name in inside]
    yield from dict.fromkeys(f"*{separator}{last}" for _, _, last in parts)
    yield from dict.fromkeys(f"{layer}{separator}*" for layer, _, _ in parts)
    yield from inside
