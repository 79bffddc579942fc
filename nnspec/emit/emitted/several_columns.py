"""Columns of a table, where the target is several of them."""

from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl


def matching(
    rows: pl.DataFrame, patterns: list[str], path: Path, without: tuple[str, ...] = ()
) -> list[str]:
    """Return the columns that names and patterns stand for, those of the target left out."""
    columns: list[str] = []
    for pattern in patterns:
        found = [
            c for c in rows.columns if c not in without and fnmatchcase(c, pattern)
        ]
        found = [pattern] if pattern in rows.columns else found
        if not found:
            raise ValueError(f'{path}: no column matches "{pattern}"')
        columns += found
    if len(set(columns)) < len(columns) or not set(columns).isdisjoint(without):
        raise ValueError(f"{path}: a column is taken twice: {columns}")
    return columns
