"""The settings that a tuning chooses: ranges of numbers, and lists of choices."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nnspec.errors import UsageError
from nnspec.language.source import parse
from nnspec.language.tree import SourceError

if TYPE_CHECKING:
    from optuna.trial import Trial

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(
    rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*(?::\s*(log|step\s*=\s*{_NUMBER}))?\s*"
)
MOST = 1_000
"""Choices of one setting."""


class Range(NamedTuple):
    """Numbers from one to another, both included; is_log: drawn by their logarithm."""

    low: float
    high: float
    is_whole: bool
    is_log: bool = False
    step: float | None = None

    def chosen(self, trial: Trial, name: str) -> Any:
        """Return what a trial takes."""
        if self.is_whole:
            step = 1 if self.step is None else int(self.step)
            return trial.suggest_int(
                name, int(self.low), int(self.high), step=step, log=self.is_log
            )
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.is_log)

    @property
    def first(self) -> Any:
        """The smallest."""
        return int(self.low) if self.is_whole else self.low


class Choices(NamedTuple):
    """Values of any kind, of which a trial takes one."""

    values: tuple[Any, ...]

    def chosen(self, trial: Trial, name: str) -> Any:
        """Return what a trial takes."""
        # As text, since Optuna keeps numbers and texts alone.
        return json.loads(trial.suggest_categorical(name, [json.dumps(v) for v in self.values]))

    @property
    def first(self) -> Any:
        """The first one."""
        return self.values[0]


Setting = Range | Choices


def read_space(over: Mapping[str, Any]) -> dict[str, Setting]:
    """Return the settings by name; raises UsageError.

    Of each a text such as `16..256`, `1e-4..0.1:log`, `8..64:step=8` or `relu,gelu`, or a list of
    choices.
    """
    if not over:
        raise UsageError(
            "nothing is to be tuned: name a variable of the spec or a setting, such as "
            "training.optimizer.learning_rate=1e-4..0.1:log"
        )
    return {name: _setting(name, given) for name, given in over.items()}


def _setting(name: str, given: Any) -> Setting:
    if isinstance(given, Range | Choices):
        return given
    if isinstance(given, str):
        found = _RANGE.fullmatch(given)
        if found is not None:
            return _range(name, *found.groups())
        given = _listed(name, given)
    if not isinstance(given, Sequence) or len(given) < 2:
        raise UsageError(
            f"{name}: {given!r} is no choice: give a range such as 16..256 or 1e-4..0.1:log, or "
            "choices such as relu,gelu"
        )
    if len(given) > MOST:
        raise UsageError(f"{name}: there are {len(given)} choices, and at most {MOST} are expected")
    return Choices(tuple(given))


def _listed(name: str, text: str) -> list[Any]:
    """Return the choices of a text: a YAML list, or values between commas."""
    try:
        if text.lstrip().startswith("["):
            found = parse(text)
            return list(found) if isinstance(found, list) else []
        return [parse(part.strip()) for part in text.split(",")]
    except SourceError as error:
        raise UsageError(f'{name}: "{text}": {error}') from None


def _range(name: str, low: str, high: str, how: str | None) -> Range:
    first, last = float(low), float(high)
    if not (math.isfinite(first) and math.isfinite(last) and first < last):
        raise UsageError(f"{name}: {low}..{high} is no range: a smaller number comes first")
    is_whole = all(part.lstrip("+-").isdecimal() for part in (low, high))
    if how == "log":
        if first <= 0:
            raise UsageError(
                f"{name}: {low}..{high}:log begins at {low}, and logarithms are above 0"
            )
        return Range(first, last, is_whole, is_log=True)
    if how is None:
        return Range(first, last, is_whole)
    step = float(how.partition("=")[2])
    if not 0 < step <= last - first or (is_whole and step != int(step)):
        raise UsageError(f"{name}: a step of {step:g} does not fit {low}..{high}")
    return Range(first, last, is_whole, step=step)
