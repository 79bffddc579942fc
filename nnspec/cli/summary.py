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
    from nnspec.cli.table import table_lines
    from nnspec.layers.shapes import show

    rows = [
        (
            layer.name,
            layer.type,
            show(layer.output_shape),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
        )
        for layer in result.layers
    ]
    headings = ("layer", "type", "output", "parameters", "multiply-adds")
    # A file or a pipe has no width to keep to.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    lines = table_lines(result.name, headings, rows, numeric=2, width=width)
    click.echo("\n".join(lines), color=use_colour())
    frozen = result.parameters - result.trainable_parameters
    click.echo(
        f"parameters       {result.parameters:,} ({result.trainable_parameters:,} trainable, "
        f"{frozen:,} not), {_bytes(result.parameter_bytes)} in float32\n"
        f"multiply-adds    {result.multiply_adds:,} a row\n"
        f"layers' outputs  {_bytes(result.activation_bytes)} a row in float32"
    )


def _bytes(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.1f} {unit}" if unit != "bytes" else f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
