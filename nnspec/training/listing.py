"""Runs that folders hold, with what they measured and in which settings they differ."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnspec.errors import NnspecError, UsageError
from nnspec.training.logged import settings_of
from nnspec.training.runs import RunFolder
from nnspec.weights.canonical import load_weights

MOST = 10_000
"""Folders that are looked through."""
MOST_BYTES = 16 * 1024 * 1024
"""Of a record."""
MADE = {"epoch", "seconds", "backend"}
"""Of a record of an epoch, the names that are no measures."""


@dataclass(frozen=True)
class Listed:
    """A run as its folder tells it.

    measures: of the best epoch, and `test_...` of the test rows. settings: of the training and the
    data, as `training.optimizer.learning_rate`, where a checkpoint is there to tell, and variables
    of the spec, as `variables.hidden`. problem: the reason for which the record cannot be read.
    """

    folder: Path
    name: str = ""
    status: str = ""
    backend: str = ""
    epochs: int = 0
    best_epoch: int | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the run as `nnspec runs --json` prints it."""
        if self.problem:
            return {"folder": str(self.folder), "problem": self.problem}
        return {
            "folder": str(self.folder),
            "name": self.name,
            "status": self.status,
            "backend": self.backend,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "measures": dict(self.measures),
            "settings": dict(self.settings),
        }


def runs_in(folders: Iterable[str | Path]) -> list[Listed]:
    """Return the runs in these folders and those within them, in the order of their paths.

    Links are not followed. Raises UsageError for what is no folder, and for too many.
    """
    found: dict[Path, Listed] = {}
    met = 0
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder")
        for place, names, files in os.walk(folder):
            met += 1
            if met > MOST:
                raise UsageError(f"there are more than {MOST} folders; name those with runs")
            names[:] = sorted(name for name in names if not name.startswith("."))
            path = Path(place)
            if RunFolder(path).record.name in files:
                found.setdefault(path, listed(path))
    return list(found.values())


def listed(folder: Path) -> Listed:
    """Return the run of a folder by its record."""
    path = RunFolder(folder).record
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large for a record")
        record = json.loads(path.read_text(encoding="utf-8"))
        best = record.get("best") or {}
        measures = {
            name: float(value)
            for name, value in best.items()
            if name not in MADE and value is not None
        }
        tested = record.get("test") or {}
        measures |= {
            f"test_{name}": float(value) for name, value in tested.items() if value is not None
        }
        return Listed(
            folder, str(record["name"]), str(record["status"]), str(record["backend"]),
            int(record["epochs"]), best.get("epoch"), measures,
            settings_of(_identity(folder), record.get("variables")),
        )  # fmt: skip
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        told = f"no {error}" if isinstance(error, KeyError) else str(error)
        return Listed(folder, problem=f"{path.name} is no record of a run: {told}")


def _identity(folder: Path) -> dict[str, Any]:
    """Return what the run was trained with, as its checkpoint says, or nothing."""
    try:
        metadata = load_weights(RunFolder(folder).checkpoint, mapped=True).metadata
        identity = json.loads(metadata["identity"])
        return identity if isinstance(identity, dict) else {}
    except (NnspecError, OSError, KeyError, TypeError, ValueError, RecursionError):
        return {}


def differing(runs: Sequence[Listed]) -> list[str]:
    """Return the names of the settings in which runs differ, in their order.

    A run whose checkpoint is gone tells its variables alone, and differs in no other setting.
    """
    sound = [run for run in runs if not run.problem]
    told = [run for run in sound if any(not _is_variable(name) for name in run.settings)]
    names = dict.fromkeys(name for run in sound for name in run.settings)
    return [name for name in names if _differ(name, sound if _is_variable(name) else told)]


def _is_variable(name: str) -> bool:
    return name.startswith("variables.")


def _differ(name: str, runs: Sequence[Listed]) -> bool:
    return len({json.dumps(run.settings.get(name), sort_keys=True) for run in runs}) > 1


def ordered(runs: Sequence[Listed], by: str) -> list[Listed]:
    """Return runs by a measure, the smallest first; after a `-` the largest. Others are last.

    Raises UsageError for what no run measured.
    """
    name, sign = by.removeprefix("-"), -1 if by.startswith("-") else 1
    known = dict.fromkeys(each for run in runs for each in run.measures)
    if name not in known:
        has = f"they measured {', '.join(known)}" if known else "they measured nothing"
        raise UsageError(f'no run measured "{name}"; {has}')
    with_it = [run for run in runs if name in run.measures]
    without = [run for run in runs if name not in run.measures]
    return [*sorted(with_it, key=lambda run: sign * run.measures[name]), *without]
