"""Reads a table of text, and says the line of a value."""

import csv
from pathlib import Path

import polars as pl

from nnspec.emit.emitted.parts import Parts

HAS_PARTS = False
HAS_QUOTES = False
HAS_STRIPPED = False


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file as text, without blank lines at its end."""
    try:
        rows = pl.read_csv(path, infer_schema=False, glob=False)
    except pl.exceptions.PolarsError as error:
        reason = wrong_line(path) or str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable .csv file: {reason}") from None
    if HAS_QUOTES:
        # polars leaves a quote in the header doubled, as it is written.
        rows.columns = [name.replace('""', '"') for name in rows.columns]
    for name in rows.columns:
        first, mark, number = name.rpartition("_duplicated_")
        if mark and number.isdecimal() and first in rows.columns:
            raise ValueError(f'{path}: the header has the column "{first}" twice')
    filled = rows.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    return rows.head(max(filled.arg_true().to_list(), default=-1) + 1)


def wrong_line(path: Path) -> str:
    """Say which line has too many values or quotes that do not match; "" if none has."""
    columns, line = 0, 1
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        records = csv.reader(file, strict=True)
        try:
            for record in records:
                columns = columns or len(record)
                if len(record) > columns:
                    return f"line {line} has {len(record)} values, not {columns}"
                line = records.line_num + 1
        except csv.Error:
            return f"the quotes of line {line} are not in order"
    return ""


def line_of(path: Path, row: int) -> int:
    """Return the line at which a row begins; a value may go over several lines."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file)
        while not next(records):  # blank lines before the header are no rows
            pass
        for _ in range(row - 1):
            next(records, None)
    return records.line_num + 1


def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value."""
    if HAS_PARTS and isinstance(path, Parts):
        path, row = path.place(row)
    return f'{path}, line {line_of(path, row)}: column "{name}", row {row}'


def stripped(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column, text without spaces around it, null where it is missing."""
    if name not in rows.columns:
        raise ValueError(f'{path}: there is no column "{name}"')
    values = rows[name].str.strip_chars()
    return values.set(values == "", None)


def column(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column, text without spaces around it; no value may be missing."""
    if HAS_STRIPPED:
        values = stripped(rows, name, path)
    else:
        if name not in rows.columns:
            raise ValueError(f'{path}: there is no column "{name}"')
        values = rows[name].str.strip_chars()
        values = values.set(values == "", None)
    if values.has_nulls():
        place = where(path, name, values.is_null().arg_true()[0] + 1)
        raise ValueError(f"{place}: the value is missing")
    return values
