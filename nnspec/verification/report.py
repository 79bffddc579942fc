"""The report of a verification: checks, what was not checked, notes; printed, as JSON, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from nnspec.errors import printable
from nnspec.support import html
from nnspec.support.causes import plain
from nnspec.support.plain_json import json_text
from nnspec.verification.checks import (
    TITLES,
    Check,
    IllConditioned,
    Kind,
    NotChecked,
    amount,
    difference,
    result,
)
from nnspec.verification.levels import KINDS, LEVELS, PRINCIPAL, Level, Verdict, level_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nnspec.network.loader import Spec
    from nnspec.network.networks import Networks


@dataclass(slots=True, repr=False)
class Report:
    """All that a verification found; it passed if every check did, and no required level lacks one.

    levels: those that were chosen. required: those of which nothing may be left unchecked.
    """

    spec: str
    spec_sha256: str
    versions: dict[str, str]
    steps: int
    seconds: float = 0.0
    checks: list[Check] = field(default_factory=list)
    not_checked: list[NotChecked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blank: str = ""
    """The reason for which nothing was compared that tells two programs apart, as a verdict."""
    levels: tuple[Level, ...] = LEVELS
    required: tuple[Level, ...] = ()
    ill_conditioned: list[IllConditioned] = field(default_factory=list)
    """By dtype, where one rounding moves the outputs so far that agreement says little."""

    titles: ClassVar[Mapping[Kind, str]] = TITLES
    """Kind of checks -> what it is called."""

    @property
    def question(self) -> str:
        """The question that the report answers."""
        return "do they compute the same?"

    @property
    def is_compared(self) -> bool:
        """Whether so much was compared that the verdict says something."""
        return bool(self.checks)

    @property
    def passed(self) -> bool:
        """Whether every check passed, there was one, and all was checked that is required."""
        is_same = self.is_compared and all(check.passed for check in self.checks)
        return is_same and not self.unmet()

    @property
    def verdict(self) -> str:
        """The result, in a few words."""
        if not all(check.passed for check in self.checks):
            return "not the same"
        if not self.is_compared:
            return "not compared"
        if self.unmet():
            return "not checked as required"
        return self.blank or "verified"

    def verdict_of(self, level: Level) -> Verdict:
        """Return the verdict of a level: `same` where what it is named after passed."""
        checks = [check for check in self.checks if level_of(check.kind) == level]
        if not all(check.passed for check in checks):
            return "differs"
        is_checked = any(check.kind in PRINCIPAL.get(level, (check.kind,)) for check in checks)
        return "same" if is_checked else "not checked"

    def unmet(self) -> list[str]:
        """Return what is required and was not checked, a sentence each.

        What the call left out by name counts where nothing else of its level was checked.
        """
        found = []
        for level in self.required:
            is_checked = self.verdict_of(level) != "not checked"
            missing = [
                each.told(self.titles)
                for each in self.not_checked
                if (each.kind is None or level_of(each.kind) == level)
                and not (is_checked and each.by_call)
            ]
            if missing or not is_checked:
                why = "; ".join(missing) or "the network has nothing of it"
                found.append(f"{level} is required, and not checked: {why}")
        return found

    def asks(self, kind: Kind) -> bool:
        """Whether checks of this kind are among those that were chosen."""
        return level_of(kind) in self.levels

    def leave_out(
        self, kind: Kind | None, pair: tuple[str, ...], reason: str, *, by_call: bool = False
    ) -> None:
        """Add what is not checked, once."""
        entry = NotChecked(kind, pair, plain(reason), by_call)
        if entry not in self.not_checked:
            self.not_checked.append(entry)

    def leave_unchosen(self, *, absent: Iterable[Kind] = ()) -> None:
        """Add the kinds of checks that were not chosen. absent: those that there are not here."""
        for level, kinds in KINDS.items():
            for kind in kinds if level not in self.levels else ():
                if kind not in absent:
                    self.leave_out(kind, (), f'the level "{level}" is not chosen', by_call=True)

    def remarks(self) -> list[str]:
        """Return what agreement, or a difference, says less or more by, a sentence each."""
        return [f"ill-conditioned: {each.told()}" for each in self.ill_conditioned]

    def levels_as_json(self) -> dict[str, Any]:
        """Return the verdict of each level, with how much of it was not checked."""
        open_ = [each.kind for each in self.not_checked]
        return {
            level: {
                "verdict": self.verdict_of(level),
                "not_checked": sum(kind is None or level_of(kind) == level for kind in open_),
                "is_chosen": level in self.levels,
                "is_required": level in self.required,
            }
            for level in LEVELS
        }

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
            "levels": self.levels_as_json(),
            "unmet": self.unmet(),
            "checks": [{**asdict(check), "pair": list(check.pair)} for check in self.checks],
            "not_checked": [{**asdict(each), "pair": list(each.pair)} for each in self.not_checked],
            "ill_conditioned": [
                {**asdict(each), "told": each.told()} for each in self.ill_conditioned
            ],
            "notes": self.notes,
        }

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json_text(self.as_json())

    def __repr__(self) -> str:
        return printable(f"<{type(self).__name__} {self.spec}: {self.verdict}, {self.counted()}>")

    def _repr_html_(self) -> str:
        rows: list[tuple[str, ...]] = []
        for title, checks, left_out in self.titled():
            entries: list[Check | NotChecked] = [*checks, *left_out]
            rows += [(title, each.between, *result(each)) for each in entries]
        said = [
            f"{self.counted()} in {self.seconds:.0f} s",
            self._line_of_levels(),
            *self.unmet(),
            *(difference(check, self.titles) for check in self.failures()),
            *self.remarks(),
            *(f"note: {note}" for note in self.notes),
        ]
        unchecked = html.lines(each.told(self.titles) for each in self.not_checked)
        headings = ("what", "between", "", "error", "tolerance")
        table = html.table(headings, rows, numeric=2)
        return html.titled(
            f"{self.spec}: {self.question}",
            html.badge(self.verdict, self.tone()),
            html.lines(said),
            html.folded(f"not checked: {len(self.not_checked)}", unchecked) if unchecked else "",
            html.folded("every comparison", table, is_open=bool(self.failures())),
        )

    def tone(self) -> str:
        """Return the tone of the verdict: `same`, `differs` or `open`."""
        if self.passed:
            return "open" if self.blank else "same"
        return "open" if self.verdict.startswith("not compared") else "differs"

    def print(self, console: Console) -> None:
        """Print the report as a table, the failed checks explained below it."""
        from rich.markup import escape

        console.print(self._table())
        for check in self.failures():
            told = f"differ in {amount(check, self.titles)}"
            console.print(f"[bold red]{escape(' – '.join(check.pair))}[/] {escape(told)}")
        for each in self.not_checked:
            console.print(
                f"[yellow]not checked:[/] {escape(each.told(self.titles))}", highlight=False
            )
        for sentence in self.remarks():
            console.print(f"[bold yellow]remark:[/] {escape(sentence)}", highlight=False)
        for sentence in self.unmet():
            console.print(f"[bold red]required:[/] {escape(sentence)}", highlight=False)
        for note in self.notes:
            console.print(f"[dim]note:[/] {escape(note)}", highlight=False)
        console.print(self._line_of_levels(), highlight=False)
        colour = "red" if not self.passed else "yellow" if self.blank else "green"
        console.print(
            f"[bold {colour}]{self.verdict}[/]: {self.counted()} in {self.seconds:.0f} s",
            highlight=False,
        )

    def told_levels(self) -> list[tuple[Level, Verdict]]:
        """Return each level with its verdict."""
        return [(level, self.verdict_of(level)) for level in LEVELS]

    def _line_of_levels(self) -> str:
        return ", ".join(f"{level} {told}" for level, told in self.told_levels())

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

        table = Table(box=SIMPLE_HEAD, title=f"{escape(self.spec)}: {self.question}")
        table.add_column("between", overflow="fold")
        table.add_column("error", justify="right", no_wrap=True)
        table.add_column("tolerance", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for title, checks, left_out in self.titled():
            table.add_row(f"[bold]{title}[/]")
            for check in checks:
                table.add_row(
                    f"  {escape(check.between)}",
                    f"{check.error:.1e}",
                    f"{check.tolerance:.1e}",
                    "[green]same[/]" if check.passed else "[bold red]DIFFERS[/]",
                )
            for each in left_out:
                table.add_row(f"  {escape(each.between)}", "", "", "[yellow]not checked[/]")
            table.add_section()
        return table

    def titled(self) -> Iterable[tuple[str, list[Check], list[NotChecked]]]:
        """Yield the parts of the table with their titles."""
        for kind, dtype, checks, left_out in self._parts():
            title = self.titles[kind] if kind is not None else "all checks"
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

    def to_html(self, network: Spec | Networks | None = None, command: str = "") -> str:
        """Return the report as a page that stands on its own.

        network: the spec, whose graph is drawn. command: the line that gives the report again.
        """
        from nnspec.verification.report_page import page_of

        networks = {self.spec: network}
        return page_of({self.spec: self}, networks, self.spec, self.spec_sha256, command)
