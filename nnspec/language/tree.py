"""Plain data that remembers where each value stood, and what builds it from events."""

from __future__ import annotations

from typing import Any, NoReturn

from nnspec.errors import Mark, Problem

MAX_DEPTH = 64
MAX_VALUES = 2_000_000
MAX_ALIASED = 100_000
"""Values that a document may have through aliases alone."""
MAX_WHOLE = 2**63
"""Whole numbers lie below this, and above its negative."""


class Map(dict[str, Any]):
    """A mapping of the source; `marks[key]` is where the key and its value stand.

    `size` counts the values in it, itself included; `height` the levels.
    """

    __slots__ = ("height", "mark", "marks", "size")
    mark: Mark
    marks: dict[str, tuple[Mark, Mark]]
    size: int
    height: int


class Sequence(list[Any]):
    """A sequence of the source; `marks[i]` is where item i stands."""

    __slots__ = ("height", "mark", "marks", "size")
    mark: Mark
    marks: list[Mark]
    size: int
    height: int


class SourceError(Exception):
    """The text cannot be read; carries the problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8: it has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class TreeBuilder:
    """Builds the tree from a flat stream of events, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.problems: list[Problem] = []
        self._values = 0
        self._aliased = 0
        self._stack: list[Map | Sequence] = []
        self._key: str | None = None
        self._key_mark: Mark | None = None

    def fail(self, code: str, message: str, mark: Mark | None, hint: str = "") -> NoReturn:
        """Give up: what follows could not be understood."""
        raise SourceError([*self.problems, Problem(code, message, hint, mark)])

    def add(self, value: Any, mark: Mark, text: str | None = None) -> None:
        """Put a scalar, or a collection just opened or aliased, in its place.

        `text` is what a scalar was written as: a key is always a text.
        """
        self._values += 1
        if not self._stack:
            self.root = value
            return
        parent = self._stack[-1]
        if type(parent) is Sequence:
            parent.append(value)
            parent.marks.append(mark)
            return
        assert type(parent) is Map
        if self._key_mark is None:
            if text is None:
                self.fail("yaml-syntax", "a key must be a word, not a collection", mark)
            if text in parent:
                first = parent.marks[text][0]
                self.problems.append(
                    Problem(
                        "duplicate-key",
                        f'"{text}" is given twice; the first is on line {first.line + 1}',
                        "keep one of them",
                        mark,
                    )
                )
            self._key, self._key_mark = text, mark
            return
        assert self._key is not None
        parent[self._key] = value
        parent.marks[self._key] = (self._key_mark, mark)
        self._key_mark = None

    def alias(self, value: Any, mark: Mark, text: str | None) -> None:
        """Put an aliased value in its place."""
        self._aliased += value.size if text is None else 1 + len(text) // 100
        if isinstance(value, Map | Sequence):
            self._values += value.size - 1
            self._check_depth(value.height, mark)
            if self._stack:
                parent = self._stack[-1]
                parent.height = max(parent.height, value.height + 1)
        if self._aliased > MAX_ALIASED:
            self.fail(
                "alias-bomb",
                f"the document's aliases expand to more than {MAX_ALIASED:,} values",
                mark,
                "write repeated parts as a block with `repeat`, not as nested aliases",
            )
        self.add(value, mark, text)

    def open(self, collection: Map | Sequence, mark: Mark) -> None:
        """Put a collection in its place; what is added goes into it until it is closed."""
        self._check_depth(1, mark)
        if self._values > MAX_VALUES:
            self.fail("too-large", f"the file has more than {MAX_VALUES:,} values", mark)
        self.add(collection, mark)
        collection.mark = mark
        collection.marks = {} if type(collection) is Map else []
        collection.size = -self._values
        collection.height = 1
        self._stack.append(collection)

    def close(self) -> Map | Sequence:
        """Close the collection opened last."""
        collection = self._stack.pop()
        collection.size += self._values + 1
        if self._stack:
            parent = self._stack[-1]
            parent.height = max(parent.height, collection.height + 1)
        return collection

    def _check_depth(self, height: int, mark: Mark) -> None:
        if len(self._stack) + height > MAX_DEPTH:
            self.fail(
                "too-deep",
                f"values are nested deeper than {MAX_DEPTH} levels",
                mark,
                "a spec needs about six levels; is a bracket missing?",
            )


def whole(builder: TreeBuilder, digits: str, base: int, mark: Mark) -> int:
    """Return the number; one of more than 64 bits is a problem, and stands as 1."""
    value = int(digits, base) if len(digits) <= 100 else MAX_WHOLE
    if -MAX_WHOLE < value < MAX_WHOLE:
        return value
    builder.problems.append(
        Problem(
            "too-large",
            "this whole number does not fit in 64 bits",
            "write a smaller number, or one with a decimal point",
            mark,
        )
    )
    return 1
