"""`nnspec train --folds`: a training for each fold of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnspec.cli.common import print_json
from nnspec.cli.outputs import require_apart_from
from nnspec.cli.progress import watched

if TYPE_CHECKING:
    from nnspec.backend import Precision
    from nnspec.network.loader import Spec
    from nnspec.training.folds import CrossValidation
    from nnspec.training.run import Run


class _EndedError(Exception):
    """A fold has ended with an exit code, and not with a run."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def train_folds(
    spec: Spec,
    folds: int,
    backend: str | None,
    output: str,
    epochs: int | None,
    dtype: Precision | None,
    *,
    compiled: bool,
    log: tuple[str, ...],
    resume: bool,
    overwrite: bool,
    as_json: bool,
    hardware: Mapping[str, Any],
) -> int:
    """Train, and return the exit code."""
    from nnspec.training.drawing import apart
    from nnspec.training.folds import cross_validate
    from nnspec.training.runs import RunFolder

    if overwrite:
        for number in range(folds):
            for path in RunFolder(Path(output) / f"fold{number + 1}").files:
                require_apart_from(spec, str(path))
    settings = spec.model.training
    total = epochs or (settings.epochs if settings is not None else 0)

    def one(number: int, train: Callable[..., Run]) -> Run:
        if not as_json:
            click.echo(f"fold {number} of {folds}")
        run = watched(train, total, quiet=as_json)
        if isinstance(run, int):
            raise _EndedError(run)
        for note in run.notes:
            click.echo(f"nnspec: fold {number}: {note}", err=True)
        return run

    try:
        with apart():
            found = cross_validate(
                spec, folds, backend, output, resume=resume, overwrite=overwrite, epochs=epochs,
                dtype=dtype, compiled=compiled, log=log, on_fold=one, **hardware,
            )  # fmt: skip
    except _EndedError as ended:
        return ended.code
    if as_json:
        print_json(found.as_json())
    else:
        _show(found)
    return 0


def _show(found: CrossValidation) -> None:
    """Print a table: a row for each fold, and at last the mean and the deviation."""
    from rich.console import Console
    from rich.table import Table

    table: Any = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in found.measures:
        table.add_column(name, justify="right")
    for number in range(len(found.runs)):
        values = [each[number] for each in found.measures.values()]
        table.add_row(f"fold {number + 1}", *(f"{value:.4g}" for value in values))
    for i, name in enumerate(("mean", "deviation")):
        table.add_row(name, *(f"{both[i]:.4g}" for both in found.summary.values()))
    Console(highlight=False, emoji=False).print(table)
    click.echo(f"folds and their best weights: {found.folder}")
