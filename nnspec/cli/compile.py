"""nnspec compile."""

from __future__ import annotations

from typing import Literal

import click

from nnspec.cli.common import (
    json_option,
    print_json,
    require_output,
    set_option,
    spec_argument,
)

_WITHOUT_EFFECT = {
    "torch": ("--opset",),
    "keras": ("--opset",),
    "onnx": ("--training", "--stock"),
}
"""Options that are of other backends."""


@click.command()
@spec_argument
@set_option
@click.option("--to", "backend", required=True, help="torch, keras, onnx or another backend.")
@click.option("-o", "--output", type=click.Path(), help="Write to this file; else print.")
@click.option("--training", is_flag=True, help="Add loss, optimizer, data and a main program.")
@click.option("--stock", is_flag=True, help="Use the framework's optimizer though it differs.")
@click.option(
    "--layout",
    type=click.Choice(["spec", "native"]),
    default="spec",
    help="Layout of image-like tensors: the spec's, or the framework's own.",
)
@click.option("--opset", type=click.IntRange(min=1), help="ONNX operator set.")
@click.option("--fold", is_flag=True, help="In ONNX, fold batch normalisation into what feeds it.")
@json_option
def compile(
    spec: str,
    variables: dict[str, object],
    backend: str,
    output: str | None,
    training: bool,
    stock: bool,
    layout: Literal["spec", "native"],
    opset: int | None,
    fold: bool,
    as_json: bool,
) -> None:
    """Write a spec in the language of a backend; needs no framework installed."""
    from nnspec.backend import Options, get_backend
    from nnspec.network.loader import load

    options = Options(training=training, stock=stock, layout=layout, fold=fold)
    if opset is not None:
        from dataclasses import replace

        options = replace(options, opset=opset)
    loaded = load(spec, variables=variables)
    require_output(loaded, output)
    compiled = get_backend(backend).compile(loaded, options)
    given = {"--training": training, "--stock": stock, "--opset": opset is not None}
    for option in _WITHOUT_EFFECT.get(backend, ()):
        if given[option]:
            click.echo(f"nnspec: {option} changes nothing of what {backend} writes", err=True)
    path = compiled.write(output) if output is not None else None
    if as_json:
        place = str(path) if path is not None else None
        source = compiled.source if path is None else None
        print_json({"path": place, "backend": backend, "source": source})
    elif path is not None:
        click.echo(path)
    else:
        click.echo(compiled.source, nl=not compiled.source.endswith("\n"))
