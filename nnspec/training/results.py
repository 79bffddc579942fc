"""Pictures of a finished run, of the rows that it is judged by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import MissingDependencyError
from nnspec.training.drawing import draw
from nnspec.training.weighting import counted, counts_of

if TYPE_CHECKING:
    from nnspec.backend import Trainable
    from nnspec.data.dataset import Dataset, Part
    from nnspec.language.metrics import Kind
    from nnspec.language.training_schema import Training
    from nnspec.network.loader import Spec
    from nnspec.network.scores import Scores
    from nnspec.training.runs import RunFolder

Array = NDArray[Any]

MOST = 2**30
"""Bytes of outputs that a picture is drawn of."""
DRAWS = True
"""Whether pictures are drawn."""


def judged_by(data: Dataset) -> tuple[str, Part]:
    """Return the rows that a run is judged by at its end, and what they are called."""
    if data.test is not None:
        return "test", data.test
    if data.validation is not None:
        return "validation", data.validation
    return "training", data.train


def show_results(
    program: Trainable,
    spec: Spec,
    training: Training,
    data: Dataset,
    paths: RunFolder,
    backend: str,
) -> list[list[float]] | None:
    """Draw the pictures that fit the task; return the counts of confusions, None without any.

    The program has the best weights.
    """
    graph = spec.graph
    name, part = judged_by(data)
    title = f"{spec.name} ({backend}): {name} rows"
    if DRAWS and (isinstance(part.target, dict) or training.task == "autoencoder"):
        from nnspec.training.reconstructions import show_reconstructions  # which few specs need

        if show_reconstructions(program, spec, backend, part, paths):
            return None
    if len(graph.outputs) != 1 or isinstance(part.target, dict):
        return None
    loss, kind = training.resolved_loss, training.metric_kind
    if kind == "labels" or loss.compares not in ("", "signs", "means", "rates"):
        return None  # no picture shows what it compares
    is_asked = any(metric.type == "confusion_matrix" for metric in training.resolved_metrics)
    if not (DRAWS or is_asked):
        return None
    # The process that draws needs none of these.
    from nnspec.network.scores import scores_of, threshold
    from nnspec.training.batches import outputs_of
    from nnspec.training.comparing import compared
    from nnspec.training.epoch import units_of

    sizes = [size for size in graph.types[graph.outputs[0]].shape if isinstance(size, int)]
    if not is_asked and 4 * len(part) * math.prod(sizes) > MOST:
        return None
    output = outputs_of(program, graph, part, training.batch_size)
    if not np.isfinite(output).all() or not len(output):
        return None
    output, target, weight = compared(loss, output, part.target, part.weight)
    if not len(target):
        return None
    if kind == "regression":
        if not output.size or target.shape != output.shape:
            return None
        units = units_of(data)
        values = [units.restored(each) if units else each for each in (target, output)]
        values = [counted(each, weight) for each in values]
        wanted, given = (each.reshape(len(each), -1).astype(np.float64) for each in values)
        named = data.preprocessing.target
        path = paths.predictions
        draw("numbers", path=path, target=wanted, output=given, name=str(named), title=title)
        return None
    names = [*(data.preprocessing.labels or ())]
    if kind == "binary" and not names:
        names = ["no", "yes"]
    table: list[list[float]] | None = draw(
        "classes",
        confusion_path=paths.confusion if DRAWS else None,
        curves_path=paths.curves,
        kind=kind,
        output=counted(output, weight),
        target=counted(target, weight),
        weight=counts_of(weight),
        scores_are=scores_of(graph, training),
        threshold=threshold(graph, training),
        names=names,
        title=title,
        is_asked=is_asked,
    )
    return table


def draw_numbers(path: Path, target: Array, output: Array, name: str, title: str) -> None:
    """Draw predicted against true numbers."""
    from nnspec.training.pictures import plot_predictions

    plot_predictions(path, target, output, name, title)


def draw_classes(
    confusion_path: Path | None,
    curves_path: Path,
    kind: Kind,
    output: Array,
    target: Array,
    weight: Array | None,
    scores_are: Scores,
    threshold: float,
    names: Sequence[str],
    title: str,
    is_asked: bool,
) -> list[list[float]] | None:
    """Draw the confusions and the curves, and return the counts; of many classes only if asked.

    confusion_path: None where nothing is drawn.
    """
    try:
        from nnspec.training.measures import Rows, confusion
    except MissingDependencyError:
        return None
    from nnspec.training import pictures

    rows = Rows(kind, output, target, scores_are, threshold, weight)
    is_many = rows.classes > pictures.MOST_CLASSES
    if is_many and not is_asked:
        return None
    table = confusion(rows)
    if confusion_path is not None and not is_many:
        names = names or [str(i) for i in range(rows.classes)]
        pictures.plot_confusion(confusion_path, table, names, title)
        pictures.plot_curves(curves_path, rows, names, title)
    return table
