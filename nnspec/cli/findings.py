"""Records of the results of `check` and `verify`, for `--format github` and `--format sarif`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from nnspec.errors import Fix, Mark, Problem, redacted

if TYPE_CHECKING:
    from nnspec.network.networks import Networks
    from nnspec.network.spec import Spec
    from nnspec.verification.checks import Check, Kind
    from nnspec.verification.report import Report
    from nnspec.verification.several import Reports

Level = Literal["error", "warning", "note"]
LEVELS: dict[str, Level] = {"error": "error", "advice": "warning", "note": "note"}
"""Of the severities of a rule."""
NOT_CHECKED = "verify-not-checked"
"""The rule of what a verification did not compare, and had to."""
_PLACE = re.compile(r"(.+?\.py):(\d+)\b")
"""A place in a Python file, as the trace of a run writes it."""


class Place(NamedTuple):
    """A place in a file. column, end: from 0 in a line of text, None where the line is meant."""

    file: str
    line: int | None = None
    column: int | None = None
    end: int | None = None
    text: str = ""
    """The line itself, where it is at hand."""


class Finding(NamedTuple):
    """One result: the rule, what to say, and where. related: other places, with what they are."""

    rule: str
    level: Level
    message: str
    place: Place | None
    fix: Fix | None = None
    related: tuple[tuple[Place, str], ...] = ()


class Findings(NamedTuple):
    """All results of a call. unchecked: what was not checked, a sentence for each.

    remarks: by how much less agreement says than that the two are the same.
    """

    found: list[Finding]
    code: int
    unchecked: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def of_problems(path: str, problems: Iterable[Problem]) -> Iterator[Finding]:
    """Yield what is wrong with a spec, or may be."""
    for each in problems:
        message = f"{each.message}\nhelp: {each.hint}" if each.hint else each.message
        if each.path:
            message = f"{each.path}: {message}"
        place = _place(each.file or path, each.mark, each.excerpt)
        yield Finding(each.code, LEVELS[each.severity], redacted(message), place, each.fix)


def of_verification(
    path: str, loaded: Spec | Networks, result: Report | Reports, *, against: str | None = None
) -> Findings:
    """Return what a verification found. against: the path of the file that was judged.

    Of several networks each sentence begins with the name of the one that it is about.
    """
    from nnspec.verification.several import Reports

    reports = result.reports if isinstance(result, Reports) else {"": result}
    found: list[Finding] = []
    unchecked: list[str] = []
    remarks: list[str] = []
    marks = _marks(loaded)
    for name, report in reports.items():
        failures = list(report.failures())
        theirs = [_theirs(report, each, against) for each in failures]
        found += [
            _of_check(path, each, place, marks, name, report.titles)
            for each, place in zip(failures, theirs, strict=True)
        ]
        told = [named(name, each.told(report.titles)) for each in report.not_checked]
        unchecked += told
        blank = [report.blank] if report.blank and not failures else []
        remarks += [named(name, each) for each in (*blank, *report.remarks())]
        unmet = [named(name, each) for each in report.unmet()]
        if not report.passed and not failures and not unmet:
            unmet = ["\n".join([named(name or report.spec, report.verdict), *told])]
        found += [Finding(NOT_CHECKED, "error", each, Place(against or path)) for each in unmet]
    return Findings(found, 0 if result.passed else 1, tuple(unchecked), tuple(remarks))


def named(name: str, text: str) -> str:
    """Return what is said of one of several networks, its name first; of a single one, the text."""
    return f"{name}: {text}" if name else text


def of_verify_kind(rule: str) -> tuple[str, str]:
    """Return what a rule of `verify` means, and how to go on from it."""
    from nnspec.verification.checks import TITLES

    if rule == NOT_CHECKED:
        means = "Too little was compared to call the two the same, or less than --require asks."
        return means, "Read what was not checked, and why."
    kinds = {f"verify-{kind.replace('_', '-')}": title for kind, title in TITLES.items()}
    means = f"Two programs of one network differ in {kinds[rule]} by more than rounding explains."
    mend = "Begin at the layer that is named: in a file of yours, correct what it does there."
    return means, mend


def _of_check(
    path: str, check: Check, theirs: Place | None, marks: Mapping[str, Mark], model: str,
    titles: Mapping[Kind, str],
) -> Finding:  # fmt: skip
    from nnspec.verification.checks import difference

    mark = marks.get(f"{model}:{check.layer}") or marks.get(f":{check.layer}")
    ours = _place(path, mark, None)
    rule = f"verify-{check.kind.replace('_', '-')}"
    related: tuple[tuple[Place, str], ...] = ()
    if theirs is not None and check.layer is not None:
        related = ((ours, f'the layer "{check.layer}" of the spec'),)
    told = named(model, difference(check, titles))
    return Finding(rule, "error", told, theirs or ours, related=related)


def _theirs(report: Report, check: Check, against: str | None) -> Place | None:
    """Return the line of the judged file at which it parts from the spec, or the file."""
    if against is None:
        return None
    from nnspec.judge.judgement import Judgement

    faults = report.faults if isinstance(report, Judgement) else []
    for place in [place for each in faults if each.layer == check.layer for place in each.places]:
        match = _PLACE.match(place)
        if match is not None and (file := Path(against).parent / match[1]).is_file():
            return Place(str(file), int(match[2]) - 1)
    return Place(against)


def _marks(loaded: Spec | Networks) -> dict[str, Mark]:
    """Return where each layer stands in the file of the spec, by `model:path`."""
    from nnspec.network.spec import Spec

    specs = {"": loaded} if isinstance(loaded, Spec) else loaded.models
    return {
        f"{name}:{at.path}": at.node.mark
        for name, spec in specs.items()
        for at in spec.graph.walk()
        if at.node.mark is not None
    }


def _place(file: str, mark: Mark | None, excerpt: str | None) -> Place:
    if mark is None:
        return Place(file)
    end = mark.column + max(1, mark.length)
    if excerpt is not None:
        end = max(mark.column + 1, min(end, len(excerpt.rstrip())))
    return Place(file, mark.line, mark.column, end, excerpt or "")


def relative(file: str) -> str:
    """Return a path as seen from the root of the checkout, with slashes; one outside stays."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or os.curdir)
    path = Path(os.path.normpath(Path(file).absolute()))
    with suppress(ValueError):
        path = path.relative_to(os.path.normpath(root.absolute()))
    return path.as_posix()
