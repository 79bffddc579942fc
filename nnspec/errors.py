"""Problems in a spec, and the exceptions that carry them.

NnspecError
├── SpecError             the spec is wrong; holds every Problem found
├── UsageError            the call is wrong (a bad option, a missing file)
│   └── VariableError     a variable that is set, and that the spec has not
├── DataError             the data do not fit the spec
├── WeightsError          the weights do not fit the network
├── UnsupportedError      a backend cannot express a layer
└── MissingDependencyError  an optional package is not installed
"""

import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

EXCERPT = 120
"""Characters of a line that are shown with a problem."""

_PASSWORD = re.compile(r"(://[^\s/?#@:]*:|://\S*?[?&](?:ssl)?password=)([^\s/?#@&'\"]+)")
Severity = Literal["error", "advice"]


class Mark(NamedTuple):
    """A place in a file: zero-based line and column, and the length of the text there."""

    line: int
    column: int
    length: int = 1

    @property
    def where(self) -> str:
        """The place in words."""
        return f"line {self.line + 1}"


ChangeKind = Literal["key", "value", "name", "remove", "add"]


# To make a class of a plain one takes a tenth of the time of a named tuple, at every start.
class Change:
    """One change of a spec, by what it means.

    key: the key at `mark` becomes `to`. value: what stands at `mark` becomes the value `to`.
    name: what is defined at `mark` is called `to`, here and wherever it is used. remove: the key at
    `mark` goes, with its value. add: `to`, a mapping, joins the mapping of the key, or of
    the value, at `mark`.
    """

    __slots__ = ("kind", "mark", "to")

    def __init__(self, kind: ChangeKind, mark: Mark, to: Any = None) -> None:
        self.kind = kind
        self.mark = mark
        self.to = to


EditTuple = tuple[int, int, int, int, str]
"""From a line and column (from 0) to others, and the text that comes there."""


class Fix:
    """The mending of a mistake: its changes, all of them or none.

    is_safe: whether what the author meant is certain. edits: the changes, once a text is there.
    claims: what must be true of the network, so that they leave it as it was meant.
    """

    __slots__ = ("changes", "claims", "edits", "is_safe", "title")

    def __init__(
        self,
        title: str,
        changes: tuple[Change, ...],
        is_safe: bool = True,
        edits: tuple[EditTuple, ...] = (),
        claims: tuple[Any, ...] = (),
    ) -> None:
        self.title = title
        self.changes = changes
        self.is_safe = is_safe
        self.edits = edits
        self.claims = claims

    def as_json(self) -> dict[str, object]:
        """Return the fix as `nnspec check --json` prints it; lines and columns start at 1."""
        return {
            "title": self.title,
            "applicability": "safe" if self.is_safe else "unsafe",
            "edits": [
                {
                    "line": line + 1,
                    "column": column + 1,
                    "end_line": end_line + 1,
                    "end_column": end_column + 1,
                    "text": text,
                }
                for line, column, end_line, end_column, text in self.edits
            ],
        }


class Problem(NamedTuple):
    """One mistake: a stable code, what was given and expected, how to mend it, and where it is."""

    code: str
    message: str
    hint: str = ""
    mark: Mark | None = None
    severity: Severity = "error"
    file: str | None = None
    excerpt: str | None = None
    fix: Fix | None = None
    path: str = ""
    """The place in an object, where the spec is no text."""

    def render(self) -> str:
        """Return the problem as a compiler would print it."""
        place = ""
        if self.file is not None:
            place = f"{self.file}:"
        if self.path:
            place += f"{self.path}:"
        if self.mark is not None:
            place += f"{self.mark.line + 1}:{self.mark.column + 1}:"
        told = f"{place} {self.severity}[{self.code}]: {redacted(self.message)}"
        lines = [printable(told.strip())]
        if self.excerpt is not None and self.mark is not None:
            number = str(self.mark.line + 1)
            # A line may be a whole JSON file long.
            excerpt = redacted(self.excerpt)
            start = max(0, self.mark.column - EXCERPT // 2) if len(excerpt) > EXCERPT else 0
            text = excerpt[start : start + EXCERPT].rstrip()
            text = "".join(sign if sign.isprintable() else " " for sign in text)
            column = self.mark.column - start
            width = max(1, min(self.mark.length, len(text) - column))
            lines.append(f"  {number} | {text}".rstrip())
            lines.append(f"  {' ' * len(number)} | {' ' * column}{'^' * width}")
        if self.hint:
            lines.append(f"  help: {printable(redacted(self.hint))}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return the problem as `nnspec check --json` prints it; line and column start at 1."""
        return {
            "code": self.code,
            "severity": self.severity,
            "line": self.mark.line + 1 if self.mark else None,
            "column": self.mark.column + 1 if self.mark else None,
            "message": redacted(self.message),
            "hint": redacted(self.hint),
            "fix": self.fix.as_json() if self.fix is not None and self.fix.edits else None,
        }


def redacted(text: str) -> str:
    """Return the text with stars for the password of each URL, as many as it has signs.

    So that columns of an excerpt stay where they are.
    """
    if "://" not in text:
        return text
    return _PASSWORD.sub(lambda found: found[1] + "*" * len(found[2]), text)


def printable(text: str) -> str:
    """Return the text with control characters escaped: a spec must not move the cursor."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


class NnspecError(Exception):
    """Base of every error that nnspec raises on purpose."""


class SpecError(NnspecError):
    """The spec is wrong; `problems` holds every mistake found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.render() for problem in self.problems))


class UsageError(NnspecError):
    """The call is wrong: an option, a path or a combination that cannot work."""


class VariableError(UsageError):
    """A value was given for what the spec has not: a variable, or a path that leads nowhere."""


class DataError(NnspecError):
    """The data do not fit the spec: a missing column, a wrong type, no rows."""


class WeightsError(NnspecError):
    """The weights do not fit the network: a missing, surplus or misshapen tensor."""


class UnsupportedError(NnspecError):
    """A backend cannot express a layer of the spec."""


class MissingDependencyError(NnspecError):
    """A package that the call needs is not installed; the message says how to install it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f'{package} is not installed; pip install "nnspec[{extra}]"')
        self.extra = extra


class ShapeError(ValueError):
    """Raised by a layer's shape rule; the graph builder adds the place and the inputs' origins.

    message: what was given and what was expected; hint: how to mend it.
    """

    def __init__(self, message: str, hint: str, code: str = "shape-mismatch") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for what `name` may be misspelt for, or an empty string."""
    found = alike(name, known)
    return f"; did you mean {' or '.join(quoted(found))}?" if found else ""


def closest(name: str, known: Iterable[str]) -> str:
    """Return what `name` is misspelt for, or an empty string where that is none, or not sure."""
    found = alike(name, known)
    return found[0] if len(found) == 1 else ""


def quoted(names: Iterable[str]) -> list[str]:
    """Return the names, each in quotes."""
    return [f'"{name}"' for name in names]


def alike(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the few known names that `name` may be misspelt for; see `nnspec.support.spelling`."""
    if len(name) > 100:
        return ()
    from importlib import import_module

    # By its name: what is in `support` stands above this file, and only a mistake needs it.
    found: tuple[str, ...] = import_module("nnspec.support.spelling").misspelt(name, known)
    return found
