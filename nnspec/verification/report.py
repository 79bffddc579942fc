"""The report of a verification: checks, what was not checked, notes; printed, as JSON, as HTML."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nnspec.errors import printable
from nnspec.support import html
from nnspec.support.causes import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Kind = Literal[
    "forward",
    "gradient",
    "training",
    "export",
    "dynamic_shape",
    "interface",
    "range",
    "meaning",
    "optimizer",
    "random",
    "first_weights",
    "metrics",
    "adversarial",
]

TITLES: dict[Kind, str] = {
    "forward": "outputs as at inference",
    "gradient": "loss and gradients",
    "training": "weights after training steps",
    "export": "exported ONNX in onnxruntime",
    "dynamic_shape": "other batch and axis sizes",
    "interface": "dtypes and declared axes",
    "range": "unusual inputs and weights",
    "meaning": "what must not matter",
    "optimizer": "optimizer steps by the spec's formula",
    "random": "random layers by their laws",
    "first_weights": "first weights by their laws",
    "metrics": "metrics by the spec's definitions",
    "adversarial": "adversarial training",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of two engines.

    error: largest difference, relative to the largest value compared. tolerance: what rounding
    explains. layer: the first spec layer at which a failed check diverges.
    """

    kind: Kind
    pair: tuple[str, str]
    dtype: str
    error: float
    tolerance: float
    passed: bool
    layer: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A comparison that was not made, and why; `pair` names the engines that it is about.

    kind: None where an engine is left out of every check.
    """

    kind: Kind | None
    pair: tuple[str, ...]
    reason: str

    def told(self) -> str:
        """Return the missing comparison and its reason as a sentence."""
        title = TITLES[self.kind] if self.kind is not None else "everything"
        of = f" of {' and '.join(self.pair)}" if self.pair else ""
        return f"{title}{of}: {self.reason}"


def _difference(check: Check) -> str:
    """Return a failed check as a sentence."""
    where = f" at layer {check.layer}" if check.layer else ""
    return (
        f"{' – '.join(check.pair)} differ in {TITLES[check.kind]} ({check.dtype}){where}: "
        f"{check.error:.3g} > {check.tolerance:.3g}. {check.detail}"
    ).rstrip()


def _result(entry: Check | NotChecked) -> tuple[str, str, str]:
    """Return the verdict, the error and the tolerance, as a table has them."""
    if isinstance(entry, NotChecked):
        return "not checked", "", ""
    verdict = "same" if entry.passed else f"DIFFERS{f' at {entry.layer}' if entry.layer else ''}"
    return verdict, f"{entry.error:.1e}", f"{entry.tolerance:.1e}"


@dataclass(slots=True, repr=False)
class Report:
    """All that a verification found; it passed if every check did."""

    spec: str
    spec_sha256: str
    versions: dict[str, str]
    steps: int
    seconds: float = 0.0
    checks: list[Check] = field(default_factory=list)
    not_checked: list[NotChecked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_blank: bool = False
    """Whether no number of any output is finite: only that they are not was compared."""

    @property
    def passed(self) -> bool:
        """Whether every check passed, and there was one."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def verdict(self) -> str:
        """The result, in a few words."""
        if not self.passed:
            return "not the same"
        return "no output is finite, so that no value was compared" if self.is_blank else "verified"

    def leave_out(self, kind: Kind | None, pair: tuple[str, ...], reason: str) -> None:
        """Add what is not checked, once."""
        entry = NotChecked(kind, pair, plain(reason))
        if entry not in self.not_checked:
            self.not_checked.append(entry)

    def as_json(self) -> dict[str, Any]:
        """Return the report as `nnspec verify --json` prints it."""
        return {
            "spec": self.spec,
            "spec_sha256": self.spec_sha256,
            "versions": self.versions,
            "passed": self.passed,
            "verdict": self.verdict,
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
            "checks": [{**asdict(check), "pair": list(check.pair)} for check in self.checks],
            "not_checked": [{**asdict(each), "pair": list(each.pair)} for each in self.not_checked],
            "notes": self.notes,
        }

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.as_json(), indent=2)

    def __repr__(self) -> str:
        return printable(f"<Report {self.spec}: {self.verdict}, {self.counted()}>")

    def _repr_html_(self) -> str:
        rows: list[tuple[str, ...]] = []
        for title, checks, left_out in self._titled():
            entries: list[Check | NotChecked] = [*checks, *left_out]
            rows += [(title, " – ".join(each.pair), *_result(each)) for each in entries]
        said = [
            self.verdict,
            f"{self.counted()} in {self.seconds:.0f} s",
            *map(_difference, self.failures()),
            *(f"not checked: {each.told()}" for each in self.not_checked),
            *(f"note: {note}" for note in self.notes),
        ]
        headings = ("what", "between", "", "error", "tolerance")
        table = html.table(headings, rows, numeric=2)
        return html.titled(f"{self.spec}: do they compute the same?", html.lines(said), table)

    def print(self, console: Console) -> None:
        """Print the report as a table, the failed checks explained below it."""
        from rich.markup import escape

        console.print(self._table())
        for check in self.failures():
            where = f" at layer [bold]{escape(check.layer)}[/]" if check.layer else ""
            console.print(
                f"[bold red]{escape(' – '.join(check.pair))}[/] differ in {TITLES[check.kind]} "
                f"({check.dtype}){where}: {check.error:.3g} > {check.tolerance:.3g}. "
                f"{escape(check.detail)}".rstrip()
            )
        for each in self.not_checked:
            console.print(f"[yellow]not checked:[/] {escape(each.told())}", highlight=False)
        for note in self.notes:
            console.print(f"[dim]note:[/] {escape(note)}", highlight=False)
        colour = "red" if not self.passed else "yellow" if self.is_blank else "green"
        console.print(
            f"[bold {colour}]{self.verdict}[/]: {self.counted()} in {self.seconds:.0f} s",
            highlight=False,
        )

    def counted(self) -> str:
        """Return the numbers of checks that passed, that there were, and that were not made."""
        passed = sum(check.passed for check in self.checks)
        left_out = f", {len(self.not_checked)} not checked" if self.not_checked else ""
        return f"{passed} of {len(self.checks)} checks passed{left_out}"

    def _table(self) -> Table:
        """Return the table: a part for each kind and dtype, in the order of the first checks."""
        from rich.box import SIMPLE_HEAD
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, title=f"{escape(self.spec)}: do they compute the same?")
        table.add_column("between", overflow="fold")
        table.add_column("error", justify="right", no_wrap=True)
        table.add_column("tolerance", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for title, checks, left_out in self._titled():
            table.add_row(f"[bold]{title}[/]")
            for check in checks:
                table.add_row(
                    f"  {escape(' – '.join(check.pair))}",
                    f"{check.error:.1e}",
                    f"{check.tolerance:.1e}",
                    "[green]same[/]" if check.passed else "[bold red]DIFFERS[/]",
                )
            for each in left_out:
                table.add_row(
                    f"  {escape(' – '.join(each.pair))}", "", "", "[yellow]not checked[/]"
                )
            table.add_section()
        return table

    def _titled(self) -> Iterable[tuple[str, list[Check], list[NotChecked]]]:
        """Yield the parts of the table with their titles."""
        for kind, dtype, checks, left_out in self._parts():
            title = TITLES[kind] if kind is not None else "all checks"
            yield f"{title}{f', {dtype}' if dtype else ''}", checks, left_out

    def _parts(self) -> Iterable[tuple[Kind | None, str, list[Check], list[NotChecked]]]:
        """Return the parts of the table: what was not checked stands in the first of its kind."""
        parts: dict[tuple[Kind | None, str], list[Check]] = {}
        for check in self.checks:
            parts.setdefault((check.kind, check.dtype), []).append(check)
        left_out: dict[Kind | None, list[NotChecked]] = {}
        for each in self.not_checked:
            left_out.setdefault(each.kind, []).append(each)
        shown = [(*part, checks, left_out.pop(part[0], [])) for part, checks in parts.items()]
        return [*shown, *((kind, "", [], rest) for kind, rest in left_out.items())]

    def failures(self) -> Iterable[Check]:
        """Return the checks that failed."""
        return [check for check in self.checks if not check.passed]

    def to_html(self) -> str:
        """Return the report as a page that stands on its own."""
        from nnspec.verification.page import Row, page

        def row(entry: Check | NotChecked) -> Row:
            verdict, error, tolerance = _result(entry)
            tone = "open"
            if isinstance(entry, Check):
                tone = "same" if entry.passed else "differs"
            return Row(" – ".join(entry.pair), error, tolerance, verdict, tone)

        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return page(
            f"{self.spec}: do they compute the same?",
            (
                f"{self.verdict}: {self.counted()} in {self.seconds:.0f} s",
                "differs" if not self.passed else "open" if self.is_blank else "same",
            ),
            [
                *((_difference(each), "differs") for each in self.failures()),
                *((f"not checked: {each.told()}", "open") for each in self.not_checked),
                *((f"note: {note}", "small") for note in self.notes),
            ],
            [
                (title, [*map(row, checks), *map(row, left_out)])
                for title, checks, left_out in self._titled()
            ],
            [f"spec {self.spec_sha256}", versions],
        )
