"""Arguments of a repeated block that grow by the same step, or factor, from one use to the next."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from nnspec.emit.code import Call
from nnspec.emit.tree import Expression, Literal, Name, tree

_FEWEST = 3
"""Two numbers always have a step; a list of them reads better than a formula."""


@dataclass(frozen=True, slots=True)
class Progression:
    """The values first, first + step, first + 2 · step, ...; or first, first · step, ..."""

    first: object
    step: object
    is_geometric: bool = False

    def term(self, index: str) -> Expression:
        """Return the value at the index that this variable holds."""
        counted, first, step = Name(index), tree(self.first), self.step
        if self.is_geometric:
            power = tree(step) ** counted
            return power if first == Literal(1) else first * power
        is_falling = isinstance(step, int) and step < 0
        size = tree(-step if isinstance(step, int) and step < 0 else step)
        grown = counted if size == Literal(1) else size * counted
        if first == Literal(0):
            return -grown if is_falling else grown
        return first - grown if is_falling else first + grown


def progression_of(values: list[object]) -> Progression | None:
    """Return the progression that these values are."""
    numbers = [value for value in values if type(value) is int]
    if len(numbers) < len(values) or len(values) < _FEWEST:
        return None
    step = numbers[1] - numbers[0]
    if step and all(number == numbers[0] + step * i for i, number in enumerate(numbers)):
        return Progression(numbers[0], step)
    factor = numbers[1] // numbers[0] if numbers[0] > 0 else 0
    if factor > 1 and all(number == numbers[0] * factor**i for i, number in enumerate(numbers)):
        return Progression(numbers[0], factor, is_geometric=True)
    return None


def progressing(calls: list[Call]) -> Call | None:
    """Return one call in place of all of them, if their arguments differ by progressions alone."""
    first = calls[0]
    if any(made.function != first.function or made.keywords != first.keywords for made in calls):
        return None
    arguments: list[tuple[str, object]] = []
    for column in zip(*(made.positional for made in calls), strict=True):
        name, value = column[0]
        values = [value for _, value in column]
        if any(each != value for each in values):
            value = progression_of(values)
            if value is None:
                return None
        arguments.append((name, value))
    return dataclasses.replace(first, positional=tuple(arguments))


def is_progressing(call: Call) -> bool:
    """Whether an argument of the call is a progression."""
    return any(isinstance(value, Progression) for _, value in call.positional)


def indexed(call: Call, index: str) -> Call:
    """Return the call with the terms of its progressions, `index` the variable that counts."""
    positional = tuple(
        (name, value.term(index) if isinstance(value, Progression) else value)
        for name, value in call.positional
    )
    return dataclasses.replace(call, positional=positional)
