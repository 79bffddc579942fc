"""Pictures of a finished run, of the rows that it is judged by."""

from __future__ import annotations

import numpy as np

from nnspec.backend import Trainable
from nnspec.data.rows import Dataset, Part
from nnspec.errors import MissingDependencyError
from nnspec.language.training_schema import Training
from nnspec.layers.shapes import product
from nnspec.network.loader import Spec
from nnspec.training.batches import outputs_of
from nnspec.training.epoch import units_of
from nnspec.training.runs import RunFolder

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
    program: Trainable, spec: Spec, training: Training, data: Dataset, paths: RunFolder, title: str
) -> list[list[int]] | None:
    """Draw the pictures that fit the task; return the counts of confusions, None without any.

    The program has the best weights.
    """
    graph = spec.graph
    name, part = judged_by(data)
    if len(graph.outputs) != 1 or isinstance(part.target, dict):
        return None
    if not training.resolved_loss.is_measured_as(training.kind):
        return None
    is_asked = any(metric.type == "confusion_matrix" for metric in training.resolved_metrics)
    if not (DRAWS or is_asked):
        return None
    output = outputs_of(program, graph, part, training.batch_size)
    if not np.isfinite(output).all() or not len(output):
        return None
    from nnspec.training import pictures

    title = f"{title}: {name} rows"
    if training.kind == "regression":
        if product(graph.types[graph.outputs[0]].shape) == 0 or part.target.shape != output.shape:
            return None
        units = units_of(data)
        values = [units.restored(each) if units else each for each in (part.target, output)]
        wanted, given = (each.reshape(len(each), -1).astype(np.float64) for each in values)
        named = data.preprocessing.target
        pictures.plot_predictions(paths.predictions, wanted, given, str(named), title)
        return None
    try:
        from nnspec.training.measures import confusion
        from nnspec.training.metrics import rows_of
    except MissingDependencyError:
        return None
    rows = rows_of(graph, training, output, part.target)
    if rows.classes > pictures.MOST_CLASSES and not is_asked:
        return None
    table = confusion(rows)
    if not DRAWS or rows.classes > pictures.MOST_CLASSES:
        return table
    labels = data.preprocessing.labels
    names = labels or [str(i) for i in range(rows.classes)]
    if training.kind == "binary" and labels is None:
        names = ["no", "yes"]
    pictures.plot_confusion(paths.confusion, table, names, title)
    pictures.plot_curves(paths.curves, rows, names, title)
    return table
