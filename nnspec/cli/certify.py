"""nnspec certify."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import click

from nnspec.cli.backend_options import BackendCommand, given_options
from nnspec.cli.common import json_option, model_option, print_json, set_option, spec_argument
from nnspec.cli.outputs import require_output
from nnspec.cli.progress import stages
from nnspec.cli.verify import (
    backends_chosen,
    names_in,
    processes_option,
    read_sizes,
    seed_option,
    steps_option,
)
from nnspec.cli.weights_files import read_weights, weights_options
from nnspec.verification.levels import LEVELS, chosen
from nnspec.verification.settings import Settings


@click.command(cls=BackendCommand, chosen=backends_chosen, in_verify=True)
@spec_argument
@set_option
@model_option
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    help="The statement to write, as model.certificate.json; its files go into the folder "
    "model.certificate beside it.",
)
@weights_options
@click.option("--sign", "key", metavar="KEY", help="Sign by model-signing with this .pem file.")
@click.option("--backends", show_default="all installed", help="Names of what to compare.")
@steps_option
@click.option(
    "--batch",
    type=click.IntRange(min=2),
    default=Settings.batch,
    show_default=True,
    help="Rows of every batch, which the certificate holds.",
)
@seed_option
@click.option(
    "--exporters/--no-exporters",
    default=Settings.exporters,
    show_default=True,
    help="Also verify what the frameworks' own exporters write.",
)
@click.option(
    "--size",
    "sizes",
    metavar="AXIS=SIZE",
    multiple=True,
    callback=read_sizes,
    help="Of a dynamic axis; else found.",
)
@click.option(
    "--data", type=click.Path(), help="Verify on these rows; the certificate holds some of them."
)
@click.option(
    "--level",
    "levels",
    metavar="LEVELS",
    help=f"What is checked, of {', '.join(LEVELS)}; all by default; outputs must be among them.",
)
@click.option(
    "--require",
    metavar="LEVELS",
    help="Levels, as gradients,training, without which there is no certificate.",
)
@processes_option
@click.option("--memory", metavar="BYTES", help="What an exporter may take, such as 12GB.")
@click.option("--external-data", is_flag=True, help="Put the model's tensors into a second file.")
@json_option
def certify(
    spec: str,
    variables: dict[str, object],
    model: str | None,
    output: str,
    weights: str | None,
    renames: tuple[str, ...],
    partial: bool,
    key: str | None,
    backends: str | None,
    memory: str | None,
    levels: str | None,
    require: str | None,
    processes: bool,
    external_data: bool,
    as_json: bool,
    **asked: Any,  # the other options, each named as its field of Settings
) -> int:
    """Verify a network, and write a certificate that can be replayed without nnspec.

    Exit code 1 where there is none: the network does not verify, or a fault that was put in on
    purpose was not found.
    """
    from rich.console import Console

    from nnspec.backend import default_backends
    from nnspec.network.loader import loads_any, one_of, read_text
    from nnspec.remote.processes import started

    console = Console(emoji=False)
    taken, required = chosen(levels, require)
    names = default_backends() if backends is None else names_in(backends)
    text = read_text(spec)  # once: what is certified is what was read
    loaded = one_of(loads_any(text, path=spec, variables=variables), model)
    require_output(loaded, output, weights, asked["data"], key, *renames)
    with started(loaded, names, asked["batch"]) if processes else nullcontext() as workers:
        from nnspec.certificate.certifying import certify as run
        from nnspec.certificate.signing import signer
        from nnspec.verification.memory import bytes_of

        sign = signer(key) if key is not None else None
        with stages("verifying", is_shown=not as_json) as shown:
            settings = Settings(
                backends=names,
                weights=read_weights(loaded, weights, renames, partial=partial),
                memory=bytes_of(memory) if memory is not None else None,
                levels=taken,
                require=required,
                options=given_options(),
                progress=shown.show,
                count=shown.done,
                **asked,
            )
            made = run(
                loaded, output, settings, workers,
                text=text, sign=sign, external_data=external_data,
            )  # fmt: skip
    if as_json:
        print_json(made.as_json())
        return 0 if made.written else 1
    if not made.report.passed:
        made.report.print(console)
    if not made.written:
        click.echo(f"no certificate is written: {made.reason}", err=True)
        return 1
    faults = made.as_json()["negative_control"]["injected"]
    click.echo(f"{made.path}: {made.report.counted()}, {len(faults)} injected faults found")
    click.echo(f"replay: python {made.folder / 'check_certificate.py'} {made.path}")
    if made.signature is not None:
        click.echo(
            f"signed: model_signing verify key {made.path} --signature {made.signature} "
            "--public_key PUBLIC.pem"
        )
    return 0
