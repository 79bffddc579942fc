"""Options of the commands that read a file of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nnspec.errors import UsageError

if TYPE_CHECKING:
    from nnspec.network.loader import Spec
    from nnspec.weights.stored import StoredWeights

F = TypeVar("F", bound=Callable[..., Any])


def weights_options(command: F) -> F:
    """Add `--weights`, `--map` and `--partial`; `read_weights` makes weights of what they give."""
    options = (
        click.option("--weights", type=click.Path(), help="A .safetensors file of weights."),
        click.option(
            "--map",
            "renames",
            metavar="OLD=NEW",
            multiple=True,
            help="Rename the file's tensors; both may hold *, an empty NEW leaves one out. "
            "Or a .json or .yaml file of old: new. May be repeated.",
        ),
        click.option(
            "--partial",
            is_flag=True,
            help="Take of the weights what fits, and keep first values for the rest.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_weights(
    spec: Spec, path: str | None, renames: tuple[str, ...], *, partial: bool, mapped: bool = False
) -> StoredWeights | None:
    """Return the weights of a file, or None where none is given; what does not fit is said."""
    from nnspec.errors import printable

    if path is None:
        if renames or partial:
            raise UsageError("--map and --partial are about a weights file: add --weights FILE")
        return None
    from nnspec.weights.fitting import fit_file

    fitted = fit_file(spec, path, renames=_renames(renames), partial=partial, mapped=mapped)
    if partial:
        total = len(fitted.weights)
        click.echo(f"{path}: {total - len(fitted.first)} of {total} tensors are taken", err=True)
        for what, names in (
            ("keep their first values", fitted.first),
            ("of the file are not used", fitted.unused),
        ):
            if names:
                click.echo(f"  {what}: {', '.join(map(printable, names))}", err=True)
        for note in fitted.notes:
            click.echo(f"  {printable(note)}", err=True)
    return fitted.weights


def _renames(given: tuple[str, ...]) -> list[tuple[str, str]]:
    renames: list[tuple[str, str]] = []
    for each in given:
        old, equals, new = each.partition("=")
        if equals:
            renames.append((old.strip(), new.strip()))
            continue
        from pathlib import Path

        from nnspec.language.source import parse
        from nnspec.language.tree import SourceError

        try:
            table = parse(Path(each).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, SourceError) as error:
            raise UsageError(f'"{each}" is neither OLD=NEW nor a file of names: {error}') from None
        if not isinstance(table, dict) or not all(isinstance(new, str) for new in table.values()):
            raise UsageError(f"{each}: a mapping of old names to new ones is expected")
        renames += [(str(old), str(new)) for old, new in table.items()]
    return renames
