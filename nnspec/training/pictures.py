"""Pictures of a trained network at work on rows: confusions, curves, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnspec.support import files
from nnspec.training.run import count_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nnspec.training.measures import Rows

Array = NDArray[Any]

COLOUR, GREY = "#4C72B0", "0.7"
MOST_CLASSES = 200
"""Of more, no picture of single classes is drawn."""
_WRITTEN, _NAMED, _TOLD = 20, 60, 8
"""Classes up to which counts are written, all have names, and each has a line in a legend."""
_LONGEST = 24
_POINTS = 5000
_PANELS = 4


def plot_confusion(
    path: Path, table: Sequence[Sequence[float]], names: Sequence[str], title: str
) -> None:
    """Draw how often each class, a row, is predicted as each, a column, as shares of its rows."""
    counts = np.array(table)
    sums = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(sums > 0, sums, 1)
    few = len(counts) <= _WRITTEN
    digits = max(len(count_text(counts.max())), 2)
    side = min(2.4 + len(counts) * (0.19 + 0.075 * digits if few else 0.14), 14)
    figure = _figure((side + 1.4, side + 0.6))
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if few:
        for (row, column), count in np.ndenumerate(counts):
            ink = "white" if shares[row, column] > 0.55 else "0.2"
            axes.text(
                column, row, count_text(count), ha="center", va="center", fontsize=7, color=ink
            )
    step = -(-len(counts) // _NAMED)
    places = range(0, len(counts), step)
    shown = [_short(names[i]) for i in places]
    is_long = max(map(len, shown)) * 0.075 > 0.9 * (side / max(len(shown), 1)) * 0.7
    axes.set_xticks(places, shown, rotation=90 if is_long else 0, fontsize=7)
    axes.set_yticks(places, shown, fontsize=7)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("share of the true class", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    _save(figure, path, title)


def plot_curves(path: Path, rows: Rows, names: Sequence[str], title: str) -> bool:
    """Draw the ROC and the precision-recall curve of each class; False where none is defined."""
    from nnspec.training.measures import curves

    drawn = curves(rows)
    if not drawn:
        return False
    figure = _figure((9.6 if len(drawn) == 1 else 12.4, 4.4))
    roc, precision = figure.subplots(1, 2)
    colours = _colours(len(drawn))
    told = len(drawn) <= _TOLD
    worst = sorted(drawn, key=lambda each: each.area)[: _TOLD - 1]
    for each, colour in zip(drawn, colours, strict=True):
        is_told = told or each in worst
        look = {"linewidth": 1.5 if is_told else 0.7, "zorder": 2 if is_told else 1}
        ink = (
            colour
            if told
            else colours[worst.index(each) * len(drawn) // _TOLD]
            if is_told
            else GREY
        )
        name = _short(names[each.number]) if len(names) > each.number else "yes"
        label = f"{name} {each.area:.3f}" if is_told else None
        roc.plot(each.false_positives, each.true_positives, color=ink, label=label, **look)
        label = f"{name} {each.average_precision:.3f}" if is_told else None
        precision.step(each.recall, each.precision, where="post", color=ink, label=label, **look)
    roc.plot((0, 1), (0, 1), color="0.6", linewidth=0.8, linestyle=":")
    areas = np.mean([each.area for each in drawn])
    found = np.mean([each.average_precision for each in drawn])
    mean = "" if len(drawn) == 1 else "mean "
    heading = "" if told else "the least of them"
    _labelled(roc, "false positives", "true positives", f"ROC: {mean}area {areas:.3f}", heading)
    title_of = f"precision and recall: {mean}average precision {found:.3f}"
    _labelled(precision, "recall", "precision", title_of, heading)
    _save(figure, path, title)
    return True


def plot_predictions(path: Path, target: Array, output: Array, name: str, title: str) -> None:
    """Draw predicted against true numbers, a panel for each of the first elements."""
    count = target.shape[1]
    shown = min(count, _PANELS)
    chosen = np.linspace(0, len(target) - 1, min(len(target), _POINTS)).astype(int)
    figure = _figure((4.4 * shown, 4.4))
    for column, axes in enumerate(np.atleast_1d(figure.subplots(1, shown))):
        wanted, given = target[chosen, column], output[chosen, column]
        low, high = min(wanted.min(), given.min()), max(wanted.max(), given.max())
        margin = 0.04 * (high - low) or 1.0
        ends = low - margin, high + margin
        axes.plot(ends, ends, color="0.6", linewidth=0.8, linestyle=":", zorder=1)
        axes.scatter(wanted, given, s=9, alpha=0.5, color=COLOUR, linewidths=0, zorder=2)
        axes.set_xlim(ends)
        axes.set_ylim(ends)
        axes.set_aspect("equal")
        element = f" [{column}]" if count > 1 else ""
        error = np.sqrt(np.mean(np.square(output[:, column] - target[:, column])))
        axes.set_title(f"{_short(name)}{element}: rmse {error:.4g}", loc="left", fontsize=9)
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    more = f", the first {shown} of {count} numbers" if count > shown else ""
    _save(figure, path, f"{title}{more}")


def _labelled(axes: Axes, across: str, up: str, title: str, heading: str) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_title(title, loc="left", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if sum(not str(line.get_label()).startswith("_") for line in axes.lines) > 1:
        axes.legend(
            frameon=False, fontsize=7, title=heading or None, title_fontsize=7,
            loc="upper left", bbox_to_anchor=(1.0, 1.0),
        )  # fmt: skip


def _colours(count: int) -> list[Any]:
    from matplotlib import colormaps

    if count == 1:
        return [COLOUR]
    return [colormaps["turbo"](0.06 + 0.88 * i / (count - 1)) for i in range(count)]


def _figure(size: tuple[float, float]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path, title: str) -> None:
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None})


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    # The end may be what differs.
    kept = (_LONGEST - 3) // 2
    return f"{name[:kept]}...{name[-kept:]}"
