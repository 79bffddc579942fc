"""nnspec summary."""

from __future__ import annotations

import click

from nnspec.cli.common import json_option, print_json, set_option, spec_argument


@click.command()
@spec_argument
@set_option
@json_option
def summary(spec: str, variables: dict[str, object], as_json: bool) -> None:
    """Show layers, output shapes (without the batch axis), parameters, multiply-adds and memory."""
    from nnspec.loader import load
    from nnspec.summary import summarize

    result = summarize(load(spec, variables=variables))
    if as_json:
        print_json(result.as_json())
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nnspec.shapes import show

    table = Table(box=SIMPLE_HEAD, title=result.name, title_justify="left", pad_edge=False)
    for heading in ("layer", "type", "output"):
        table.add_column(heading, overflow="fold")
    for heading in ("parameters", "multiply-adds"):
        table.add_column(heading, justify="right")
    for layer in result.layers:
        table.add_row(
            Text(layer.name),
            layer.type,
            Text(show(layer.output_shape)),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
        )
    console = Console(highlight=False)
    if not console.is_terminal:
        # A file or a pipe has no width to keep to.
        console.width = 200
    console.print(table)
    frozen = result.parameters - result.trainable_parameters
    console.print(
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
