"""The parts that rows are split into: at random, by groups, time, classes, or as a column says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.dates import dates
from nnspec.data.joined import Joined
from nnspec.data.tables import Rows, missing_column, numbers, stripped, where
from nnspec.errors import DataError
from nnspec.language.splitting import Split
from nnspec.language.training_schema import Data
from nnspec.support.streams import permutation

Indices = NDArray[np.intp]
Array = NDArray[Any]

PARTS = ("train", "validation", "test")
"""The parts of the rows, by their numbers."""
MOST = 8
"""Values that a message tells."""


def split_column(data: Data) -> tuple[str, ...]:
    """Return the columns that rows are split or ordered by, unless `features` name them.

    A pattern of features does not take them.
    """
    named = {name for given in data.features.values() for name in given}
    split = () if data.split is None else data.split.columns
    ordered = () if data.windows is None else data.windows.columns
    return tuple(name for name in dict.fromkeys((*split, *ordered)) if name not in named)


def split(
    rows: int, data: Data, seed: int, file: object = "the rows", keys: Array | None = None
) -> dict[str, Indices]:
    """Return the rows of `train`, `validation` and `test`, drawn by the seed alone.

    Each part keeps the order of the file: only an epoch that shuffles has another. A share of the
    rows is rounded to the nearest whole number, halves up. Raises DataError where a part that the
    spec asks for would be empty. keys: of the rows, as `keys_of` returns them.
    """
    parts = drawn(rows, data, seed, keys)
    if data.split is not None and data.split.names_parts:
        return parts
    for name, share in (("train", 1.0), ("validation", data.validation), ("test", data.test)):
        if share > 0 and len(parts[name]) < 1:
            raise DataError(
                f"{file}: {rows} rows{_of(data.split, keys)} are too few for a validation share of "
                f"{data.validation:g} and a test share of {data.test:g}; {name} would be empty"
            )
    return parts


def drawn(rows: int, data: Data, seed: int, keys: Array | None) -> dict[str, Indices]:
    """Return the rows of each part as `split` does, of which some may have none."""
    if data.split is None or keys is None:
        return _at_random(rows, data, seed)
    if data.split.names_parts:
        return {name: np.flatnonzero(keys == i) for i, name in enumerate(PARTS)}
    ways = {"group": _by_group, "time": _by_time, "stratify": _by_class}
    return ways[data.split.kind](keys, data, seed)


def _of(split: Split | None, keys: Array | None) -> str:
    if split is None or keys is None:
        return ""
    count = len(np.unique(keys))
    noun = {"group": "group", "time": "time", "stratify": "value"}[split.kind]
    return f' with {count} {noun}{"s" if count > 1 else ""} in "{split.column}"'


def _at_random(count: int, data: Data, seed: int) -> dict[str, Indices]:
    order = permutation(count, "split", seed)
    validation, test = (int(count * share + 0.5) for share in (data.validation, data.test))
    end = validation + test
    taken = {"train": order[end:], "validation": order[:validation], "test": order[validation:end]}
    return {name: np.sort(rows) for name, rows in taken.items()}


def _by_group(keys: Array, data: Data, seed: int) -> dict[str, Indices]:
    """Give validation groups as they are drawn until it has its share of the rows; then test."""
    order = permutation(int(keys.max(initial=-1)) + 1, "split", seed)
    sizes = np.bincount(keys, minlength=len(order))[order]
    before = np.cumsum(sizes) - sizes
    first = int(len(keys) * data.validation + 0.5)
    last = int(sizes[before < first].sum()) + int(len(keys) * data.test + 0.5)
    place = np.empty_like(before)
    place[order] = before
    return _cut(place[keys], first, max(first, last))


def _by_class(keys: Array, data: Data, seed: int) -> dict[str, Indices]:
    """Give each part its share of the rows of each class, as all rows are drawn."""
    order = permutation(len(keys), "split", seed)
    order = order[np.argsort(keys[order], kind="stable")]
    sizes = np.bincount(keys)
    place = np.empty_like(order)
    place[order] = np.arange(len(keys)) - (np.cumsum(sizes) - sizes)[keys[order]]
    first = (sizes * data.validation + 0.5).astype(np.intp)
    last = first + (sizes * data.test + 0.5).astype(np.intp)
    return _cut(place, first[keys], last[keys])


def _by_time(keys: Array, data: Data, seed: int) -> dict[str, Indices]:
    """Cut the rows in their order in time; rows of one time stay together, in the later part."""
    count, ordered = len(keys), [*np.sort(keys), len(keys)]
    test = count - int(count * data.test + 0.5)
    validation = max(test - int(count * data.validation + 0.5), 0)
    late, last = ordered[validation], ordered[test]
    taken = {"train": keys < late, "validation": (keys >= late) & (keys < last),
             "test": keys >= last}  # fmt: skip
    return {name: np.flatnonzero(rows) for name, rows in taken.items()}


def _cut(place: Array, first: Any, last: Any) -> dict[str, Indices]:
    """Return the rows whose place is before `first`, before `last`, and after."""
    return {
        "train": np.flatnonzero(place >= last),
        "validation": np.flatnonzero(place < first),
        "test": np.flatnonzero((place >= first) & (place < last)),
    }


# What rows are split by


def keys_of(rows: Rows, data: Data, count: int, file: str | Path) -> Array | None:
    """Return the number of each row's group, time, class or part, from 0 in their order.

    None where the spec splits at random. count: of the rows. Raises DataError.
    """
    if data.split is not None and data.split.files:
        return _of_files(data.split, count, file)
    if data.split is not None and data.split.part is not None:
        return _named(rows, data.split, count, file)
    return None if data.split is None else numbered(rows, data.split, count, file)


def _of_files(how: Split, count: int, file: object) -> Array:
    """Return the number of the part whose file each row is of; see `PARTS`."""
    assert isinstance(file, Joined)
    numbers = np.array([0, *(PARTS.index(part) for part in how.files)])
    parts: Array = numbers[file.keys()]
    if len(parts) != count:
        raise DataError(f"{file}: its arrays have {len(parts)} and {count} rows")
    return parts


def _named(rows: Rows, how: Split, count: int, file: str | Path) -> Array:
    """Return the number of the part that a column names for each row; see `PARTS`."""
    values = valued(rows, how, count, file).astype(str)
    parts = np.zeros(count, np.intp)
    for i, value in ((1, how.validation), (2, how.test)):
        if value is None:
            continue
        parts[values == value] = i
        if not (parts == i).any():
            raise DataError(
                f'{file}: no row has the value "{value}" in "{how.column}", so that '
                f"{PARTS[i]} would be empty (its values: {_listed(values)})"
            )
    others = np.unique(values[parts == 0])
    if len(others) != 1:
        told = "no row is left to train on" if not len(others) else (
            f"rows with {_listed(others)} are left to train on, and one value is expected: "
            "`validation` and `test` of `split` are the values of the others"
        )  # fmt: skip
        raise DataError(f'{file}: column "{how.column}": {told}')
    return parts


def _listed(values: Array) -> str:
    found = np.unique(values)
    more = f", ...; {len(found)} in all" if len(found) > MOST else ""
    return ", ".join(f'"{value}"' for value in found[:MOST]) + more


def numbered(rows: Rows, how: Split, count: int, file: object) -> Array:
    """Return the number of the value that each row has of a column; see `keys_of`."""
    found: Array = np.unique(valued(rows, how, count, file), return_inverse=True)[1].reshape(-1)
    return found


def valued(rows: Rows, how: Split, count: int, file: object) -> Array:
    """Return the value that each row has of a column by which rows are told apart, or ordered."""
    found = (
        _of_table(rows, how, file)
        if isinstance(rows, pl.DataFrame)
        else _of_arrays(rows, how, file)
    )
    if len(found) != count:
        raise DataError(f'{file}: "{how.column}" has {len(found)} rows, and there are {count}')
    return found


def _of_table(table: pl.DataFrame, how: Split, file: object) -> Array:
    name = how.column
    if name not in table.columns:
        raise missing_column(table.columns, name, file)
    series = table[name]
    is_dated = series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime)
    if how.kind == "time" and not is_dated and how.format is None:
        try:
            found = numbers(table, [name], file=file)[:, 0]
        except DataError as error:
            hint = "of dates that are text say the `format`, such as `format: '%d.%m.%Y %H:%M'`"
            raise DataError(f"{error}; {hint}") from None
        if np.isnan(found).any():
            row = int(np.isnan(found).argmax())
            place = where(file, f'column "{name}"', row)
            raise DataError(f"{place}: the value is missing")
        return found
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None:
        # Where summer time ends, an hour of the clock comes twice.
        series = series.dt.convert_time_zone("UTC")
    if how.kind == "time":
        series = dates(series, how.format or "", file=file)
    elif series.dtype in (pl.String, pl.Categorical, pl.Enum):
        series = stripped(series.cast(pl.String))
    elif series.dtype.is_float():
        series = series.fill_nan(None)
    elif not (series.dtype.is_integer() or is_dated or series.dtype == pl.Boolean):
        raise DataError(
            f'{file}: column "{name}" is of type {series.dtype}; words or numbers are expected'
        )
    if series.has_nulls():
        row = int(series.is_null().arg_true()[0])
        place = where(file, f'column "{name}"', row)
        raise DataError(f"{place}: the value is missing")
    return series.to_numpy()


def _of_arrays(arrays: Any, how: Split, file: object) -> Array:
    name = how.column
    if name not in arrays:
        raise missing_column(list(arrays), name, file, "array")
    found = np.asarray(arrays[name])
    kinds = "biufM" if how.kind == "time" else "biufMU"
    if found.ndim != 1 or found.dtype.kind not in kinds or how.format is not None:
        wanted = "a number or a date" if how.kind == "time" else "a value"
        more = ", and `format` is of columns of text" if how.format is not None else ""
        raise DataError(
            f'{file}: array "{name}" is {found.dtype} {list(found.shape)}; {wanted} for each row '
            f"is expected{more}"
        )
    missing = found != found  # of dates too
    if missing.any():
        row = int(np.argmax(missing))
        place = where(file, f'array "{name}"', row)
        raise DataError(f"{place}: the value is missing")
    return found
