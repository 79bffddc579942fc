"""Pictures of the training of a generator: what it makes, and both losses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnspec.support import files

Array = NDArray[Any]

COLORS = {"discriminator": "#C44E52", "generator": "#4C72B0"}
ACROSS = 8
"""Rows side by side."""
_UNSIGNED: Any = {"Software": None}
LEAST = 48
"""Pixels that a row has at least, so that small ones can be seen."""


class Measured(Protocol):
    """An epoch, as far as its losses are drawn."""

    @property
    def number(self) -> int: ...
    @property
    def values(self) -> dict[str, float]: ...
    @property
    def seconds(self) -> float: ...


def as_images(rows: Array, data_format: str) -> Array | None:
    """Return rows as (rows, height, width) or with 3 colours last; None where they are none."""
    if rows.ndim == 4 and data_format == "channels_first":
        rows = np.moveaxis(rows, 1, -1)
    if rows.ndim == 4 and rows.shape[-1] == 1:
        rows = rows[..., 0]
    if rows.ndim == 3 or (rows.ndim == 4 and rows.shape[-1] == 3):
        return rows
    return None


def write_grid(path: Path, rows: Array, data_format: str, limits: tuple[float, float]) -> bool:
    """Write rows side by side as a PNG, from black to white within the limits.

    Returns whether they are pictures at all; else nothing is written.
    """
    images = as_images(rows, data_format)
    if images is None:
        return False
    low, high = limits
    shades = np.clip((images - low) / ((high - low) or 1.0), 0.0, 1.0)
    shades = (shades * 255).round().astype(np.uint8)
    zoom = max(1, -(-LEAST // max(shades.shape[1:3])))
    shades = shades.repeat(zoom, axis=1).repeat(zoom, axis=2)
    height, width = shades.shape[1] + 2, shades.shape[2] + 2
    down = -(-len(shades) // ACROSS)
    grid = np.full((down * height, ACROSS * width, *shades.shape[3:]), 96, np.uint8)
    for i, image in enumerate(shades):
        top, left = i // ACROSS * height + 1, i % ACROSS * width + 1
        grid[top : top + image.shape[0], left : left + image.shape[1]] = image
    from matplotlib.image import imsave  # takes longer to import than a small run

    path.parent.mkdir(exist_ok=True)
    colours: dict[str, Any] = {}
    if grid.ndim == 2:
        colours = {"cmap": "gray", "vmin": 0, "vmax": 255}
    with files.replacing(path) as temporary:
        # The version of matplotlib is left out, so that equal runs give equal pictures.
        imsave(temporary, grid, format="png", **colours, metadata=_UNSIGNED)
    return True


def draw_images(path: Path, rows: Array, data_format: str, limits: Sequence[float]) -> None:
    """Write rows that are images side by side."""
    low, high = limits
    write_grid(path, rows, data_format, (low, high))


def plot_losses(path: Path, history: Sequence[Measured], title: str) -> None:
    """Draw the losses of both networks over the epochs as a PNG."""
    # Without pyplot, which keeps state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for role, color in COLORS.items():
        found = [(each.number, each.values[role]) for each in history if role in each.values]
        if found:
            marker = "o" if len(found) == 1 else None
            axes.plot(*zip(*found, strict=True), color=color, label=role, marker=marker)
    axes.set_title("loss", loc="left", fontsize=10)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None})
