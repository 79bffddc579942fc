"""`nnspec train` of a generator against a discriminator."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from nnspec.cli.common import print_json
from nnspec.cli.outputs import require_apart_from
from nnspec.cli.progress import watched

if TYPE_CHECKING:
    from nnspec.backend import Precision
    from nnspec.network.networks import Networks


def train_several(
    networks: Networks,
    backend: str | None,
    output: str,
    epochs: int | None,
    dtype: Precision | None,
    *,
    log: tuple[str, ...],
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Train, and return the exit code."""
    from nnspec.training.adversarial import train_networks
    from nnspec.training.versus_runs import VersusFolder

    if overwrite:
        for path in VersusFolder(output, networks).files:
            require_apart_from(networks, str(path))
    total = epochs or networks.training.epochs
    run = watched(
        partial(
            train_networks,
            networks,
            backend,
            output,
            resume=resume,
            overwrite=overwrite,
            epochs=epochs,
            dtype=dtype,
            log=log,
        ),
        total,
        quiet=as_json,
    )
    if isinstance(run, int):
        return run
    for note in run.notes:
        click.echo(f"nnspec: {note}", err=True)
    if as_json:
        print_json(run.as_json())
        return 0
    lines = [f"{name}: {path}" for name, path in run.weights.items()]
    if run.pictures:
        lines.append(f"samples: {run.pictures[-1].parent}")
    else:
        click.echo("nnspec: rows that are no images have no pictures of samples", err=True)
    click.echo("\n".join(lines))
    return 0
