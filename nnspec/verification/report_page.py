"""The page of one or several reports: what stands on it, taken from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

from nnspec.errors import redacted
from nnspec.network.loader import Spec
from nnspec.show.plot import image, svg
from nnspec.verification.checks import Check, Kind, NotChecked, difference, result
from nnspec.verification.levels import Level, Verdict
from nnspec.verification.page import COMMAND, Cell, Matrix, Row, Section, page

LARGEST = 400_000
"""Characters of a picture of a graph that is put into a page: what is larger cannot be read."""


class Findings(Protocol):
    """A report, as far as a page takes of it."""

    checks: list[Check]
    not_checked: list[NotChecked]
    notes: list[str]
    versions: dict[str, str]
    seconds: float
    titles: ClassVar[Mapping[Kind, str]]

    @property
    def question(self) -> str:
        """The question that the report answers."""

    @property
    def verdict(self) -> str:
        """The result, in a few words."""

    def tone(self) -> str:
        """Return the tone of the verdict."""

    def counted(self) -> str:
        """Return how many checks there were."""

    def unmet(self) -> list[str]:
        """Return what is required and was not checked."""

    def remarks(self) -> list[str]:
        """Return what agreement, or a difference, says less or more by."""

    def failures(self) -> Iterable[Check]:
        """Return the checks that failed."""

    def told_levels(self) -> list[tuple[Level, Verdict]]:
        """Return each level with its verdict."""

    def titled(self) -> Iterable[tuple[str, list[Check], list[NotChecked]]]:
        """Yield the parts of the table."""


_TONES = {"same": "same", "differs": "differs", "not checked": "open"}


def page_of(
    reports: Mapping[str, Findings],
    networks: Mapping[str, Any],
    name: str,
    sha256: str,
    command: str,
) -> str:
    """Return the page of reports by name. networks: the specs of them that are known."""
    versions = {key: value for each in reports.values() for key, value in each.versions.items()}
    about = [(COMMAND, redacted(command))] if command else []
    if sha256:  # two files have none
        about.append(("digest of the spec (SHA-256)", sha256))
    about.append(("versions", ", ".join(f"{key} {value}" for key, value in versions.items())))
    return page(
        f"{name}: {next(iter(reports.values())).question}",
        [_section(title, each, networks.get(title)) for title, each in reports.items()],
        about,
    )


def _section(title: str, report: Findings, network: object) -> Section:
    picture, told = _picture(report, network) if isinstance(network, Spec) else ("", "")
    said = [(f"required: {each}", "differs") for each in report.unmet()]
    said += [(difference(each, report.titles), "differs") for each in report.failures()]
    said += [(each, "open") for each in report.remarks()]
    said += [(f"not checked: {each.told(report.titles)}", "open") for each in report.not_checked]
    said += [(f"note: {note}", "small") for note in report.notes]
    levels = [Row(each, "", "", told, _TONES[told]) for each, told in report.told_levels()]
    parts = [("levels", levels)]
    for heading, checks, left_out in report.titled():
        parts.append((heading, [*map(_row, checks), *map(_row, left_out)]))
    verdict = f"{report.verdict}: {report.counted()} in {report.seconds:.0f} s"
    return Section(title, (verdict, report.tone()), said, matrix(report), parts, picture, told)


def _row(entry: Check | NotChecked) -> Row:
    verdict, error, tolerance = result(entry)
    tone = "open"
    if isinstance(entry, Check):
        tone = "same" if entry.passed else "differs"
    return Row(entry.between, error, tolerance, verdict, tone)


def matrix(report: Findings) -> Matrix:
    """Return the pairs of a report, each once, with the worst of its checks."""
    pairs: dict[tuple[str, str], list[Check]] = {}
    for check in report.checks:
        one, other = check.pair
        pairs.setdefault((other, one) if (other, one) in pairs else (one, other), []).append(check)
    cells = {pair: _cell(checks) for pair, checks in pairs.items()}
    for each in report.not_checked:
        if len(each.pair) == 2:
            one, other = each.pair
            if (one, other) not in cells and (other, one) not in cells:
                cells[one, other] = Cell("not checked", "", "open")
    rows, columns = (tuple(dict.fromkeys(pair[i] for pair in cells)) for i in (0, 1))
    return Matrix(rows, columns, cells)


def _cell(checks: list[Check]) -> Cell:
    """Return the cell of a pair: of its checks that failed, where any did."""
    failed = [check for check in checks if not check.passed]
    shares = [_share(check) for check in failed or checks]
    worst = max((each for each in shares if each is not None), default=None)
    told = "DIFFERS" if failed else "same"
    told += f" in {len(failed)} of {len(checks)}" if failed else f", {len(checks)} of {len(checks)}"
    return Cell(told, "" if worst is None else _shown(worst), "differs" if failed else "same")


def _share(check: Check) -> float | None:
    """Return the error as a share of the tolerance; None where the finding is no number."""
    if not check.tolerance:
        return None
    share = check.error / check.tolerance
    return math.inf if math.isnan(share) else share


def _shown(share: float) -> str:
    if share == math.inf:
        return "no finite error"
    if share <= 1:
        return f"{share:.1%} of the tolerance"
    return f"{share:.3g} times the tolerance"


def _picture(report: Findings, spec: Spec) -> tuple[str, str]:
    """Return the graph with the layers to blame marked, and in words which these are."""
    # One that is not sure accuses nobody, and those of two files have no layer of a spec.
    all_faults = getattr(report, "faults", ())
    faults = [each.layer for each in all_faults if getattr(each, "is_sure", False)]
    blamed = [check.layer for check in report.failures() if check.layer is not None]
    marked = dict.fromkeys([*faults, *blamed])
    told = f"{spec.name}: {sum(1 for _ in spec.graph.walk())} layers. "
    told += f"Diverging: {', '.join(marked)}." if marked else "No layer is found to diverge."
    drawn = svg(spec.graph, marked=marked)
    if len(drawn) > LARGEST:
        return "", ""
    return image(drawn, told), told
