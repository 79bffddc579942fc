"""`nnspec train` in the processes that torchrun begins beside the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nnspec.backend import Precision
    from nnspec.network.loader import Spec
    from nnspec.training.hardware import Hardware
    from nnspec.training.runs import Begun


def follow_first(
    spec: Spec, backend: str | None, dtype: Precision | None, hardware: Hardware, going_on: Begun
) -> int:
    """Take the steps of the training with the first process, and return the exit code.

    going_on: of a run that is resumed, by what it goes on.
    """
    from nnspec.backend import default_trainer
    from nnspec.training.crew import follow

    assert hardware.place is not None
    backend = backend or going_on.backend or default_trainer()
    try:
        follow(spec, backend, dtype or going_on.dtype or "float32", hardware, hardware.place)
    except RuntimeError as error:
        number = hardware.place.rank + 1
        click.echo(f"nnspec: process {number}: another has ended, it seems: {error}", err=True)
        return 1
    return 0
