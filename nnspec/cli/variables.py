"""Reading of `--set NAME=VALUE`."""

from __future__ import annotations

import click

from nnspec.language.source import parse
from nnspec.language.tree import SourceError


def read(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, object]:
    """Return the variables; raises BadParameter."""
    variables: dict[str, object] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals:
            raise click.BadParameter(f'"{each}" is not NAME=VALUE', ctx, option)
        try:
            variables[name.strip()] = parse(text)
        except SourceError as error:
            raise click.BadParameter(f'"{each}": {error}', ctx, option) from None
    return variables
