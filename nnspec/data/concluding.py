"""Targets and weights beside the inputs: what is left once rows are read and parted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnspec.data.dataset import Dataset, Part, parted
from nnspec.data.feature import Feature, mean_and_scale
from nnspec.data.fixed_targets import require_fixed_target
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.resampling import kinds_of
from nnspec.data.tables import Rows, where
from nnspec.data.targets import Target, read_target
from nnspec.data.weighting import balanced, joined
from nnspec.errors import DataError
from nnspec.language.losses import Gives
from nnspec.language.losses.targets import wanted
from nnspec.language.training_schema import Data, Training
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.network.windows import Frame

Array = NDArray[Any]


class Read(NamedTuple):
    """The columns of rows with one target, which is none where it is the input.

    shift: mean and deviation of a target that is the input, by the names of `Preprocessing`.
    """

    features: dict[str, Feature]
    columns: tuple[str, ...]
    values: Array
    labels: tuple[str, ...] | None
    weight: Array | None
    shift: Mapping[str, Any]


def target_of(
    graph: Graph,
    data: Data,
    training: Training,
    rows: Rows,
    columns: tuple[str, ...],
    file: str | Path,
    frame: Frame | None,
) -> Target:
    """Return the target that the loss takes of each row; raises DataError."""
    output = graph.types[graph.outputs[0]].shape if frame is None else frame.output
    is_exact = data.standardize_target
    choices = wanted(training.resolved_loss, output)
    found = read_target(
        rows, columns, training.task, output, file=file, is_exact=is_exact, choices=choices
    )
    if not is_exact:
        _require_shares(found.values, training, columns, file)
    return found


def _require_shares(
    target: Array, training: Training, columns: Sequence[str], file: object
) -> None:
    """Raise DataError for a target of rows that the loss wants between 0 and 1, and is not."""
    loss = training.resolved_loss
    if training.kind != "regression" or loss.leaves_out != "sigmoid":
        return
    wrong = (target < 0) | (target > 1)
    if loss.ignored is not None:
        wrong &= target != loss.ignored
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        names = columns if len(columns) == target[0].size else columns[:1]
        position = int(np.ravel_multi_index(at[1:], target.shape[1:])) if len(names) > 1 else 0
        what = f'the target "{names[position]}"' if names else "the target"
        raise DataError(
            f"{where(file, what, at[0])}: it has the element {target[at]:g}, and the loss "
            f"{loss.type} takes numbers from 0 to 1: scale them, or choose mse"
        )


def standardised(target: Array, mean: Sequence[float], scale: Sequence[float]) -> Array:
    """Return a target shifted and scaled as the network learns it."""
    flat: Array = (target.reshape(len(target), -1) - np.array(mean)) / np.array(scale)
    return flat.reshape(target.shape).astype(np.float32)


def _of_output(
    mean: Sequence[float], scale: Sequence[float], places: tuple[int, ...], gives: Gives
) -> dict[str, Any]:
    """Return by what an output of means and variances is shifted, by the names of the record."""
    middle, wide = (np.reshape(each, (*places, -1)) for each in (mean, scale))
    added, factor = np.zeros_like(middle), wide**2
    if gives == "means and log variances":
        added, factor = 2 * np.log(wide), np.ones_like(wide)
    both = np.concatenate([middle, added], axis=-1), np.concatenate([wide, factor], axis=-1)
    return {
        f"output_{name}": tuple(map(float, each.ravel()))
        for name, each in zip(("mean", "scale"), both, strict=True)
    }


def concluded(
    spec: Spec, rows: Rows, inputs: dict[str, Array], read: Read,
    parts: Mapping[str, NDArray[np.intp]], file: str | Path,
) -> Dataset:  # fmt: skip
    """Return the parts with target, weight and record; raises DataError for what does not fit.

    rows: with the columns by which they are balanced.
    """
    data, training = spec.model.data, spec.model.training
    assert data is not None
    assert training is not None
    values, shift, gives = read.values, dict(read.shift), training.resolved_loss.gives
    if data.standardize_target and data.targets:
        require_fixed_target(spec.graph)
        mean, scale = mean_and_scale(values[parts["train"]])
        values = standardised(values, mean, scale)
        shift = {"target_mean": mean, "target_scale": scale}
        if gives is not None:
            shift |= _of_output(mean, scale, values.shape[1:-1], gives)
    axis = training.resolved_loss.class_axis
    preprocessing = Preprocessing(
        inputs=read.features,
        task=training.task,
        target=", ".join(data.targets) or next(iter(read.features)),
        columns=read.columns if len(read.columns) > 1 else None,
        labels=read.labels,
        class_axis=axis if axis != -1 else None,
        windows=data.windows,
        gives=gives,
        **shift,
    )
    if data.standardize_target or not data.targets:
        _require_shares(values, training, read.columns, file)
    weight = read.weight
    if weight is None:
        weight = balanced(rows, data, len(values), parts["train"], file, parts)
    weight = joined(spec, weight, inputs, file)
    kinds = kinds_of(rows, data, len(values), parts["train"], file)
    return parted(Part(inputs, values, weight), parts, preprocessing, kinds)
