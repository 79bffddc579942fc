"""Weights of rows, and of places in them: read, joined with a mask, carried with the targets.

The target of a training by weights is a mapping, which has them under a name that no output has.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import DataError
from nnspec.language.weighting import SAMPLE_WEIGHT, has_weights, is_weighted
from nnspec.network.loader import Spec
from nnspec.network.weighting import lengths_of, trained, weight_shape

if TYPE_CHECKING:
    from nnspec.data.tables import Rows
    from nnspec.language.training_schema import Data

Array = NDArray[Any]

WEIGHT = f"@{SAMPLE_WEIGHT}"
TARGET = "@target"
"""The names of the weights, and of a target that has no name of its own."""


def with_weight(target: Any, weight: Array | None) -> Any:
    """Return the target with what its rows count."""
    if weight is None:
        return target
    named = target if isinstance(target, Mapping) else {TARGET: target}
    return {**named, WEIGHT: weight}


def parted(target: Any) -> tuple[Any, Array | None]:
    """Return the target as it is without weights, and these."""
    if not isinstance(target, Mapping) or WEIGHT not in target:
        return target, None
    rest = {name: values for name, values in target.items() if name != WEIGHT}
    return rest.get(TARGET, rest), target[WEIGHT]


def require_weight(spec: Spec, weight: Array | None, rows: int) -> list[Array]:
    """Return the weights as the loss takes them, if it takes some; raises DataError."""
    if not is_weighted(spec.model):
        return []
    if weight is None:
        raise DataError("the loss is by weights of rows, and none are given")
    array = np.asarray(weight)
    if array.dtype.kind not in "biuf":
        raise DataError(f"the weights are of type {array.dtype}; numbers are expected")
    if array.ndim < 1 or len(array) != rows:
        raise DataError(f"weights are shaped {array.shape}, and there are {rows} rows")
    wrong = ~((array >= 0) & np.isfinite(array))
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        raise DataError(
            f"weight, row {row + 1}: {array[wrong][0]}; a finite number of at least 0 is expected"
        )
    return [array.astype(np.float64)]


def column_of(data: Data) -> tuple[str, ...]:
    """Return the column of the weights, which is no feature."""
    return () if data.sample_weight is None else (data.sample_weight,)


def read_weight(rows: Rows, data: Data, file: str | Path) -> Array | None:
    """Return what each row counts, or None where the spec says nothing of it; raises DataError."""
    name = data.sample_weight
    if name is None:
        return None
    import polars as pl

    from nnspec.data.tables import missing_column, numbers, where

    if isinstance(rows, pl.DataFrame):
        what = "column"
        if name not in rows.columns:
            raise missing_column(rows.columns, name, file)
        found = numbers(rows, [name], file=file)[:, 0]
    else:
        what = "array"
        if name not in rows:
            raise missing_column(list(rows), name, file, "array")
        found = np.asarray(rows[name])
        if found.dtype.kind not in "biuf":
            raise DataError(
                f'{file}: array "{name}" holds values of type {found.dtype}; numbers are expected'
            )
        if found.ndim == 0:
            raise DataError(f'{file}: array "{name}" is a single value; rows are expected')
    wrong = ~((found >= 0) & (found <= np.finfo(np.float32).max))
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        place = where(file, f'{what} "{name}"', row)
        raise DataError(
            f"{place}: {found[wrong][0]:g} is no weight; a finite number of at least 0, which "
            "float32 holds, is expected"
        )
    weights: Array = found.astype(np.float32)
    return weights


def balanced(
    rows: Rows, data: Data, count: int, train: Array | slice, file: str | Path,
    parts: Mapping[str, Array] | None = None,
) -> Array | None:  # fmt: skip
    """Return what each row counts by `data.balance`, or None without it; raises DataError.

    n / (k · n of its value), of the n training rows with k values: their mean is 1. count: of all
    rows. parts: those of all parts, which alone have to count; by default all.
    """
    if data.balance is None:
        return None
    from nnspec.data.splitting import numbered
    from nnspec.data.tables import where
    from nnspec.language.splitting import Split

    values = numbered(rows, Split(stratify=data.balance), count, file)
    sizes = np.bincount(values[train], minlength=int(values.max(initial=-1)) + 1)
    used = np.arange(count) if parts is None else np.sort(np.concatenate([*parts.values()]))
    unseen = used[sizes[values[used]] == 0]
    if len(unseen):
        place = where(file, f'column "{data.balance}"', int(unseen[0]))
        raise DataError(
            f"{place}: the value is in no training row, so that nothing says what it counts; "
            "`split: {stratify: ...}` has all in every part"
        )
    kinds = int((sizes > 0).sum())
    weights: Array = (sizes.sum() / (kinds * np.maximum(sizes, 1)))[values].astype(np.float32)
    return weights


def joined(
    spec: Spec, weight: Array | None, inputs: Mapping[str, Array], file: str | Path
) -> Array | None:
    """Return what each row, or each place of it, counts; raises DataError.

    weight: of the rows, or already of their places.
    """
    training = spec.model.training
    assert training is not None
    rows = len(next(iter(inputs.values())))
    if weight is not None:
        _require_places(spec, weight, rows, file)
    found = weight
    if training.mask is not None:
        mask = mask_of(spec, inputs)
        found = mask if weight is None else _wide(weight, mask.ndim) * _wide(mask, weight.ndim)
    if found is not None and not found.any():
        raise DataError(f"{file}: every row has the weight 0, so that nothing is learnt")
    return found


def mask_of(spec: Spec, inputs: Mapping[str, Array]) -> Array:
    """Return 1 for each place that the mask of the spec lets count, else 0."""
    training, graph = spec.model.training, spec.graph
    assert training is not None
    assert training.mask is not None
    given = np.asarray(inputs[training.mask])
    if not lengths_of(graph, training.mask):
        counted: Array = given != 0
        return counted.astype(np.float32)
    size = weight_shape(spec.model, graph)[0]
    steps = size if isinstance(size, int) else _size(spec, inputs, str(size))
    kept: Array = np.arange(steps) < given.reshape(-1, 1)
    return kept.astype(np.float32)


def _size(spec: Spec, inputs: Mapping[str, Array], size: str) -> int:
    """Return the number that an expression of the inputs' dynamic axes is."""
    from nnspec.language.expressions import evaluate

    axes = {
        axis: length
        for name, type_ in spec.graph.inputs.items()
        for axis, length in zip(type_.shape, np.shape(inputs[name])[1:], strict=True)
        if isinstance(axis, str)
    }
    found = axes[size] if size in axes else evaluate(size, axes.__getitem__)
    assert isinstance(found, int)
    return found


