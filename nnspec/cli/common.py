"""What several commands share: the spec's argument, `--json`, and how results are printed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from nnspec.errors import Problem

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
        from nnspec.source import SourceError, parse

        try:
            variables[name.strip()] = parse(text)
        except SourceError as error:
            raise click.BadParameter(f'"{each}": {error}', ctx, option) from None
    return variables


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


def print_json(value: object) -> None:
    """Print a result for machines."""
    import json

    click.echo(json.dumps(value, indent=2))


def print_problem(problem: Problem) -> None:
    """Print a problem as a compiler would, in colour on a terminal."""
    lines = problem.render().split("\n")
    place, separator, message = lines[0].partition(f" {problem.severity}[")
    colour = "red" if problem.severity == "error" else "yellow"
    kind, _, rest = f"{problem.severity}[{message}".partition(": ")
    head = f"{place}{' ' if separator and place else ''}"
    styled = click.style(head, bold=True) + click.style(kind, fg=colour, bold=True)
    caret = [click.style(line, fg="cyan") for line in lines[1:]]
    click.echo("\n".join([f"{styled}: {rest}", *caret]), color=use_colour())


def use_colour() -> bool | None:
    """Whether to colour: False where https://no-color.org asks for none, else click decides."""
    return False if os.environ.get("NO_COLOR") else None
