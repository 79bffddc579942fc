"""Columns of a table that knows their types, as preparations take them."""

from pathlib import Path

import polars as pl


def stripped(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column, text without spaces around it, null where it is missing."""
    if name not in rows.columns:
        raise ValueError(f'{path}: there is no column "{name}"')
    values = rows[name]
    if values.dtype in (pl.String, pl.Categorical, pl.Enum):
        values = values.cast(pl.String).str.strip_chars()
        return values.set(values == "", None)
    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise ValueError(f'{path}: column "{name}" is of type {values.dtype}')
    return values


def category(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column of categories as text; whole numbers are written as such."""
    values = stripped(rows, name, path)
    if values.dtype.is_float():
        present = values.fill_nan(None)
        values = present.cast(pl.Int64, strict=False)
        wrong = present.is_not_null() & (values.cast(present.dtype) != present)
        if wrong.fill_null(True).any():
            raise ValueError(
                f'{path}: column "{name}" holds numbers that are not whole'
            )
    return values.cast(pl.String)