def _wide(values: Array, rank: int) -> Array:
    return values.reshape(*values.shape, *[1] * max(0, rank - values.ndim))


def _require_places(spec: Spec, weight: Array, rows: int, file: str | Path) -> None:
    """Raise DataError for weights that are neither of rows nor of the first axes of places."""
    if len(weight) != rows:
        raise DataError(f"{file}: there are {len(weight)} weights, and {rows} rows")
    given = weight.shape[1:]
    for name, loss, output in trained(spec.model, spec.graph):
        places = loss.places(output)
        fits = len(given) <= len(places) and all(
            isinstance(want, str) or want == size for want, size in zip(places, given, strict=False)
        )
        if not fits:
            raise DataError(
                f"{file}: weights are shaped {list(given)} for each row, and {loss.type} of "
                f'"{name}" is the mean of {list(places)}: a number for each row is expected, or '
                "for each place of the first axes"
            )


def random_weight(
    spec: Spec, inputs: Mapping[str, Array], batch: int, draw: np.random.Generator
) -> Array | None:
    """Return weights of 0 or from 0.25 to 2, the first not 0, with the mask of these inputs."""
    training, data = spec.model.training, spec.model.data
    assert training is not None
    found = None
    if data is not None and has_weights(data):
        found = draw.uniform(0.25, 2.0, batch)
        found[1:] *= draw.random(batch - 1) < 0.75
    if training.mask is not None:
        mask = mask_of(spec, inputs).astype(np.float64)
        found = mask if found is None else _wide(found, mask.ndim) * mask
    return found
