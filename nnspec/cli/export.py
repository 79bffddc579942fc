"""nnspec export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nnspec.cli.backend_options import BackendCommand, given_options
from nnspec.cli.common import json_option, model_option, print_json, set_option, spec_argument
from nnspec.cli.outputs import require_output
from nnspec.cli.weights_files import read_weights, weights_options

if TYPE_CHECKING:
    from nnspec.backend import Backend


def _chosen(args: Sequence[str]) -> list[Backend]:
    """Return the backend that writes ONNX models."""
    from nnspec.backend import onnx_backend

    return [onnx_backend()]


@click.command(cls=BackendCommand, chosen=_chosen)
@spec_argument
@set_option
@model_option
@click.option("-o", "--output", required=True, type=click.Path(), help="The .onnx file to write.")
@weights_options
@click.option(
    "--via",
    metavar="direct|BACKEND",
    default="direct",
    show_default=True,
    help="Who writes it: nnspec itself, or the exporter of a backend's framework.",
)
@click.option("--external-data", is_flag=True, help="Put the tensors into OUTPUT.data.")
@click.option(
    "--preprocessing",
    is_flag=True,
    help="Put the preparation of columns into the model, which then takes a raw table.",
)
@json_option
def export(
    spec: str,
    variables: dict[str, object],
    model: str | None,
    output: str,
    weights: str | None,
    renames: tuple[str, ...],
    partial: bool,
    via: str,
    external_data: bool,
    preprocessing: bool,
    as_json: bool,
) -> None:
    """Write the network with its weights as ONNX, as it computes at inference."""
    from nnspec.deploy.exporting import export as run
    from nnspec.network.loader import load

    loaded = load(spec, variables=variables, model=model)
    for path in (output, f"{output}.data") if external_data else (output,):
        require_output(loaded, path, weights, *renames)
    report = run(
        loaded,
        output,
        model=None,
        weights=read_weights(loaded, weights, renames, partial=partial, mapped=True),
        via=via,
        external_data=external_data,
        preprocessing=preprocessing,
        **given_options(),
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
