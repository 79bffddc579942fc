"""Shared parts of the commands: the spec's argument, `--json`, the printing of results."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nnspec.errors import Problem, UsageError

if TYPE_CHECKING:
    from nnspec.network.loader import Spec
    from nnspec.weights.stored import StoredWeights

STDIN = "-"
"""The path that stands for standard input."""

F = TypeVar("F", bound=Callable[..., Any])

spec_argument = click.argument("spec", type=click.Path())
"""The path of one spec; whether it can be read is for the loader to say."""


def set_option(command: F) -> F:
    """Add `--set NAME=VALUE`; the command takes `variables`, a dict."""
    return click.option(
        "--set",
        "variables",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_read_variables,
        help="Give a variable of the spec another value; may be repeated.",
    )(command)


def _read_variables(
    ctx: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> dict[str, object]:
    variables: dict[str, object] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals:
            raise click.BadParameter(f'"{each}" is not NAME=VALUE', ctx, option)
        from nnspec.language.source import parse
        from nnspec.language.tree import SourceError

        try:
            variables[name.strip()] = parse(text)
        except SourceError as error:
            raise click.BadParameter(f'"{each}": {error}', ctx, option) from None
    return variables


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


def require_apart_from(spec: Spec, output: str | None, *read: str | None) -> None:
    """Raise UsageError where the output is the spec's file, its rows, or another that is read."""
    from nnspec.support.files import require_apart

    data = spec.model.data
    rows = None if data is None else spec.folder / data.source
    require_apart(output, spec.path, rows, *read)


def require_output(spec: Spec, output: str | None, *read: str | None) -> None:
    """Raise UsageError before any work where the output cannot be written, or is what is read."""
    from nnspec.support.files import require_writable

    require_writable(output)
    require_apart_from(spec, output, *read)


def print_json(value: object) -> None:
    """Print a result for machines."""
    import json

    click.echo(json.dumps(value, indent=2))


def print_problem(problem: Problem, *, err: bool = False) -> None:
    """Print a problem as a compiler would, in colour on a terminal."""
    lines = problem.render().split("\n")
    place, separator, message = lines[0].partition(f" {problem.severity}[")
    colour = "red" if problem.severity == "error" else "yellow"
    kind, _, rest = f"{problem.severity}[{message}".partition(": ")
    head = f"{place}{' ' if separator and place else ''}"
    styled = click.style(head, bold=True) + click.style(kind, fg=colour, bold=True)
    caret = [click.style(line, fg="cyan") for line in lines[1:]]
    click.echo("\n".join([f"{styled}: {rest}", *caret]), color=use_colour(), err=err)


def record_of(path: str, problems: tuple[Problem, ...], *, is_fine: bool) -> dict[str, object]:
    """Return what `--json` prints of a file."""
    return {"file": path, "ok": is_fine, "problems": [each.as_json() for each in problems]}


def print_problems(
    path: str, problems: tuple[Problem, ...], *, is_fine: bool, err: bool = False
) -> int:
    """Print what is wrong with a file, and return how many of it a safe fix mends."""
    for problem in problems:
        print_problem(problem, err=err)
    if is_fine:
        click.echo(f"{path}: ok", err=err)
    return sum(each.fix is not None and each.fix.is_safe for each in problems)


def print_summary(wrong: int, number: int, mendable: int) -> None:
    """Say how many specs are wrong, and how many mistakes can be mended."""
    if wrong:
        noun = "spec is" if wrong == 1 else "specs are"
        click.echo(f"{wrong} of {number} {noun} wrong", err=True)
    if mendable:
        noun = "mistake" if mendable == 1 else "mistakes"
        click.echo(f"{mendable} {noun} can be mended by `nnspec check --fix`", err=True)


def unreadable(path: str, error: UsageError) -> Problem:
    """Return why a file cannot be read."""
    return Problem("unreadable-file", str(error).removeprefix(path).lstrip(": "), file=path)


def use_colour() -> bool | None:
    """Whether to colour: False where https://no-color.org asks for none, else click decides."""
    return False if os.environ.get("NO_COLOR") else None


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
