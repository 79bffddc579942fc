"""Turns columns into numbers, or says which value is none.

Rows count from 1, and a header is not counted; lines of a text file count from 1 with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.csv_text import line_of
from nnspec.data.joined import Joined
from nnspec.errors import DataError, nearest

Array = NDArray[Any]
Rows = pl.DataFrame | Mapping[str, Array]
"""A table, or arrays by name with the rows along the first axis."""

_LIMIT = {"uint8": 2**8, "int32": 2**31, "int64": 2**63}
"""One more than the largest whole number."""


def select(
    table: pl.DataFrame, patterns: Sequence[str], *, without: Sequence[str] = (), file: object
) -> list[str]:
    """Return the columns that names or patterns (`pixel_*`) stand for, in their order.

    A pattern gives its columns in the order of the table, and never a column of `without`. Raises
    DataError for a name that is no column, a pattern that matches none, a column taken twice.
    """
    selected: list[str] = []
    for pattern in patterns:
        if pattern in table.columns:
            found = [pattern]
            if pattern in without:
                raise DataError(f'{file}: the column "{pattern}" is the target and a feature')
        elif any(sign in pattern for sign in "*?["):
            found = [
                name for name in table.columns if name not in without and fnmatchcase(name, pattern)
            ]
            if not found:
                raise DataError(
                    f'{file}: no column matches "{pattern}" (the columns: {_some(table.columns)})'
                )
        else:
            raise missing_column(table.columns, pattern, file)
        twice = [name for name in found if name in selected]
        if twice:
            raise DataError(f'{file}: the column "{twice[0]}" is taken twice')
        selected += found
    return selected


def missing_column(
    known: Sequence[str], name: str, file: object, what: str = "column"
) -> DataError:
    """Return the error for a name that the file does not hold."""
    return DataError(
        f'{file}: there is no {what} "{name}"{nearest(name, known)} '
        f"(the {what}s: {_some(known) or 'none'})"
    )


def numbers(
    table: pl.DataFrame, columns: Sequence[str], *, whole: bool = False, file: object
) -> Array:
    """Return columns as an array of (rows, columns), float64, or int64 where `whole` and possible.

    Raises DataError for a value that is missing or no number.
    """
    read = [_number(table[name], whole=whole, file=file) for name in columns]
    return np.stack([series.to_numpy() for series in read], axis=1)


def is_text(series: pl.Series) -> bool:
    """Whether a column holds words: text that is not all numbers."""
    if series.dtype in (pl.Categorical, pl.Enum):
        return True
    if series.dtype != pl.String:
        return False
    bare = stripped(series)
    return bare.cast(pl.Float64, strict=False).null_count() > bare.null_count()


def words(series: pl.Series, *, file: object) -> list[str]:
    """Return a column of labels as text; raises DataError for a missing one."""
    text = stripped(series.cast(pl.String))
    _require_present(text, file)
    return [str(value) for value in text]


def number(series: pl.Series, *, file: object) -> pl.Series:
    """Return a column as float64, null where it is missing or NaN.

    Raises DataError for what is no finite number.
    """
    given = _spelled(series, file)
    cast = given.cast(pl.Float64, strict=False)
    wrong = cast.is_null() & given.is_not_null()
    endless = cast.is_infinite().fill_null(False)
    if (wrong | endless).any():
        row = _first(wrong | endless)
        place = where(file, f'column "{series.name}"', row)
        why = "is not a finite number" if endless[row] else "is not a number"
        raise DataError(f'{place}: "{given[row]}" {why}')
    return cast.fill_nan(None)


def filled_text(series: pl.Series, *, file: object) -> pl.Series:
    """Return a column of categories as text, null where it is missing; raises DataError.

    Whole numbers are written as such, whatever their type: a table with missing values may have
    them as floats.
    """
    if series.dtype.is_float():
        present = series.fill_nan(None)
        whole = present.cast(pl.Int64, strict=False)
        wrong = present.is_not_null() & (whole.cast(series.dtype) != present).fill_null(True)
        if wrong.any():
            place = where(file, f'column "{series.name}"', _first(wrong))
            raise DataError(
                f"{place}: {series[_first(wrong)]:g} is no category; text or whole numbers are "
                "expected"
            )
        return whole.cast(pl.String)
    is_known = series.dtype.is_integer() or series.dtype in (pl.Boolean, pl.Null)
    if not (is_known or series.dtype in (pl.String, pl.Categorical, pl.Enum)):
        raise DataError(
            f'{file}: column "{series.name}" is of type {series.dtype}; text or whole numbers are '
            "expected"
        )
    return stripped(series.cast(pl.String))


def _spelled(series: pl.Series, file: object) -> pl.Series:
    """Return a column of numbers, or of text without spaces around it; raises DataError."""
    if series.dtype in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        return stripped(series)
    if not (series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null)):
        raise DataError(
            f'{file}: column "{series.name}" is of type {series.dtype}; numbers are expected'
        )
    return series


def _number(series: pl.Series, *, whole: bool, file: object) -> pl.Series:
    series = _spelled(series, file)
    _require_present(series, file)
    if whole:
        cast = series.cast(pl.Int64, strict=False)
        known = series.dtype.is_integer() or series.dtype in (pl.Boolean, pl.String)
        exact = known or (cast.cast(pl.Float64) == series.cast(pl.Float64)).all()
        if exact and not cast.has_nulls():
            return cast
    cast = series.cast(pl.Float64, strict=False)
    if cast.has_nulls():
        row = _first(cast.is_null())
        place = where(file, f'column "{series.name}"', row)
        raise DataError(f'{place}: "{series[row]}" is not a number')
    return cast


def stripped(series: pl.Series) -> pl.Series:
    """Return texts without spaces around them, null where that leaves none."""
    bare = series.str.strip_chars()
    return bare.set(bare == "", None)


def _require_present(series: pl.Series, file: object) -> None:
    if series.has_nulls():
        row = _first(series.is_null())
        place = where(file, f'column "{series.name}"', row)
        raise DataError(f"{place}: the value is missing")


def _first(mask: pl.Series) -> int:
    return int(mask.arg_true()[0])


def _some(names: Sequence[str]) -> str:
    if len(names) <= 8:
        return ", ".join(names)
    return f"{', '.join(names[:5])}, ..., {names[-1]}; {len(names)} in all"


class Later:
    """A file of which some rows are looked at, the first of them with this number, from 0."""

    def __init__(self, file: object, first: int) -> None:
        self.file = file
        self.first = first

    def __str__(self) -> str:
        return str(self.file)


def where(file: object, what: str, row: int) -> str:
    """Return where a value stands; of a text file the line too, since a header counts there."""
    if isinstance(file, Later):
        row += file.first
        file = file.file
    if isinstance(file, Joined):
        file, row = file.at(row)
    line = line_of(file, row)
    source = file if line is None else f"{file}, line {line}"
    return f"{source}: {what}, row {row + 1}"


def _within(array: Array, largest: float) -> bool:
    """Whether all elements are numbers of at most this size."""
    if not array.size:
        return True
    # As Python's own, or NumPy would make the bound a number of the array's dtype.
    return -largest <= float(array.min()) <= float(array.max()) <= largest


def require_fitting(values: Array, dtype: str, place: Callable[[int, int | None], str]) -> None:
    """Raise DataError for the first value that is not finite or that `dtype` cannot hold.

    `values` has one row per row of the data; `place(row, position)` names the value at a flat
    position of a row.
    """
    flat = values.reshape(len(values), -1)

    def refuse(wrong: Array, why: str) -> None:
        if wrong.any():
            row, position = (int(i) for i in np.argwhere(wrong)[0])
            raise DataError(f"{place(row, position)}: {flat[row, position]} {why}")

    if flat.dtype.kind not in "biuf":
        raise DataError(f"{place(0, 0)}: a value of type {flat.dtype}; numbers are expected")
    if flat.dtype.kind == "f":
        flat = flat.astype(np.promote_types(flat.dtype, np.float32), copy=False)
        if dtype.startswith("float") and _within(flat, float(np.finfo(dtype).max)):
            return
        refuse(~np.isfinite(flat), "is not a finite number")
    if dtype == "bool":
        refuse((flat != 0) & (flat != 1), "is neither 0 nor 1")
    elif dtype in _LIMIT:
        if flat.dtype.kind == "f":
            refuse(flat != np.floor(flat), f"is not whole, as {dtype} needs")
        limit = _LIMIT[dtype]
        # As a float the largest number would be rounded up to the limit.
        above = flat >= float(limit) if flat.dtype.kind == "f" else flat > limit - 1
        least = 0 if dtype == "uint8" else -limit
        refuse((flat < least) | above, f"does not fit {dtype}")
    else:
        refuse(np.abs(flat) > np.finfo(dtype).max, f"does not fit {dtype}")
