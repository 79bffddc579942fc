"""The writer of the report: no failure of an engine costs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from nnspec.errors import MissingDependencyError, UnsupportedError, UsageError
from nnspec.network.domain import Range
from nnspec.support.causes import cause_of
from nnspec.verification.checks import LITTLE, Check, IllConditioned, Kind
from nnspec.verification.report import Report
from nnspec.verification.tolerance import SAFETY

SHOWN = 3
"""Of what was found wrong with one engine."""

Blame = Callable[[], tuple[str | None, str]]
"""Returns the layer at fault, if there is one, and a sentence more."""
T = TypeVar("T")
_OUTPUTS: tuple[Kind, ...] = ("forward", "export")
"""Kinds of checks of the outputs for ordinary inputs, whose tolerance is what rounding moves."""
_INDEX = re.compile(r"\b(index|indices|IndexError)\b.*\b(out of|not in|bounds)\b", re.IGNORECASE)
"""In what frameworks say of an index beyond a table."""


def told_of(tolerance: float) -> str:
    """Return why a comparison with this tolerance would be none."""
    by = f"by {tolerance:.0e} of what they are" if np.isfinite(tolerance) else "beyond all bounds"
    return f"rounding alone may move the outputs {by}"


def says_nothing(error: float, tolerance: float) -> bool:
    """Whether a comparison with this tolerance is none: all passes, or what does not is unsure."""
    return not np.isfinite(tolerance) or error <= tolerance >= 1


class Recorder:
    """Adds to one report: checks with their errors, findings, notes, and what is not checked."""

    def __init__(self, report: Report, unbounded: Sequence[Range] = ()) -> None:
        """unbounded: ids that are made of weights or fractions, and may be beyond their table."""
        self.report = report
        self.unbounded = unbounded

    def add(
        self,
        kind: Kind,
        pair: tuple[str, str],
        dtype: str,
        error: float,
        tolerance: float,
        *,
        blame: Blame | None = None,
        always: bool = False,
        is_share: bool = False,
    ) -> None:
        """Add a check; a failed one is blamed on a layer, if blame finds one.

        Where rounding alone may move outputs by as much as they are, nothing is compared. What is
        of no level that was chosen is not added, unless `always`. is_share: whether the error
        is a share of elements, and no distance.
        """
        if not always and not self.report.asks(kind):
            return
        if not is_share:
            self._remark(kind, dtype, tolerance)
        passed = error <= tolerance
        if says_nothing(error, tolerance):
            self.leave_out(kind, pair, f"in {dtype}: {told_of(tolerance)}")
            return
        layer, detail = None, ""
        if blame is not None and not passed:
            try:
                layer, detail = blame()
            except Exception as broken:
                detail = f"The layer at fault was not found: {cause_of(broken)}"
        self.report.checks.append(Check(kind, pair, dtype, error, tolerance, passed, layer, detail))

    def add_failed(
        self, kind: Kind, pair: tuple[str, str], dtype: str, detail: str, *, always: bool = False
    ) -> None:
        """Add a failed check that has no error to show."""
        blame = _always(None, detail)
        self.add(kind, pair, dtype, float("inf"), 0.0, blame=blame, always=always)

    def add_findings(
        self,
        kind: Kind,
        dtype: str,
        against: str,
        findings: Mapping[str, Sequence[str]],
        *,
        layers: Mapping[str, str] | None = None,
    ) -> None:
        """Add what was found wrong: one check of all that is right, one of each that is not.

        findings: by engine, sentences. layers: by engine, the layer at fault.
        """
        right = [name for name, found in findings.items() if not found]
        if right:
            self.add(kind, (", ".join(right), against), dtype, 0.0, 0.0)
        for name, found in findings.items():
            if found:
                blamed = (layers or {}).get(name), "; ".join(found[:SHOWN]) + "."
                infinite = float("inf")
                self.add(kind, (name, against), dtype, infinite, 0.0, blame=_always(*blamed))

    def add_errors(
        self,
        kind: Kind,
        dtype: str,
        against: str,
        errors: Mapping[str, tuple[float, float]],
        *,
        blames: Mapping[str, Blame] | None = None,
    ) -> None:
        """Add errors with their tolerances: one check of all that pass, one of each that does not.

        The one of those that pass shows the error that uses up most of its tolerance.
        """
        for _, tolerance in errors.values():
            self._remark(kind, dtype, tolerance)
        passed = {name: both for name, both in errors.items() if both[0] <= both[1] and both[1] < 1}
        if passed:
            error, tolerance = max(passed.values(), key=lambda both: both[0] / (both[1] or 1.0))
            self.add(kind, (", ".join(passed), against), dtype, error, tolerance)
        unknown = [name for name, both in errors.items() if says_nothing(*both)]
        if unknown:
            least = min(errors[name][1] for name in unknown)
            self.leave_out(kind, (", ".join(unknown), against), f"in {dtype}: {told_of(least)}")
        for name, (error, tolerance) in errors.items():
            if name not in passed and name not in unknown:
                blame = (blames or {}).get(name)
                self.add(kind, (name, against), dtype, error, tolerance, blame=blame)

    def _remark(self, kind: Kind, dtype: str, tolerance: float) -> None:
        """Say so where one rounding moves the outputs far."""
        moved = tolerance / SAFETY
        if kind not in _OUTPUTS or moved < LITTLE or not self.report.asks(kind):
            return
        found = self.report.ill_conditioned
        known = next((each for each in found if each.dtype == dtype), None)
        if known is None or known.moved < moved:
            found[:] = [each for each in found if each is not known]
            found.append(IllConditioned(dtype, moved))

    def leave_out(
        self, kind: Kind | None, pair: tuple[str, ...], reason: str, *, by_call: bool = False
    ) -> None:
        """Add what is not checked, and why; of a level that is not chosen, that is said at once."""
        if kind is None or self.report.asks(kind):
            self.report.leave_out(kind, pair, reason, by_call=by_call)

    def leave_free(
        self,
        kind: Kind,
        pair: tuple[str, str],
        errors: dict[str, float],
        tolerance: Callable[[str], float],
    ) -> None:
        """Take away, and leave out, the tensors of which rounding could make anything."""
        free = [name for name, error in errors.items() if says_nothing(error, tolerance(name))]
        for name in free:
            errors.pop(name)
        if free:
            reason = f"{', '.join(free)}: {told_of(min(map(tolerance, free)))}"
            self.leave_out(kind, pair, reason)

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.report.notes:
            self.report.notes.append(text)

    def attempt(
        self,
        compute: Callable[[], T],
        *,
        kind: Kind,
        label: str,
        dtype: str = "float64",
        when: str = "",
        against: str | None = None,
        is_first: bool = False,
    ) -> T | None:
        """Return the result of an engine, or None if it fails, and then the report says so.

        Code that does not run is the worst difference there is: a failed check, whatever was asked
        for. What an engine refuses to express is not checked.
        label: of the engine. when: "at time = 4". against: what it would have been compared with.
        is_first: of the engine's attempts: a wrong call raises, and what the engine refuses leaves
        it out of everything.
        """
        try:
            return compute()
        except MissingDependencyError:
            raise
        except UnsupportedError as error:
            reason = f"{when}: {cause_of(error)}" if when else cause_of(error)
            self.leave_out(None if is_first else kind, (label,), reason)
        except Exception as error:
            if is_first and isinstance(error, UsageError):
                raise
            if self.unbounded and _INDEX.search(cause_of(error)):
                self._leave_unbounded(label, kind, when, is_first=is_first)
                return None
            failure = f"{label} does not run {when}".rstrip()
            pair = (label, against or label)
            cause = f"{failure}: {cause_of(error)}"
            self.add_failed(kind, pair, dtype, cause, always=True)
        return None

    def _leave_unbounded(self, label: str, kind: Kind, when: str, *, is_first: bool) -> None:
        """Say that an index was beyond a table, which is the network's fault, and no engine's.

        Raises UsageError where nothing could be compared.
        """
        ids = " and ".join(
            f'"{each.value}", of which the layer "{each.layer}" takes {each.least} to {each.most}'
            for each in self.unbounded
        )
        where = f"{label} met an index beyond its table {when}".rstrip()
        reason = f"{where}: nothing bounds {ids}"
        if is_first:
            cure = "bound them by clip or by minimum and maximum, or give rows that fit by --data"
            raise UsageError(f"{reason}; {cure}")
        self.leave_out(kind, (label,), reason)


def _always(layer: str | None, detail: str) -> Blame:
    return lambda: (layer, detail)
