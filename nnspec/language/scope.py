"""Variables, and the computing of `${...}` in the values of a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nnspec.errors import Mark, nearest
from nnspec.language.expressions import HOLDS, ExpressionError, evaluate
from nnspec.language.problems import Problems
from nnspec.language.tree import Map, Sequence

MAX_CHAIN = 50
"""Variables that a value may reach through one another."""
MAX_TEXT = 100_000
MAX_SIZE = 10_000
MAX_HEIGHT = 16
_TOO_DEEP = "the expressions that this one needs are nested too deeply"

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")


class UndefinedVariableError(ExpressionError):
    """An expression uses a name that no scope has."""


class CircularVariableError(ExpressionError):
    """Variables that are defined by one another."""

    def __init__(self, circle: list[str]) -> None:
        path = " -> ".join([*circle, circle[0]])
        super().__init__(f"variables refer to one another in a circle: {path}")
        self.circle = circle


class BrokenVariableError(ExpressionError):
    """A variable whose own definition has an error, which is reported there."""


_CODES: tuple[tuple[type[ExpressionError], str, str], ...] = (
    (UndefinedVariableError, "undefined-variable", "define it under `variables`"),
    (CircularVariableError, "circular-variable", "give one of them a number"),
    (
        ExpressionError,
        "bad-expression",
        HOLDS,
    ),
)


_INDEX = (
    "`index` counts the repetitions of a use with `repeat`, from 0, and stands in its arguments: "
    'give the block a variable, and the use {type: block, repeat: 3, width: "${2 ** index}"}'
)


class Scope:
    """Variables by name, some of them expressions in others, each computed when first used."""

    def __init__(
        self, given: Mapping[str, object], outer: Scope | None = None, *, is_known: bool = True
    ) -> None:
        self.given = given
        self.outer = outer
        # Whether `given` is all there is; where not, no name is undefined.
        self.is_known = is_known
        self.values: dict[str, object] = {}
        self._open: list[str] = []
        self._broken: set[str] = set()
        self._errors: dict[str, ExpressionError] = {}

    def names(self) -> set[str]:
        """Return every name that can be used here."""
        return set(self.given) | (self.outer.names() if self.outer else set())

    def lookup(self, name: str) -> object:
        """Return a variable's value; raises ExpressionError."""
        scope: Scope | None = self
        while scope is not None and name not in scope.given:
            if not scope.is_known:
                raise BrokenVariableError(name)
            scope = scope.outer
        if scope is None:
            raise UndefinedVariableError(
                f'variable "{name}" is not defined{nearest(name, self.names())}'
            )
        return scope._own(name)

    def _own(self, name: str) -> object:
        if name in self.values:
            return self.values[name]
        if name in self._open:
            raise CircularVariableError(self._open[self._open.index(name) :])
        if name in self._broken:
            raise BrokenVariableError(name)
        if len(self._open) >= MAX_CHAIN:
            raise ExpressionError(f"more than {MAX_CHAIN} variables refer to one another in a row")
        self._open.append(name)
        try:
            value = substitute(self.given[name], self)
        except ExpressionError as error:
            self._broken.add(name)
            if isinstance(error, BrokenVariableError) or (
                isinstance(error, CircularVariableError) and name != error.circle[0]
            ):
                raise
            self._errors[name] = error
            raise BrokenVariableError(name) from None
        finally:
            self._open.pop()
        self.values[name] = value
        return value

    def settle(self, problems: Problems, marks: object = None, default: Mark | None = None) -> bool:
        """Compute every variable, report each that cannot be, and say whether all could.

        `marks` is the mapping that tells where the definitions stand.
        """
        fine = True
        for name in self.given:
            place = None
            if isinstance(marks, Map) and name in marks.marks:
                place = marks.marks[name][1]
            try:
                self._own(name)
            except BrokenVariableError:
                fine = False
                if name in self._errors:
                    _add(self._errors[name], problems, place or default)
            except RecursionError:
                fine = False
                _add(ExpressionError(_TOO_DEEP), problems, place or default)
        return fine


def compute(value: object, scope: Scope, problems: Problems, mark: Mark | None) -> tuple[Any, bool]:
    """Return `value` with its expressions computed, and whether that went well."""
    try:
        return substitute(value, scope), True
    except BrokenVariableError:
        return None, False
    except ExpressionError as error:
        _add(error, problems, mark)
        return None, False
    except RecursionError:
        _add(ExpressionError(_TOO_DEEP), problems, mark)
        return None, False


def _add(error: ExpressionError, problems: Problems, mark: Mark | None) -> None:
    for kind, code, hint in _CODES:
        if isinstance(error, kind):
            if kind is UndefinedVariableError and '"index"' in str(error):
                hint = _INDEX
            problems.add(code, str(error), mark, "" if str(error).endswith("?") else hint)
            return


def substitute(value: object, scope: Scope) -> object:
    """Return `value` with every `${...}` in it computed; raises ExpressionError."""
    kind = type(value)
    if kind is int or kind is bool or kind is float or value is None:
        return value
    if isinstance(value, str):
        if "${" not in value:
            return value
        whole = _PLACEHOLDER.fullmatch(value)
        if whole is not None:
            return evaluate(whole[1], scope.lookup)
        text = _PLACEHOLDER.sub(lambda match: _text(evaluate(match[1], scope.lookup)), value)
        if "${" in _PLACEHOLDER.sub("", value):
            raise ExpressionError(f"{_short(value)} has a ${{ without its }}")
        if len(text) > MAX_TEXT:
            raise ExpressionError(f"{_short(value)} becomes a text of {len(text):,} characters")
        return text
    if isinstance(value, Map | Sequence):
        return _substituted(value, scope) if _holds_expression(value) else value
    if isinstance(value, dict):
        return {key: substitute(item, scope) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substitute(item, scope) for item in value]
    return value


def _substituted(value: Map | Sequence, scope: Scope) -> Map | Sequence:
    copy: Map | Sequence
    if isinstance(value, Map):
        copy = Map((key, substitute(item, scope)) for key, item in value.items())
        copy.marks = value.marks
        items: list[object] = list(copy.values())
    else:
        copy = Sequence(substitute(item, scope) for item in value)
        copy.marks = value.marks
        items = copy
    copy.mark = value.mark
    # Without these a handful of lists, each twice in the next, would fill the memory.
    copy.size = 1 + sum(getattr(item, "size", 1) for item in items)
    copy.height = 1 + max((getattr(item, "height", 0) for item in items), default=0)
    if copy.size > MAX_SIZE or copy.height > MAX_HEIGHT:
        raise ExpressionError(
            f"the value grows to {copy.size:,} values in {copy.height} levels; at most "
            f"{MAX_SIZE:,} in {MAX_HEIGHT} are allowed"
        )
    return copy


def _holds_expression(value: Map | Sequence) -> bool:
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if type(item) is str:
            if "${" in item:
                return True
        elif isinstance(item, Map):
            waiting.extend(item.values())
        elif isinstance(item, Sequence):
            waiting.extend(item)
    return False


def expressions_in(value: object) -> list[str]:
    """Return every expression that stands as a whole value in this one, without its `${}`."""
    found: list[str] = []
    waiting: list[object] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            whole = _PLACEHOLDER.fullmatch(item)
            if whole is not None:
                found.append(whole[1])
        elif isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
    return found


def _text(value: object) -> str:
    if isinstance(value, Mapping | list | tuple):
        raise ExpressionError("a list or a mapping cannot stand inside a text")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _short(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:57]}..."'
