"""The history of a training run: each epoch's measures, as a record and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nnspec.support import files
from nnspec.training.drawing import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS = 4
"""Curves side by side, before a new line of them."""
TRAINING_COLOR, VALIDATION_COLOR = "#4C72B0", "#C44E52"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training rows.

    `values` holds `loss`, the mean over the rows as the steps met them; with validation rows
    `val_loss` and `val_<metric>`, after the epoch; without, `<metric>` of the training rows.
    """

    number: int
    """From 1."""
    values: dict[str, float]
    seconds: float
    backend: str = ""
    """By which it was trained."""

    def as_json(self) -> dict[str, Any]:
        """Return the epoch as `history.json` holds it."""
        ended = {"seconds": round(self.seconds, 4), "backend": self.backend}
        return {"epoch": self.number, **self.values, **ended}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Epoch:
        """Read what `as_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        values = {
            str(name): float(value)
            for name, value in record.items()
            if name not in ("epoch", "seconds", "backend")
        }
        return cls(
            int(record["epoch"]),
            {"loss": values["loss"], **values},
            float(record["seconds"]),
            str(record.get("backend", "")),
        )


class TrainedEpoch(Protocol):
    """An epoch, as far as it tells which backend trained it."""

    @property
    def number(self) -> int: ...

    @property
    def backend(self) -> str: ...


def trained_by(history: Sequence[TrainedEpoch]) -> list[dict[str, Any]]:
    """Return which backend trained which epochs, in their order, the first and the last of each."""
    parts: list[dict[str, Any]] = []
    for epoch in history:
        if parts and parts[-1]["backend"] == epoch.backend:
            parts[-1]["epochs"][1] = epoch.number
        else:
            parts.append({"backend": epoch.backend, "epochs": [epoch.number, epoch.number]})
    return parts


class Recorded(Protocol):
    """An epoch, as far as it is written."""

    def as_json(self) -> dict[str, Any]: ...


def write_history(path: Path, history: Sequence[Recorded]) -> None:
    """Write the epochs as a JSON list of records, one line each."""
    lines = ",\n".join(json.dumps(epoch.as_json()) for epoch in history)
    files.write_text(path, f"[\n{lines}\n]\n")


def plot_history(
    path: Path,
    history: Sequence[Epoch],
    best: int,
    title: str,
    rates: Sequence[float] | None = None,
) -> None:
    """Draw the loss and each metric over the epochs, side by side, as a PNG.

    best: the number of the best epoch. rates: the learning rate of each epoch's last step.
    """
    epochs = [epoch.as_json() for epoch in history]
    given = list(rates) if rates is not None else None
    draw("history", path=path, epochs=epochs, best=best, title=title, rates=given)


def draw_history(
    path: Path,
    epochs: Sequence[Mapping[str, Any]],
    best: int,
    title: str,
    rates: Sequence[float] | None,
) -> None:
    """Draw what `plot_history` asks for."""
    history = [Epoch.from_json(epoch) for epoch in epochs]
    # Imported here, because it takes longer than a small run; without pyplot, which keeps state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    quantities = list(dict.fromkeys(name.removeprefix("val_") for name in history[0].values))
    count = len(quantities) + (rates is not None)
    across = min(count, _ACROSS)
    down = -(-count // across)
    figure = Figure(figsize=(4.2 * across, 3.2 * down), layout="constrained")
    FigureCanvasAgg(figure)
    if rates is not None:
        axes = figure.add_subplot(down, across, count)
        axes.plot([epoch.number for epoch in history], rates, color="0.4", linewidth=1.6)
        axes.set_title("learning rate", loc="left", fontsize=10, pad=12)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    for column, quantity in enumerate(quantities):
        axes = figure.add_subplot(down, across, column + 1)
        for name, label, color in (
            (quantity, "training", TRAINING_COLOR),
            (f"val_{quantity}", "validation", VALIDATION_COLOR),
        ):
            if name in history[0].values:
                _draw(axes, history, name, label, color)
        axes.axvline(best, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        axes.annotate(
            f"best: {best}", (best, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha="center", fontsize=7, color="0.4",
        )  # fmt: skip
        axes.set_title(quantity, loc="left", fontsize=10, pad=12)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        if len(axes.lines) > 2:
            axes.legend(frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    with files.replacing(path) as temporary:
        # The version of matplotlib is left out, so that equal runs give equal pictures.
        figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None})


def _draw(axes: Axes, history: Sequence[Epoch], name: str, label: str, color: str) -> None:
    axes.plot(
        [epoch.number for epoch in history],
        [epoch.values[name] for epoch in history],
        color=color,
        label=label,
        linewidth=1.6,
        marker="o" if len(history) == 1 else None,
    )
