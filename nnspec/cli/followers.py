"""`nnspec train` in the processes that torchrun begins beside the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nnspec.backend import Precision
    from nnspec.network.loader import Spec
    from nnspec.training.hardware import Hardware


def follow_first(
    spec: Spec, backend: str | None, dtype: Precision | None, hardware: Hardware
) -> int:
    """Take the steps of the training with the first process, and return the exit code."""
    from nnspec.backend import default_trainer
    from nnspec.training.crew import follow

    assert hardware.place is not None
    try:
        follow(spec, backend or default_trainer(), dtype or "float32", hardware, hardware.place)
    except RuntimeError as error:
        number = hardware.place.rank + 1
        click.echo(f"nnspec: process {number}: another has ended, it seems: {error}", err=True)
        return 1
    return 0
