"""Asks a program the same many times."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from nnspec.backend import Array

Answers = list[tuple[int, dict[str, "Array"]]]
"""Each answer that is not the one before it, bit by bit, with the number of its call; and the last
call's."""


@runtime_checkable
class Watched(Protocol):
    """A program elsewhere, which says what is other than it was, and does not send its weights."""

    def differing(self, weights: Mapping[str, Array]) -> list[str]:
        """Return the names of these weights that are not the program's, number for number."""
        ...


@runtime_checkable
class Repeating(Protocol):
    """A program elsewhere, which is asked the same many times by one message."""

    def asked_again(self, inputs: Mapping[str, Array], calls: int, seconds: float) -> Answers:
        """Return what `asked_again` of this module returns."""
        ...


def asked_again(
    ask: Callable[[Mapping[str, Array]], dict[str, Array]],
    inputs: Mapping[str, Array],
    calls: int,
    seconds: float,
) -> Answers:
    """Return what so many calls answer, or as many as take that processor time, at least one."""
    end = time.process_time() + seconds
    answers: Answers = []
    latest: dict[str, Array] = {}
    for number in range(1, calls + 1):
        outputs = ask(inputs)
        is_last = number == calls or time.process_time() > end
        if is_last or not _is_same(outputs, latest):
            latest = {name: np.array(array) for name, array in outputs.items()}
            answers.append((number, latest))
        if is_last:
            break
    return answers


def differing(weights: Mapping[str, Array], expected: Mapping[str, Array]) -> list[str]:
    """Return the names of expected weights that are not these, number for number."""
    return [name for name, array in expected.items() if not np.array_equal(weights[name], array)]


def _is_same(first: Mapping[str, Array], second: Mapping[str, Array]) -> bool:
    if first.keys() != second.keys():
        return False
    pairs = [(np.asarray(first[name]), np.asarray(second[name])) for name in first]
    return all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs
    )
