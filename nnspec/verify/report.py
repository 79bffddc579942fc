"""What a verification found: checks, notes, and how they read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console

Kind = Literal["forward", "gradient", "training", "export", "dynamic_shape"]

TITLES: dict[Kind, str] = {
    "forward": "outputs as at inference",
    "gradient": "loss and gradients",
    "training": "weights after training steps",
    "export": "exported ONNX in onnxruntime",
    "dynamic_shape": "other batch and axis sizes",
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


@dataclass(slots=True)
class Report:
    """All that a verification found; it passed if every check did."""

    spec: str
    spec_sha256: str
    versions: dict[str, str]
    steps: int
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed, and there was one."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the report as `nnspec verify --json` prints it."""
        return {
            "spec": self.spec,
            "spec_sha256": self.spec_sha256,
            "versions": self.versions,
            "passed": self.passed,
            "steps": self.steps,
            "checks": [{**asdict(check), "pair": list(check.pair)} for check in self.checks],
            "notes": self.notes,
        }

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.as_json(), indent=2)

    def print(self, console: Console) -> None:
        """Print the report as a table, the failed checks explained below it."""
        from rich.table import Table

        table = Table(title=f"{self.spec}: do they compute the same?", title_justify="left")
        for heading in ("check", "between", "dtype"):
            table.add_column(heading, overflow="fold")
        for heading in ("error", "tolerance"):
            table.add_column(heading, justify="right")
        table.add_column("", justify="left")
        previous: str | None = None
        for check in self.checks:
            title = TITLES[check.kind]
            if title != previous:
                if previous is not None:
                    table.add_section()
            table.add_row(
                title if title != previous else "",
                " – ".join(check.pair),
                check.dtype,
                f"{check.error:.1e}",
                f"{check.tolerance:.1e}",
                "[green]same[/]" if check.passed else "[bold red]DIFFERS[/]",
            )
            previous = title
        console.print(table)
        for check in self.failures():
            where = f" at layer [bold]{check.layer}[/]" if check.layer else ""
            console.print(
                f"[bold red]{' – '.join(check.pair)}[/] differ in {TITLES[check.kind]} "
                f"({check.dtype}){where}: {check.error:.3g} > {check.tolerance:.3g}. "
                f"{check.detail}".rstrip()
            )
        for note in self.notes:
            console.print(f"[dim]note:[/] {note}", highlight=False)
        passed = sum(check.passed for check in self.checks)
        verdict = "[bold green]verified[/]" if self.passed else "[bold red]not the same[/]"
        console.print(f"{verdict}: {passed} of {len(self.checks)} checks passed", highlight=False)

    def failures(self) -> Iterable[Check]:
        """Return the checks that failed."""
        return [check for check in self.checks if not check.passed]

    def to_html(self) -> str:
        """Return the report as a page that stands on its own."""
        from io import StringIO

        from rich.console import Console

        console = Console(record=True, file=StringIO(), width=110)
        self.print(console)
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        console.print(f"[dim]spec {self.spec_sha256}[/]\n[dim]{versions}[/]", highlight=False)
        return console.export_html(inline_styles=True)
