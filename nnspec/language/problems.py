"""Collects the problems of a spec, each once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nnspec.errors import Fix, Mark, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PROBLEMS = 100
"""Mistakes after which no more are looked for: nobody reads on, and each costs time."""


class TooManyProblemsError(Exception):
    """Raised by Problems.add when it holds MAX_PROBLEMS."""


class Problems:
    """Problems by place and code, each once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.advice: list[Problem] = []
        self.seen: list[Any] | None = None
        """Each layer with what it takes (`network.claims.Seen`), where a fix is tried."""
        self._seen: set[tuple[str, Mark | None, str]] = set()
        self._file: str | None = None
        self._use: Mark | None = None

    def add(
        self, code: str, message: str, mark: Mark | None, hint: str = "", fix: Fix | None = None
    ) -> None:
        """Add a problem, unless one of the same code stands at the same place."""
        if not self.is_of_spec:
            fix = None
            if mark is not None:
                message += f" (line {mark.line + 1} of nnspec/library/{self._file})"
            mark = self._use
        key = (code, mark, "" if mark is not None else message)
        if key in self._seen:
            return
        self._seen.add(key)
        self.found.append(Problem(code, message, hint, mark, fix=fix))
        if len(self.found) >= MAX_PROBLEMS:
            raise TooManyProblemsError

    def advise(self, code: str, message: str, mark: Mark | None, hint: str) -> None:
        """Add advice, once for a place; it is no mistake."""
        if self.is_of_spec or mark is None:
            where = message
        else:
            where = f"{message} (line {mark.line + 1} of nnspec/library/{self._file})"
        problem = Problem(code, where, hint, self.place(mark), "advice")
        if problem not in self.advice:
            self.advice.append(problem)

    def forget(self) -> None:
        """Drop what was found: the spec is read anew, in another way."""
        self.found.clear()
        self.advice.clear()
        self._seen.clear()
        if self.seen is not None:
            self.seen.clear()

    def extend(self, problems: Iterable[tuple[Problem, object]]) -> None:
        """Add problems, each given with its path."""
        for problem, _ in problems:
            self.add(problem.code, problem.message, problem.mark, problem.hint, problem.fix)

    @property
    def is_of_spec(self) -> bool:
        """Whether marks are places of the spec, not of a file of the library."""
        return self._file is None

    def place(self, mark: Mark | None) -> Mark | None:
        """Return the place in the spec: within the library, that of the block's use."""
        return mark if self.is_of_spec else self._use

    @contextmanager
    def within(self, file: str | None, use: Mark | None) -> Iterator[None]:
        """Within this, marks are of a file of the library, or of the spec where `file` is None.

        A reader can mend their spec and not the library: problems stand where the spec uses the
        block, at `use`, and name the line of the library.
        """
        before = self._file, self._use
        self._use = self.place(use)
        self._file = file
        try:
            yield
        finally:
            self._file, self._use = before

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Within this, one mistake too many ends the search and says so."""
        try:
            yield
        except TooManyProblemsError:
            self.found.append(
                Problem("too-many-problems", f"{MAX_PROBLEMS} mistakes; no more are looked for")
            )
