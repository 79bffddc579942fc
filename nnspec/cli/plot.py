"""nnspec plot."""

from __future__ import annotations

from pathlib import Path

import click

from nnspec.cli.common import json_option, model_option, print_json, set_option, spec_argument
from nnspec.cli.outputs import require_output
from nnspec.errors import UsageError

_OTHERS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf")
"""Endings by which others know pictures of other formats."""


@click.command()
@spec_argument
@set_option
@model_option
@click.option("-o", "--output", type=click.Path(), help="Write to this file; else print.")
@json_option
def plot(
    spec: str,
    variables: dict[str, object],
    model: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Draw the network as an SVG picture: layers with shapes and parameters, blocks as groups."""
    from nnspec.network.loader import load
    from nnspec.show.plot import svg

    if output is not None and Path(output).suffix.lower() in _OTHERS:
        raise UsageError(f"{output}: the picture is SVG; give a name that ends in .svg")
    loaded = load(spec, variables=variables, model=model)
    require_output(loaded, output)
    picture = svg(loaded.graph)
    path = None
    if output is not None:
        from nnspec.support.files import write_text

        path = str(write_text(output, picture))
    if as_json:
        print_json({"path": path, "svg": None if path else picture})
    else:
        click.echo(path or picture, nl=path is not None)
