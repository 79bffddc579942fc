"""nnspec compile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from nnspec.cli.backend_options import BackendCommand, given_options, value_of
from nnspec.cli.common import json_option, model_option, print_json, set_option, spec_argument
from nnspec.cli.outputs import require_output

if TYPE_CHECKING:
    from nnspec.backend import Backend, Compiled
    from nnspec.backend.versus import CompiledNetworks


def _chosen(args: Sequence[str]) -> list[Backend]:
    """Return the backend that `--to` names, or all for a call that names none."""
    from nnspec.backend import get_backend, installed_backends

    name = value_of("--to", args)
    return installed_backends() if name is None else [get_backend(name)]


@click.command(cls=BackendCommand, chosen=_chosen)
@spec_argument
@set_option
@model_option
@click.option(
    "--to", "backend", required=True, help="An installed backend, such as torch, keras or onnx."
)
@click.option("-o", "--output", type=click.Path(), help="Write to this file; else print.")
@click.option("--training", is_flag=True, help="Add loss, optimizer, data and a main program.")
@click.option(
    "--layout",
    type=click.Choice(["spec", "native"]),
    default="spec",
    help="Layout of image-like tensors: the spec's, or the framework's own.",
)
@json_option
def compile(
    spec: str,
    variables: dict[str, object],
    model: str | None,
    backend: str,
    output: str | None,
    training: bool,
    layout: Literal["spec", "native"],
    as_json: bool,
) -> None:
    """Write a spec in the language of a backend; needs no framework installed."""
    from nnspec.backend import Can, get_backend, make_options
    from nnspec.network.loader import Spec, load_any, one_of

    to = get_backend(backend)
    options = make_options(to, given_options(), training=training, layout=layout)
    loaded = load_any(spec, variables=variables)
    if isinstance(loaded, Spec) or model is not None:
        loaded = one_of(loaded, model)
    require_output(loaded, output)
    compiled: Compiled | CompiledNetworks
    if isinstance(loaded, Spec):
        if training:
            from nnspec.training.lengths import with_rows_read

            loaded = with_rows_read(loaded)
        compiled = to.compile(loaded, options)
    else:
        compiled = to.compile_networks(loaded, options)
    if training and Can.TRAINING not in to.can:
        click.echo(f"nnspec: --training changes nothing of what {backend} writes", err=True)
    path = compiled.write(output) if output is not None else None
    if as_json:
        place = str(path) if path is not None else None
        source = compiled.source if path is None else None
        print_json({"path": place, "backend": backend, "source": source})
    elif path is not None:
        click.echo(path)
    else:
        click.echo(compiled.source, nl=not compiled.source.endswith("\n"))
