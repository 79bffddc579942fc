"""Problems in a spec, and the exceptions that carry them.

NnspecError
├── SpecError             the spec is wrong; holds every Problem found
├── UsageError            the call is wrong (a bad option, a missing file)
├── DataError             the data do not fit the spec
├── WeightsError          the weights do not fit the network
├── UnsupportedError      a backend cannot express a layer
└── MissingDependencyError  an optional package is not installed
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

_MANY = 300  # names to compare with a wrong one; comparing takes microseconds each

EXCERPT = 120
"""Characters of a line that are shown with a problem."""

Severity = Literal["error", "advice"]


class Mark(NamedTuple):
    """A place in a file: zero-based line and column, and the length of the text there."""

    line: int
    column: int
    length: int = 1


class Problem(NamedTuple):
    """One mistake: a stable code, what was given and expected, how to mend it, and where it is."""

    code: str
    message: str
    hint: str = ""
    mark: Mark | None = None
    severity: Severity = "error"
    file: str | None = None
    excerpt: str | None = None

    def render(self) -> str:
        """Return the problem as a compiler would print it."""
        place = ""
        if self.file is not None:
            place = f"{self.file}:"
        if self.mark is not None:
            place += f"{self.mark.line + 1}:{self.mark.column + 1}:"
        lines = [printable(f"{place} {self.severity}[{self.code}]: {self.message}".strip())]
        if self.excerpt is not None and self.mark is not None:
            number = str(self.mark.line + 1)
            # A line may be a whole JSON file long.
            start = max(0, self.mark.column - EXCERPT // 2) if len(self.excerpt) > EXCERPT else 0
            text = self.excerpt[start : start + EXCERPT].rstrip()
            text = "".join(sign if sign.isprintable() else " " for sign in text)
            column = self.mark.column - start
            width = max(1, min(self.mark.length, len(text) - column))
            lines.append(f"  {number} | {text}".rstrip())
            lines.append(f"  {' ' * len(number)} | {' ' * column}{'^' * width}")
        if self.hint:
            lines.append(f"  help: {printable(self.hint)}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return the problem as `nnspec check --json` prints it; line and column start at 1."""
        return {
            "code": self.code,
            "severity": self.severity,
            "line": self.mark.line + 1 if self.mark else None,
            "column": self.mark.column + 1 if self.mark else None,
            "message": self.message,
            "hint": self.hint,
        }


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


_SYNONYMS = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    "hardswish": "hard_silu",
    "normalize": "unit_normalization",
}
"""Other names of a layer -> our name, where the two look unalike."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the known name closest to `name`, or an empty string."""
    found = closest(name, known)
    return f'; did you mean "{found}"?' if found else ""


def closest(name: str, known: Iterable[str]) -> str:
    """Return the known name closest to `name`, or an empty string."""
    import difflib  # only a mistake needs it

    if len(name) > 100:
        return ""
    candidates = sorted(known)
    synonym = _SYNONYMS.get(name)
    if synonym in candidates:
        return synonym
    if len(candidates) > _MANY:
        candidates = [each for each in candidates if abs(len(each) - len(name)) < 3][:_MANY]
    found = difflib.get_close_matches(name, candidates, n=1, cutoff=0.7)
    if not found:
        bare = {candidate.lower().replace("_", ""): candidate for candidate in candidates}
        given = name.lower().replace("_", "").replace("-", "")
        # "batchnorm" begins "batch_normalization", and is too short for a close match.
        begun = [key for key in bare if len(given) > 3 and key.startswith(given)]
        if given in bare:
            found = [bare[given]]
        elif len(begun) == 1:
            found = [bare[begun[0]]]
    return found[0] if found else ""
