"""Finds what a misspelt name was meant to be: only where no other thing can be meant.

In this field one letter makes another thing: gelu and geglu, lstm and mlstm, tan and tanh, conv2d
and conv3d. So a name is near another where a slip of the hand leads from one to the other, digits
stay, and nothing was put before or after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_DIGITS = re.compile(r"[0-9]+")
_DOUBLED = re.compile(r"([a-z])\1")
_MOST = 3
"""Names to suggest; more of them say nothing."""


def squashed(name: str) -> str:
    """Return a name without what people spell differently: case, `_`, `-` and spaces."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def misspelt(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the known names that `name` may be a misspelling of, all equally near."""
    given = squashed(name)
    candidates = {each: squashed(each) for each in dict.fromkeys(known)}
    same = [each for each, bare in candidates.items() if bare == given]
    if same or not given:
        return tuple(same[:_MOST])
    best = 1 if len(given) < 7 else 2
    found: list[str] = []
    for each, bare in candidates.items():
        if abs(len(bare) - len(given)) > best or not _may_be(given, bare):
            continue
        distance = slips(given, bare, best)
        if distance < best:
            best, found = distance, []
        if distance == best:
            found.append(each)
    if not found and len(given) > 3:
        # An abbreviation, where it is no other word.
        found = [
            each
            for each, bare in candidates.items()
            if bare.startswith(given) and len(bare) <= 2 * len(given)
        ]
    return tuple(sorted(found)) if len(found) <= _MOST else ()


def _may_be(given: str, known: str) -> bool:
    """Whether a slip may lead from one to the other, and not a letter that means something."""
    if _DIGITS.findall(given) != _DIGITS.findall(known):
        return False
    if given.rstrip("s") == known.rstrip("s") or _DOUBLED.sub(r"\1", given) == known:
        return True
    if known in given or given[:1] not in known[:2]:
        return False
    if len(given) > 4:
        return True
    # Of so short names many are real words; two letters in the wrong order are a slip.
    return sorted(given) == sorted(known) or (len(known) > 4 and given[:1] == known[:1])


def is_certain(name: str, known: str) -> bool:
    """Whether a name that is misspelt for another, and no third, can mean nothing else."""
    return len(name) > 4 or squashed(name).rstrip("s") == squashed(known).rstrip("s")


def slips(one: str, other: str, most: int) -> int:
    """Return how many letters are wrong, missing, too many or swapped; more than `most` is enough.

    The optimal string alignment distance.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, sign in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, against in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (sign != against))
            if i > 1 and j > 1 and sign == other[j - 2] and one[i - 2] == against:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
