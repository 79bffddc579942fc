"""nnspec export."""

from __future__ import annotations

from typing import Literal

import click

from nnspec.cli.common import (
    json_option,
    print_json,
    read_weights,
    require_output,
    set_option,
    spec_argument,
    weights_options,
)


@click.command()
@spec_argument
@set_option
@click.option("-o", "--output", required=True, type=click.Path(), help="The .onnx file to write.")
@weights_options
@click.option(
    "--via",
    type=click.Choice(["direct", "torch", "keras"]),
    default="direct",
    help="Who writes it: nnspec itself, or the framework's own exporter.",
)
@click.option("--opset", type=click.IntRange(min=1), default=21, help="ONNX operator set.")
@click.option("--external-data", is_flag=True, help="Put the tensors into OUTPUT.data.")
@click.option("--fold", is_flag=True, help="Fold batch normalisation into what feeds it.")
@click.option(
    "--batch", type=click.IntRange(min=1), help="Fix the number of rows; by default it is open."
)
@json_option
def export(
    spec: str,
    variables: dict[str, object],
    output: str,
    weights: str | None,
    renames: tuple[str, ...],
    partial: bool,
    via: Literal["direct", "torch", "keras"],
    opset: int,
    external_data: bool,
    fold: bool,
    batch: int | None,
    as_json: bool,
) -> None:
    """Write the network with its weights as ONNX, as it computes at inference."""
    from nnspec.deploy.exporting import export as run
    from nnspec.network.loader import load

    loaded = load(spec, variables=variables)
    for path in (output, f"{output}.data") if external_data else (output,):
        require_output(loaded, path, weights, *renames)
    report = run(
        loaded,
        output,
        weights=read_weights(loaded, weights, renames, partial=partial, mapped=True),
        via=via,
        opset=opset,
        external_data=external_data,
        fold=fold,
        batch=batch,
    )
    if as_json:
        print_json(report.as_json())
        return
    click.echo(
        f"{report.path}: opset {report.opset}, {report.nodes:,} operators, "
        f"{report.bytes:,} bytes, {report.seconds:.2f} s"
    )
    if weights is None:
        click.echo("no --weights given: these are the first weights, untrained", err=True)
