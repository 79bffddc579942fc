"""What a verification found: checks, notes, and how they read."""

from __future__ import annotations

import itertools
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
    seconds: float = 0.0
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
            "seconds": round(self.seconds, 1),
            "checks": [{**asdict(check), "pair": list(check.pair)} for check in self.checks],
            "notes": self.notes,
        }

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.as_json(), indent=2)

    def print(self, console: Console) -> None:
        """Print the report as a table, the failed checks explained below it."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, title=f"{self.spec}: do they compute the same?")
        table.add_column("between", overflow="fold")
        table.add_column("error", justify="right")
        table.add_column("tolerance", justify="right")
        table.add_column("")
        for (kind, dtype), checks in itertools.groupby(
            self.checks, key=lambda check: (check.kind, check.dtype)
        ):
            table.add_row(f"[bold]{TITLES[kind]}, {dtype}[/]")
            for check in checks:
                table.add_row(
                    f"  {' – '.join(check.pair)}",
                    f"{check.error:.1e}",
                    f"{check.tolerance:.1e}",
                    "[green]same[/]" if check.passed else "[bold red]DIFFERS[/]",
                )
            table.add_section()
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
        counted = f"{passed} of {len(self.checks)} checks passed in {self.seconds:.0f} s"
        console.print(f"{verdict}: {counted}", highlight=False)

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
