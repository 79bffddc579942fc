"""Folds of rows, for a cross-validation: each is the validation part once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnspec.data.splitting import Indices, drawn, keys_of, split
from nnspec.data.tables import Rows
from nnspec.errors import DataError, UsageError
from nnspec.language.training_schema import Data
from nnspec.support.streams import permutation

Array = NDArray[Any]


class Fold(NamedTuple):
    """One of several folds; the first is 0."""

    number: int
    folds: int


def parts_of(
    rows: Rows, data: Data, count: int, seed: int, file: str | Path, fold: Fold | None
) -> dict[str, Indices]:
    """Return which of the rows are in each part, of a fold or as the spec has it; see `split`."""
    if fold is not None:
        require_drawn(data)
    keys = keys_of(rows, data, count, file)
    if fold is None:
        return split(count, data, seed, file, keys)
    return folded(count, data, seed, file, keys, fold)


def require_drawn(data: Data) -> None:
    """Raise UsageError where something else than a draw says which rows are for validation."""
    if data.split is None or not data.split.names_parts:
        return
    what = f'the column "{data.split.part}" says'
    if data.split.files:
        what = "the files of `data.split` say"
    raise UsageError(
        f"{what} which rows are for validation, and folds draw them: leave out `data.split`, or "
        "train without folds"
    )


def folded(
    rows: int, data: Data, seed: int, file: object, keys: Array | None, fold: Fold
) -> dict[str, Indices]:
    """Return the rows of `train`, `validation` and `test` of one fold.

    The test rows are those of a run without folds. The others are in one fold each, as they are
    drawn: whole groups, or alike many rows of each class. In time the rows before a fold train, so
    that the first rows are in none (Hyndman and Athanasopoulos, Forecasting, section 5.10). Raises
    DataError for a part without rows.
    """
    # Of the spec's own shares: rows for validation stand before them, as they are drawn.
    test = drawn(rows, data, seed, keys)["test"] if data.test else np.empty(0, np.intp)
    if data.test and not len(test):
        raise DataError(f"{file}: {rows} rows are too few for a test share of {data.test:g}")
    left = np.setdiff1d(np.arange(rows), test)
    order = permutation(rows, "split", seed)
    order = order[np.isin(order, left)]
    kind = data.split.kind if data.split is not None else ""
    number = np.full(rows, -1)
    if kind == "time":
        assert keys is not None
        # One more block than folds: the first is never validated on.
        before = np.searchsorted(np.sort(keys[left]), keys[left], side="left")
        number[left] = before * (fold.folds + 1) // max(len(left), 1) - 1
    elif kind == "group":
        assert keys is not None
        groups = permutation(int(keys.max(initial=-1)) + 1, "split", seed)
        sizes = np.bincount(keys[left], minlength=len(groups))[groups]
        by_group = np.empty_like(sizes)
        by_group[groups] = (np.cumsum(sizes) - sizes) * fold.folds // max(len(left), 1)
        number[left] = by_group[keys[left]]
    elif kind == "stratify":
        assert keys is not None
        order = order[np.argsort(keys[order], kind="stable")]
        number[order] = np.arange(len(order)) % fold.folds
    else:
        number[order] = np.arange(len(order)) * fold.folds // max(len(order), 1)
    here = number[left]
    sizes = np.bincount(here + 1, minlength=fold.folds + 1)  # first those of no fold
    if not sizes[1:].all() or (kind == "time" and not sizes[0]):
        values = ""
        if data.split is not None and keys is not None:
            values = f'{len(np.unique(keys))} values of "{data.split.column}" in '
        raise DataError(
            f"{file}: {values}{len(left)} rows are too few for {fold.folds} folds: one would have "
            "no rows"
        )
    others = here < fold.number if kind == "time" else here != fold.number
    return {"train": left[others], "validation": left[here == fold.number], "test": test}
