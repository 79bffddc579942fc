"""Shared parts of the commands: the spec's argument, `--json`, how results are printed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

STDIN = "-"
"""The path that stands for standard input."""

LOGS = ("tensorboard", "mlflow")
"""The loggers that nnspec has (`nnspec.training.loggers`)."""

F = TypeVar("F", bound=Callable[..., Any])

spec_argument = click.argument("spec", type=click.Path())
"""The path of one spec; whether it can be read is for the loader to say."""


def set_option(command: F) -> F:
    """Add `--set NAME=VALUE`; the command takes `variables`, a dict."""
    return click.option(
        "--set",
        "variables",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_read_variables,
        help="Give a variable of the spec another value, or what a path leads to: "
        "training.epochs=3, layers.hidden.units=64; may be repeated.",
    )(command)


def log_option(command: F) -> F:
    """Add `--log NAME`; the command takes `log`, a tuple of names."""
    return click.option(
        "--log",
        type=click.Choice(LOGS),
        multiple=True,
        help="Log each epoch there too; may be repeated. MLflow's store is what "
        "MLFLOW_TRACKING_URI names.",
    )(command)


def hardware_options(command: F) -> F:
    """Add `--device` and `--precision`, as a training takes them."""
    command = click.option(
        "--precision",
        type=click.Choice(["32", "bf16-mixed", "16-mixed"]),
        help="Let the framework compute in 16 bits what allows it; 32 by default.",
    )(command)
    return click.option(
        "--device",
        type=click.Choice(["cpu", "cuda", "mps", "auto"]),
        help="What computes; auto is the best that is there. By default the CPU in PyTorch, and in "
        "Keras what TensorFlow takes.",
    )(command)


model_option = click.option(
    "--model", metavar="NAME", help="Of a spec with `models`, the network that is meant."
)


def _read_variables(
    ctx: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> dict[str, object]:
    if not given:
        return {}
    from nnspec.cli.variables import read

    return read(ctx, option, given)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


FORMATS = ("text", "json", "github", "sarif")
"""The forms in which `check` and `verify` print what they found."""


def format_option(command: F) -> F:
    """Add `--format` and `--json`; the command takes `form`, one of FORMATS."""
    command = click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        callback=_read_format,
        help="github: annotations of a workflow run; sarif: a SARIF 2.1.0 log.",
    )(command)
    return click.option(
        "--json",
        is_flag=True,
        is_eager=True,  # so that it is read first, wherever it stands
        expose_value=False,
        callback=_note_json,
        help="Print JSON, for machines: --format json.",
    )(command)


def _note_json(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    ctx.meta["nnspec.json"] = given


def _read_format(ctx: click.Context, option: click.Parameter, given: str) -> str:
    if not ctx.meta.get("nnspec.json"):
        return given
    source = ctx.get_parameter_source("form")
    if given != "json" and source is click.core.ParameterSource.COMMANDLINE:
        raise click.BadParameter(f"--json and --format {given} exclude each other", ctx, option)
    return "json"


def print_json(value: object) -> None:
    """Print a result for machines."""
    from nnspec.support.plain_json import json_text

    click.echo(json_text(value))


def use_colour() -> bool | None:
    """Whether to colour: False where https://no-color.org asks for none, else click decides."""
    return False if os.environ.get("NO_COLOR") else None
