"""nnspec weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from nnspec.cli.common import json_option, model_option, print_json, set_option, spec_argument

if TYPE_CHECKING:
    from nnspec.layers.base import Parameter


@click.command()
@spec_argument
@set_option
@model_option
@json_option
def weights(spec: str, variables: dict[str, object], model: str | None, as_json: bool) -> None:
    """List the tensors of a weights file for this network: names, shapes and first values.

    Layouts are PyTorch's: dense (out, in), convolution (out, in / groups, height, width).
    """
    from nnspec.layers.shapes import show
    from nnspec.network.loader import Spec, load_any, one_of

    loaded = load_any(spec, variables=variables)
    if isinstance(loaded, Spec) or model is not None:
        graph = one_of(loaded, model).graph
        title, parameters = graph.name, list(graph.parameters())
    else:
        title, parameters = loaded.name, list(loaded.parameters())
    rows = [
        {
            "name": name,
            "shape": list(parameter.shape),
            "elements": math.prod(parameter.shape),
            "initializer": parameter.initializer.model_dump(mode="json"),
            "zero_row": parameter.zero_row,
            "trainable": parameter.learns,
            "fixed": parameter.is_fixed,
        }
        for name, parameter in parameters
    ]
    if as_json:
        print_json({"name": title, "weights": rows})
        return
    shown = [
        (
            name,
            show(parameter.shape),
            _law(parameter.initializer.model_dump(mode="json")),
            _remark(parameter),
        )
        for name, parameter in parameters
    ]
    widths = [max((len(row[i]) for row in shown), default=0) for i in range(3)]
    for row in shown:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[3]]).rstrip())


def _law(fields: dict[str, object]) -> str:
    """Return an initializer as a call: `normal(stddev=0.02)`."""
    settings = [
        f"{name}={_law(value) if isinstance(value, dict) else value}"
        for name, value in fields.items()
        if name != "type"
    ]
    return f"{fields['type']}({', '.join(settings)})" if settings else str(fields["type"])


def _remark(parameter: Parameter) -> str:
    if parameter.is_fixed:
        return "always 0"
    if not parameter.trainable:
        return "not trained"
    if parameter.is_frozen:
        return "frozen"
    return f"row {parameter.zero_row} is 0" if parameter.zero_row is not None else ""
