"""nnspec runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from nnspec.cli.common import json_option, print_json
from nnspec.errors import printable

if TYPE_CHECKING:
    from nnspec.training.listing import Listed

SHOWN = 6
"""Settings that are columns of the table; JSON has all."""
LONG = 24


@click.command()
@click.argument("folders", nargs=-1, type=click.Path())
@click.option(
    "--sort",
    "by",
    metavar="NAME",
    help="By a measure, such as val_loss, the smallest first; -val_accuracy has the largest first.",
)
@json_option
def runs(folders: tuple[str, ...], by: str | None, as_json: bool) -> int:
    """List the runs in FOLDERS and within them, by default here, and compare them.

    A row tells the status, the epochs, the measures of the best epoch and of the test rows, and
    the variables and settings in which the runs differ.
    """
    from nnspec.training.listing import differing, ordered, runs_in

    found = runs_in(folders or (".",))
    if by is not None:
        found = ordered(found, by)
    if as_json:
        print_json([run.as_json() for run in found])
        return 0
    if not found:
        click.echo(f"no runs in {', '.join(folders) or 'this folder'}")
        return 0
    _show(found, [name for name in differing(found) if "." in name])
    return 0


def _show(found: Sequence[Listed], settings: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    measures = list(dict.fromkeys(name for run in found for name in run.measures))
    heads = _short(settings[:SHOWN])
    table: Any = Table(box=None, pad_edge=False)
    for head in ("run", "network", "status", "by"):
        table.add_column(head, overflow="fold")
    for head in ("epochs", "best", *measures):
        table.add_column(printable(head), justify="right")
    for head in heads:
        table.add_column(printable(head), overflow="fold")
    for run in found:
        if run.problem:
            continue
        table.add_row(
            *map(printable, (str(run.folder), run.name, run.status, run.backend)), str(run.epochs),
            "" if run.best_epoch is None else str(run.best_epoch),
            *(f"{run.measures[name]:.4g}" if name in run.measures else "" for name in measures),
            *(
                _told(run.settings[name]) if name in run.settings else ""
                for name in settings[:SHOWN]
            ),
        )  # fmt: skip
    console = Console(highlight=False, markup=False, emoji=False)
    if table.row_count:
        if not console.is_terminal:
            console.width = 10_000  # a file has no width
        console.print(table)
    if len(settings) > SHOWN:
        click.echo(f"{len(settings) - SHOWN} more settings differ: --json has them")
    for run in found:
        if run.problem:
            click.echo(f"nnspec: {printable(f'{run.folder}: {run.problem}')}", err=True)


def _short(names: Sequence[str]) -> list[str]:
    """Return the last parts of names, as many as tell them apart."""
    found = []
    for name in names:
        parts = name.split(".")
        count = 1
        while count < len(parts) and any(
            other != name and other.split(".")[-count:] == parts[-count:] for other in names
        ):
            count += 1
        found.append(".".join(parts[-count:]))
    return found


def _told(value: object) -> str:
    text = printable(value if isinstance(value, str) else json.dumps(value))
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."
