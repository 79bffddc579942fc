"""nnspec schema."""

from __future__ import annotations

import click

from nnspec.cli.common import json_option
from nnspec.show.jsonschema import schema_text


@click.command()
@click.option("-o", "--output", type=click.Path(), help="Write to this file.")
@json_option
def schema(output: str | None, as_json: bool) -> None:
    """Print the JSON Schema of specs, by which editors complete and check them.

    Begin a spec with "# yaml-language-server: $schema=PATH" to use it.
    """
    # It is JSON with or without --json.
    if output is None:
        click.echo(schema_text(), nl=False)
        return
    from nnspec.support.files import write_text

    click.echo(write_text(output, schema_text()))
