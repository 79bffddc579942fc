"""Shared parts of the commands: the spec's argument, `--json`, how results are printed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

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


model_option = click.option(
    "--model", metavar="NAME", help="Of a spec with `models`, the network that is meant."
)


def _read_variables(
    ctx: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> dict[str, object]:
    if not given:
        return {}
    from nnspec.cli.variables import read

    return read(ctx, option, given)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


def print_json(value: object) -> None:
    """Print a result for machines."""
    import json

    click.echo(json.dumps(value, indent=2))


def use_colour() -> bool | None:
    """Whether to colour: False where https://no-color.org asks for none, else click decides."""
    return False if os.environ.get("NO_COLOR") else None
