"""Cross-validation: a network trained anew for each fold of its rows."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnspec.backend import Precision
from nnspec.data.dataset import Dataset
from nnspec.data.folding import Fold
from nnspec.errors import UsageError
from nnspec.network.loader import AnySpec, check
from nnspec.support import html
from nnspec.training.datasets import dataset_of
from nnspec.training.epochs import train
from nnspec.training.hardware import Arithmetic, Device, Strategy, place_here
from nnspec.training.loggers import Log
from nnspec.training.run import Run, TrainingInterrupted
from nnspec.training.runs import Begun, RunFolder, begun, write_record

RECORD = "folds.json"
MOST = 100
"""Folds: each is a whole training."""
OnFold = Callable[[int, Callable[..., Run]], Run]
"""Called with the number of a fold, from 1, and what trains it by `on_step` and `on_epoch`."""


@dataclass(frozen=True, repr=False)
class CrossValidation:
    """The runs of all folds, and what was measured of the rows that each left out."""

    folder: Path
    runs: tuple[Run, ...]

    @property
    def measures(self) -> dict[str, list[float]]:
        """By name, the loss and the metrics of each fold's validation rows, at its best epoch."""
        best = [
            next(epoch.values for epoch in run.history if epoch.number == run.best_epoch)
            for run in self.runs
        ]
        return {
            name: [values[name] for values in best]
            for name in best[0]
            if name.startswith("val_") and all(name in values for values in best)
        }

    @property
    def summary(self) -> dict[str, tuple[float, float]]:
        """By name, the mean over the folds, and the deviation between them (n - 1)."""
        return {
            name: (statistics.fmean(values), statistics.stdev(values))
            for name, values in self.measures.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Return what `folds.json` holds, and `nnspec train --folds --json` prints."""
        return {
            "folder": str(self.folder),
            "folds": [
                {"folder": str(run.folder), "best_epoch": run.best_epoch, "best": str(run.best)}
                for run in self.runs
            ],
            "measures": self.measures,
            "summary": {
                name: {"mean": mean, "deviation": deviation}
                for name, (mean, deviation) in self.summary.items()
            },
        }

    def __repr__(self) -> str:
        found = self.summary.items()
        told = ", ".join(f"{name} {mean:.4g} ± {off:.2g}" for name, (mean, off) in found)
        return f"<CrossValidation {self.folder}: {len(self.runs)} folds, {told}>"

    def _repr_html_(self) -> str:
        measures = self.measures
        rows = [
            (name, f"{mean:.4g}", f"{off:.2g}", *(f"{each:.4g}" for each in measures[name]))
            for name, (mean, off) in self.summary.items()
        ]
        heads = ("", "mean", "deviation", *(f"fold {i + 1}" for i in range(len(self.runs))))
        return html.titled("Cross-validation", html.table(heads, rows, numeric=len(heads)))


def _forget(path: Path) -> None:
    """Remove what an earlier cross-validation left, once the first fold has begun anew.

    Nothing of what was is to be taken for what is.
    """
    with suppress(FileNotFoundError):
        (path / RECORD).unlink()
    for place in sorted(path.glob("fold[0-9]*")):
        number = place.name.removeprefix("fold")
        if place.is_dir() and number.isdecimal() and int(number) > 1:
            run = RunFolder(place)
            with run.held():
                run.clear()


def _mark(place: Path) -> tuple[int, int] | None:
    """Return what tells the checkpoint of a run from another one, or None where there is none."""
    try:
        found = RunFolder(place).checkpoint.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def cross_validate(
    spec: AnySpec,
    folds: int = 5,
    backend: str | None = None,
    folder: str | Path = "run",
    *,
    resume: bool = False,
    overwrite: bool = False,
    epochs: int | None = None,
    dtype: Precision | None = None,
    compiled: bool = False,
    log: Log = (),
    device: Device | None = None,
    devices: int = 1,
    precision: Arithmetic | None = None,
    strategy: Strategy = "ddp",
    save_every: int | None = None,
    on_fold: OnFold | None = None,
) -> CrossValidation:
    """Train a network once for each fold of its rows, which is then for validation.

    folds: 2 or more. The test rows, if the spec has any, are in none. How rows are drawn is what
    `data.split` says: whole groups, alike many of each class, or one after the other in time, where
    the rows before a fold train. Each run has a folder of its own in `folder`, which gets a record
    of what all measured. The other settings are those of `train`; resume: go on with folds
    that were begun, and train those that were not as the first of them was.

    Raises UsageError and DataError before the first step, and what `train` raises.
    """
    spec = check(spec)
    if not 2 <= folds <= MOST:
        raise UsageError(f"2 to {MOST} folds are expected, not {folds}")
    if place_here() is not None:
        raise UsageError("torchrun begins one training, and folds are several: give `devices`")
    path = Path(folder)
    places = [path / f"fold{number + 1}" for number in range(folds)]
    first = dataset_of(spec, Fold(0, folds))  # which fails where some fold has no rows
    for place in places:
        RunFolder(place).require(
            resume=resume and RunFolder(place).checkpoint.exists(), overwrite=overwrite
        )
    runs = []
    unknown = Begun()
    every = [begun(RunFolder(place).checkpoint) for place in places] if resume else []
    known = next((each for each in every if each != unknown), unknown)
    before = _mark(places[0])
    for number, place in enumerate(places):
        data = dataset_of(spec, Fold(number, folds)) if number else first

        def one(data: Dataset = data, place: Path = place, **watching: Any) -> Run:
            goes_on = resume and RunFolder(place).checkpoint.exists()
            others = unknown if goes_on else known
            try:
                return train(
                    spec, backend or others.backend, place, data=data, epochs=epochs,
                    dtype=dtype or others.dtype, compiled=compiled, log=log, device=device,
                    devices=devices, precision=precision, strategy=strategy,
                    save_every=others.every if save_every is None else save_every,
                    resume=goes_on, overwrite=overwrite, **watching,
                )  # fmt: skip
            except TrainingInterrupted:
                raise TrainingInterrupted(
                    f"interrupted in {place.name}; what was trained is kept. To go on, train into "
                    f"{path} with {folds} folds again with --resume"
                ) from None

        try:
            runs.append(one() if on_fold is None else on_fold(number + 1, one))
        finally:
            if overwrite and not number and _mark(place) != before:
                _forget(path)
    found = CrossValidation(path, tuple(runs))
    write_record(path / RECORD, found.as_json())
    return found
