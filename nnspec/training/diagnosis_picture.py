"""Draws what was measured of the layers: a map for each measure, layers down, epochs across."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnspec.support import files
from nnspec.training.diagnosis import Snapshot

_PANELS = (
    ("gradient", "length of the gradient", True),
    ("update", "step / weights", True),
    ("mean", "mean of the values", False),
    ("deviation", "deviation of the values", True),
    ("dead", "share of dead units", False),
)
_MOST = 48
"""Layers that are drawn; of more, those that are evenly spread."""
_LONGEST = 40


def plot_diagnosis(path: Path, snapshots: Sequence[Snapshot], title: str) -> None:
    """Draw the measures that there are as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, NullFormatter

    names = [
        name
        for name in snapshots[0].layers
        if any(
            getattr(snapshot.layers[name], measure) is not None
            for snapshot in snapshots
            for measure, _, _ in _PANELS
        )
    ]
    if len(names) > _MOST:
        names = [names[i] for i in np.linspace(0, len(names) - 1, _MOST).astype(int)]
    panels = []
    for measure, label, is_log in _PANELS:
        table = np.array(
            [[_number(getattr(each.layers[name], measure)) for each in snapshots] for name in names]
        )
        if np.isfinite(table).any():
            panels.append((table, label, is_log))
    width = 1.2 + 0.075 * max(map(len, map(_short, names)), default=0) + 2.5 * len(panels)
    figure = Figure(figsize=(width, 1.5 + 0.22 * max(len(names), 6)), layout="constrained")
    FigureCanvasAgg(figure)
    epochs = [each.epoch for each in snapshots]
    for column, (table, label, is_log) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), column + 1)
        shown = np.where(table > 0, table, np.nan) if is_log else table
        known = shown[np.isfinite(shown)]
        low, high = (known.min(), known.max()) if known.size else (1.0, 1.0)
        if is_log:
            # Whole powers of ten, whose labels have room.
            ends = math.floor(math.log10(low)), math.ceil(math.log10(high))
            norm: Normalize = LogNorm(10.0 ** ends[0], 10.0 ** max(ends[1], ends[0] + 1))
        elif label.startswith("share"):
            norm = Normalize(0, 1)
        else:
            most = float(np.abs(known).max()) or 1.0
            norm = Normalize(-most, most)
        colours = "viridis" if is_log else "Reds" if label.startswith("share") else "coolwarm"
        edges = (epochs[0] - 0.5, epochs[0] + len(epochs) - 0.5, len(names) - 0.5, -0.5)
        image = axes.imshow(
            np.ma.masked_invalid(shown), aspect="auto", cmap=colours, norm=norm, extent=edges,
            interpolation="nearest",
        )  # fmt: skip
        axes.set_facecolor("0.88")
        axes.set_title(label, loc="left", fontsize=9)
        axes.set_xlabel("before epoch", fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axes.set_yticks(range(len(names)), list(map(_short, names)) if column == 0 else [])
        axes.tick_params(axis="y", left=column == 0)
        axes.tick_params(labelsize=7)
        bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.9, aspect=18)
        bar.ax.tick_params(labelsize=7)
        bar.ax.xaxis.set_minor_formatter(NullFormatter())
    figure.suptitle(f"{title}: layers", fontsize=11, x=0.01, ha="left")
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None})


def _number(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.nan


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"
