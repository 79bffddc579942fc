"""nnspec schema."""

from __future__ import annotations

import click

from nnspec.cli.common import json_option


@click.command()
@click.option("-o", "--output", type=click.Path(), help="Write to this file.")
@click.option(
    "--compact",
    is_flag=True,
    help="The small one for strict structured output: objects closed, keys required, null allowed.",
)
@json_option
def schema(output: str | None, compact: bool, as_json: bool) -> None:
    """Print the JSON Schema of specs, by which editors complete and check them.

    Begin a spec with "# yaml-language-server: $schema=PATH" to use it.
    """
    if compact:
        from nnspec.show.compact import compact_text as text
    else:
        from nnspec.show.jsonschema import schema_text as text
    # It is JSON with or without --json.
    if output is None:
        click.echo(text(), nl=False)
        return
    from nnspec.support.files import write_text

    click.echo(write_text(output, text()))
