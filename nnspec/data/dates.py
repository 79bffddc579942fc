"""Columns of dates: read by their form, and taken apart."""

from __future__ import annotations

from typing import Any

import polars as pl
from numpy.typing import NDArray

from nnspec.data.tables import stripped, where
from nnspec.errors import DataError
from nnspec.language.preparation import pattern_of


def dates(series: pl.Series, form: str, *, file: object) -> pl.Series:
    """Return a column as datetimes, null where one is missing; raises DataError.

    form: of dates that are text; a column of dates or times, as Parquet has them, is taken as it
    is, in its own time zone.
    """
    if series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime):
        given = series
        if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None:
            given = series.dt.replace_time_zone(None)
        return given.cast(pl.Datetime("us"))
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        raise DataError(
            f'{file}: column "{series.name}" is of type {series.dtype}; dates are expected'
        )
    text = stripped(series.cast(pl.String))
    found = as_dates(text, form)
    wrong = text.is_not_null() & found.is_null()
    if wrong.any():
        row = int(wrong.arg_true()[0])
        place = where(file, f'column "{series.name}"', row)
        raise DataError(f'{place}: "{text[row]}" is no date of the form {form}')
    return found


def require_years(found: pl.Series, *, file: object) -> None:
    """Raise DataError for a year that no text of a date has: the first 999, and from 10000."""
    wrong = found.is_not_null() & ~found.dt.year().is_between(1000, 9999)
    if wrong.any():
        row = int(wrong.arg_true()[0])
        place = where(file, f'column "{found.name}"', row)
        raise DataError(f"{place}: the year of {found[row]} is not from 1000 to 9999")


def as_dates(text: pl.Series, form: str) -> pl.Series:
    """Return texts as datetimes, null where one is no date of this form."""
    right = text.str.contains(f"^{pattern_of(form)}$")
    return text.set(~right, None).str.to_datetime(form, strict=False, time_unit="us")


def part_of(dates: pl.Series, part: str) -> NDArray[Any]:
    """Return a part of dates as float64; a weekday is 1 on Monday to 7."""
    methods = {
        "year": dates.dt.year,
        "month": dates.dt.month,
        "day": dates.dt.day,
        "weekday": dates.dt.weekday,
        "day_of_year": dates.dt.ordinal_day,
        "hour": dates.dt.hour,
        "minute": dates.dt.minute,
        "second": dates.dt.second,
    }
    return methods[part]().cast(pl.Float64).to_numpy()
