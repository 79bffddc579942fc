"""The rows that a spec trains on: read, checked, split and standardised."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.arrays import admit_arrays, require_equal_lengths
from nnspec.data.concluding import Read, concluded, standardised, target_of
from nnspec.data.dataset import Dataset, Part, parted
from nnspec.data.feature import Feature, mean_and_scale
from nnspec.data.files import read
from nnspec.data.folding import Fold, parts_of
from nnspec.data.parts import features_of, finished, learned
from nnspec.data.repeated import repeated
from nnspec.data.resampling import kinds_of
from nnspec.data.sources import is_there, located, notes_of, read_source, sha256_of
from nnspec.data.tables import Rows
from nnspec.data.targets import columns_of
from nnspec.data.tokenizer_files import with_tokenizers
from nnspec.data.weighting import balanced, column_of, joined, read_weight, with_weight
from nnspec.data.windows import Rolled, rolled
from nnspec.errors import DataError, UsageError
from nnspec.language.objectives import is_composed
from nnspec.language.prepared_columns import cut_by
from nnspec.language.training_schema import Data, Training
from nnspec.language.weighting import is_weighted
from nnspec.network.domains import domain_of
from nnspec.network.loader import Spec
from nnspec.network.windows import Frame, frame_of

Array = NDArray[Any]


def load_data(spec: Spec, fold: Fold | None = None) -> Dataset:
    """Read, check, split and standardise what the spec's `data` section names.

    fold: the one whose rows are for validation, in the place of the share that the spec says.
    Raises DataError naming the file, column, row and value where the data do not fit, UsageError
    where the spec has no `data` or no `training`.
    """
    spec = with_tokenizers(spec)
    data, training = spec.model.data, spec.model.training
    if data is None or training is None:
        absent = "data" if data is None else "training"
        raise UsageError(f'the spec "{spec.name}" has no `{absent}` section; training needs one')
    path = located(spec.folder, data)
    if data.stream is not None:
        from nnspec.data.streamed_rows import load_streamed  # which few specs need

        assert isinstance(path, Path)
        read = load_streamed(spec, path, fold)
        return dataclasses.replace(
            read, fold=fold, sha256=sha256_of(path, data, None, read.preprocessing),
            notes=(*read.notes, *notes_of(path, data)),
        )  # fmt: skip
    rows, path = read_source(spec)
    found = _loaded(spec, data, training, rows, path, fold)
    return dataclasses.replace(
        found,
        fold=fold,
        sha256=sha256_of(path, data, rows, found.preprocessing),
        notes=(*found.notes, *notes_of(path, data)),
    )


def _loaded(
    spec: Spec, data: Data, training: Training, rows: Rows, path: Path | str, fold: Fold | None
) -> Dataset:
    if is_composed(spec.model):
        from nnspec.data.composed import prepare_composed  # few specs have several losses

        inputs, targets, parts, preprocessing = prepare_composed(spec, rows, file=path, fold=fold)
        count = len(next(iter(inputs.values())))
        weight = read_weight(rows, data, path)
        if weight is None:
            weight = balanced(rows, data, count, parts["train"], path, parts)
        weight = joined(spec, weight, inputs, path)
        kinds = kinds_of(rows, data, count, parts["train"], path)
        found = parted(Part(inputs, targets, weight), parts, preprocessing, kinds)
        return dataclasses.replace(found, notes=repeated(rows, data, parts, path))
    return prepare(spec, data, training, rows, file=path, fold=fold)


def read_rows(
    spec: Spec, path: str | Path
) -> tuple[dict[str, Array], Array | dict[str, Array] | None]:
    """Return the inputs and, where the spec trains on it and the file has it, the target.

    The rows stay in the order of the file, and all are standardised together, but columns that are
    prepared become what the spec's own rows say, where these are there. Without `data` in
    the spec, arrays are taken by the names of the inputs. Raises DataError, UsageError.
    """
    spec = with_tokenizers(spec)
    graph, data = spec.graph, spec.model.data
    rows = read(path, cut_by(data) if data is not None else None)
    if data is None:
        if isinstance(rows, pl.DataFrame):
            raise UsageError(
                f'the spec "{spec.name}" has no `data` that says how columns become its inputs; '
                "add it, or give an .npz file with an array for each input"
            )
        return admit_arrays(domain_of(graph), rows, path), None
    if is_composed(spec.model):
        from nnspec.data.composed import composed_rows  # few specs have several losses

        inputs, targets = composed_rows(spec, rows, path, _as_trained(spec, data))
        return inputs, _with_weight(spec, rows, inputs, targets, path)
    training, target, frame = spec.model.training, None, frame_of(spec.model, graph)
    is_trained = training is not None and len(graph.outputs) == 1
    columns = _known_columns(rows, data) if is_trained else ()
    features = features_of(graph, data, rows, path, columns + column_of(data))
    raw = {name: feature.gather(rows, name, path) for name, feature in features.items()}
    lengths = {name: len(values) for name, values in raw.items()}
    if training is not None and columns:
        target = target_of(graph, data, training, rows, columns, path, frame).values
        lengths["target"] = len(target)
    require_equal_lengths(lengths, path)
    windows = None
    if frame is not None:
        # Without a target every window is taken that has its rows.
        frame = frame if target is not None else frame._replace(horizon=0)
        windows = _rolled(frame, rows, next(iter(lengths.values())), path)
        if target is not None:
            target = windows.target(target, has_steps=frame.has_steps)
    features = _as_trained(spec, data) or learned(data, features, raw, slice(None), path)
    if target is not None and data.standardize_target:
        target = standardised(target, *mean_and_scale(target))
    is_own = is_trained and not data.targets
    inputs = finished(
        graph, features, raw, rows, path, windows=windows, is_whole=windows is None or is_own
    )
    if is_own:
        target = _own_target(inputs)
    return inputs, _with_weight(spec, rows, inputs, target, path)


def _as_trained(spec: Spec, data: Data) -> dict[str, Feature] | None:
    """Return the features by the spec's own training rows, where columns are prepared.

    Other rows may have other categories, which would make inputs of another width.
    """
    if not data.prepare or not is_there(spec.folder, data):
        return None
    return load_data(spec).preprocessing.inputs


def _with_weight(
    spec: Spec, rows: Rows, inputs: Mapping[str, Array], target: Any, file: str | Path
) -> Any:
    """Return a target with its weights, or None where the rows have none of those they need."""
    data = spec.model.data
    assert data is not None
    if target is None or not is_weighted(spec.model):
        return target
    known = rows.columns if isinstance(rows, pl.DataFrame) else [*rows]
    needed = data.sample_weight or data.balance
    if needed is not None and needed not in known:
        return None
    weight = read_weight(rows, data, file)
    if weight is None:
        count = len(next(iter(inputs.values())))
        weight = balanced(rows, data, count, slice(None), file)
    return with_weight(target, joined(spec, weight, inputs, file))


def _known_columns(rows: Rows, data: Data) -> tuple[str, ...]:
    """Return the columns of the target, or none where the rows do not have them."""
    try:
        return columns_of(rows, data, "") if data.targets else ()
    except DataError:
        return ()


def _rolled(frame: Frame, rows: Rows, count: int, file: str | Path) -> Rolled:
    return rolled(rows, frame.windows, count, file, length=frame.length, horizon=frame.horizon)


def _own_target(inputs: Mapping[str, Array]) -> Array:
    """Return the target of an autoencoder: its input."""
    (values,) = inputs.values()
    return values.astype(np.float32)


def prepare(
    spec: Spec,
    data: Data,
    training: Training,
    rows: Rows,
    *,
    file: str | Path = "the rows",
    fold: Fold | None = None,
) -> Dataset:
    """Return what `load_data` does, from rows already read; `file` names them in errors."""
    graph = spec.graph
    if len(graph.outputs) != 1:
        raise UsageError(
            f'"{graph.name}" has {len(graph.outputs)} outputs; training is of a network with one'
        )
    frame = frame_of(spec.model, graph)
    # First, since a pattern of features would take a misspelt target for one of them.
    columns = columns_of(rows, data, file) if data.targets else ()
    weight = read_weight(rows, data, file)
    features = features_of(graph, data, rows, file, columns + column_of(data))
    raw = {name: feature.gather(rows, name, file) for name, feature in features.items()}
    lengths = {name: len(values) for name, values in raw.items()}
    target = None
    if columns:
        target = target_of(graph, data, training, rows, columns, file, frame)
        lengths["target"] = len(target.values)
    require_equal_lengths(lengths, file)

    count, windows = next(iter(lengths.values())), None
    notes: tuple[str, ...] = ()
    if frame is None:
        parts = parts_of(rows, data, count, training.seed, file, fold)
        learned_of = parts["train"]
    else:
        windows = _rolled(frame, rows, count, file)
        parts, left = windows.parts(rows, data, training.seed, file, fold)
        learned_of = windows.seen(parts["train"])
        notes = windows.notes
        if fold is None:
            notes += _left_out(left, len(windows), file)
    features = learned(data, features, raw, learned_of, file)
    # What an autoencoder gives back is held as its target in any case.
    inputs = finished(graph, features, raw, rows, file, is_whole=target is None, windows=windows)
    values = target.values if target is not None else _own_target(inputs)
    if frame is not None and windows is not None and target is not None:
        values = windows.target(values, has_steps=frame.has_steps)
    shift: dict[str, Any] = {}
    if target is None:
        # What it gives is then told, and measured, as the rows have it.
        (feature,) = features.values()
        if feature.mean is not None and feature.scale is not None:
            # The mean of a row is that of each row of a window.
            steps = feature.steps or 1
            shift = {"target_mean": feature.mean * steps, "target_scale": feature.scale * steps}
    labels = target.labels if target is not None else None
    read = Read(features, columns, values, labels, weight, shift)
    found = concluded(spec, rows, inputs, read, parts, file)
    of_rows = parts if windows is None else windows.concerned(parts)
    return dataclasses.replace(found, notes=notes + repeated(rows, data, of_rows, file))


def _left_out(left: int, windows: int, file: object) -> tuple[str, ...]:
    if not left:
        return ()
    noun = "window is" if left == 1 else "windows are"
    return (
        f"{file}: {left} of {windows} {noun} in no part: their rows are of more than one, and a "
        "network would learn from what it is measured on",
    )
