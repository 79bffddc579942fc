"""Columns of a table that has no target."""

from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl


def matching(rows: pl.DataFrame, patterns: list[str], path: Path) -> list[str]:
    """Return the columns that names and patterns stand for."""
    columns: list[str] = []
    for pattern in patterns:
        found = [c for c in rows.columns if fnmatchcase(c, pattern)]
        found = [pattern] if pattern in rows.columns else found
        if not found:
            raise ValueError(f'{path}: no column matches "{pattern}"')
        columns += found
    if len(set(columns)) < len(columns):
        raise ValueError(f"{path}: a column is taken twice: {columns}")
    return columns
