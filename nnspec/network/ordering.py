"""Puts layers that are not listed in an order of computation into one, and finds circles."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nnspec.language.problems import Problems
from nnspec.network.entries import Entry


def ordered(
    distinct: list[Entry], needs_of: Callable[[Entry], list[str]], problems: Problems
) -> list[Entry] | None:
    """Return the entries so that each follows what it needs; None where that cannot be."""
    names = {entry.name for entry in distinct}
    waiting: dict[str, int] = {}
    followers: dict[str, list[Entry]] = {}
    ready: list[Entry] = []
    for entry in reversed(distinct):
        needs = set(needs_of(entry)) & names
        waiting[entry.name] = len(needs)
        for name in needs:
            followers.setdefault(name, []).append(entry)
        if not needs:
            ready.append(entry)
    result: list[Entry] = []
    while ready:
        entry = ready.pop()
        result.append(entry)
        for follower in followers.get(entry.name, []):
            waiting[follower.name] -= 1
            if waiting[follower.name] == 0:
                ready.append(follower)
    if len(result) == len(distinct):
        return result
    left = {entry.name: entry for entry in distinct if waiting[entry.name] > 0}
    places = {entry.name: i for i, entry in enumerate(distinct)}
    for circle in _circles(left, needs_of):
        start = circle.index(min(circle, key=places.__getitem__))
        circle = [*circle[start:], *circle[:start]]
        entry = left[circle[0]]
        problems.add(
            "cycle",
            f"layers take one another's outputs in a circle: {' -> '.join([*circle, circle[0]])}",
            entry.place("inputs"),
            "a network is computed from its inputs to its outputs; remove one of these links",
        )
    return None


def _circles(left: dict[str, Entry], needs_of: Callable[[Entry], list[str]]) -> Iterable[list[str]]:
    """Yield circles that share no layer, among entries that all wait for one another."""
    visited: set[str] = set()
    for start in left:
        path: list[str] = []
        at: dict[str, int] = {}
        name = start
        while name not in visited and name not in at:
            at[name] = len(path)
            path.append(name)
            needs = needs_of(left[name])
            name = next(needed for needed in needs if needed in left)
        visited.update(path)
        if name in at:
            yield path[at[name] :][::-1]
