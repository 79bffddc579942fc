"""Columns of a table that have types."""

from pathlib import Path

import polars as pl

from nnspec.emit.emitted.parts import Parts
from nnspec.emit.emitted.stripped_columns import stripped

HAS_PARTS = False
HAS_STRIPPED = False


def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value."""
    if HAS_PARTS and isinstance(path, Parts):
        path, row = path.place(row)
    return f'{path}: column "{name}", row {row}'


def column(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column, text without spaces around it; no value may be missing."""
    if HAS_STRIPPED:
        values = stripped(rows, name, path)
    else:
        if name not in rows.columns:
            raise ValueError(f'{path}: there is no column "{name}"')
        values = rows[name]
        if values.dtype in (pl.String, pl.Categorical, pl.Enum):
            values = values.cast(pl.String).str.strip_chars()
            values = values.set(values == "", None)
        elif not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
            raise ValueError(f'{path}: column "{name}" is of type {values.dtype}')
    if values.has_nulls():
        place = where(path, name, values.is_null().arg_true()[0] + 1)
        raise ValueError(f"{place}: the value is missing")
    return values
