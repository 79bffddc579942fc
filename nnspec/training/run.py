"""The record of a finished run, and how else one ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.errors import NnspecError, printable
from nnspec.support import html
from nnspec.training.history import Epoch

if TYPE_CHECKING:
    from nnspec.training.diagnosis_words import Finding


class TrainingError(NnspecError):
    """Training cannot go on: the loss is no longer a finite number."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training; the message says what is kept and how to go on."""


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run: what it measured, and where its files are.

    `best` and `last` are weights files; `test` holds the loss and the metrics of the best weights
    on the test rows, None where the spec keeps none apart. `notes` say what went otherwise than
    asked; `findings`, where the run was diagnosed, which layers vanish, explode or die;
    `confusion`, where the spec asks for it, how often each class is predicted as each, of the test
    rows, or where there are none of the validation rows.
    """

    folder: Path
    backend: str
    history: tuple[Epoch, ...]
    best_epoch: int
    best: Path
    last: Path
    test: dict[str, float] | None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] | None = None
    confusion: list[list[float]] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the run as `nnspec train --json` prints it."""
        return {
            "folder": str(self.folder),
            "backend": self.backend,
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            "best": str(self.best),
            "last": str(self.last),
            "history": [epoch.as_json() for epoch in self.history],
            "test": self.test,
            "notes": list(self.notes),
            **({"confusion_matrix": self.confusion} if self.confusion is not None else {}),
            **(
                {"diagnosis": [each.as_json() for each in self.findings]}
                if self.findings is not None
                else {}
            ),
        }

    def __repr__(self) -> str:
        count = f"{len(self.history)} epoch{'s' if len(self.history) != 1 else ''}"
        return printable(f"<Run {self.folder}: {count} of {self.backend}, best {self._best()}>")

    def _best(self) -> str:
        (best,) = (each for each in self.history if each.number == self.best_epoch)
        return f"{self.best_epoch} ({_measures(best.values)})"

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(name for each in self.history for name in each.values))
        rows = [
            (each.number, *(f"{each.values[name]:.4g}" for name in names)) for each in self.history
        ]
        said = [f"best epoch: {self._best()}"]
        if self.test is not None:
            said.append(f"test rows: {_measures(self.test)}")
        about = html.lines([*said, f"best weights: {self.best}", *self.notes])
        table = html.table(("epoch", *names), rows[-html.MOST_ROWS :], numeric=1 + len(names))
        return html.titled(f"Training with {self.backend}", about, table)


def _measures(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def count_text(count: float) -> str:
    """Return how often something was, as text: by weights, a number of few digits."""
    return str(int(count)) if float(count).is_integer() else f"{count:.4g}"
