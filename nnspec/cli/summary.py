"""nnspec summary."""

from __future__ import annotations

import shutil
import sys

import click

from nnspec.cli.common import json_option, print_json, set_option, spec_argument, use_colour


@click.command()
@spec_argument
@set_option
@json_option
def summary(spec: str, variables: dict[str, object], as_json: bool) -> None:
    """Show layers, output shapes (without the batch axis), parameters, multiply-adds and memory."""
    from nnspec.network.loader import load
    from nnspec.show.summary import summarize

    result = summarize(load(spec, variables=variables))
    if as_json:
        print_json(result.as_json())
        return
    # A file or a pipe has no width to keep to.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo(result.text(width, is_styled=True), color=use_colour())
