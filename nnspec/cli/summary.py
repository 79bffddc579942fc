"""nnspec summary."""

from __future__ import annotations

import shutil
import sys

import click

from nnspec.cli.common import (
    json_option,
    model_option,
    print_json,
    set_option,
    spec_argument,
    use_colour,
)


@click.command()
@spec_argument
@set_option
@model_option
@json_option
def summary(spec: str, variables: dict[str, object], model: str | None, as_json: bool) -> None:
    """Show layers, output shapes (without the batch axis), parameters, multiply-adds and memory."""
    from nnspec.network.loader import Spec, load_any, one_of
    from nnspec.show.summary import summarize

    loaded = load_any(spec, variables=variables)
    if isinstance(loaded, Spec) or model is not None:
        results = [summarize(one_of(loaded, model))]
        record: object = results[0].as_json()
    else:
        results = [summarize(each) for each in loaded.models.values()]
        record = {
            "name": loaded.name,
            "models": {
                name: each.as_json() for name, each in zip(loaded.models, results, strict=True)
            },
        }
    if as_json:
        print_json(record)
        return
    # A file or a pipe has no width to keep to.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    texts = [each.text(width, is_styled=True) for each in results]
    click.echo("\n\n".join(texts), color=use_colour())
