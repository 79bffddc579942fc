"""Rows of several files, a file for each part, as those of one."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from nnspec.data.arrays import require_equal_lengths
from nnspec.data.folders import FILE
from nnspec.data.joined import Joined
from nnspec.data.tables import Rows, missing_column
from nnspec.errors import DataError


def joined(rows: list[Rows], files: list[Path], named: Collection[str]) -> tuple[Rows, Joined]:
    """Return the rows of all files, one after the other, and their place; raises DataError.

    Each has every column of the first, in any order; what it has more is not taken. named: the
    arrays that are taken of arrays.
    Images of folders have paths from the folder that holds all of them.
    """
    if isinstance(rows[0], pl.DataFrame):
        tables = cast(list[pl.DataFrame], rows)
        top = files[0]
        if top.is_dir():
            top = Path(os.path.commonpath([file.resolve() for file in files]))
            tables = [
                table.with_columns((pl.lit(f"{_below(file, top)}/") + pl.col(FILE)).alias(FILE))
                for table, file in zip(tables, files, strict=True)
            ]
        sizes = [table.height for table in tables]
        return _tables(tables, files), Joined(top, files, sizes)
    arrays = cast(list[Mapping[str, np.ndarray]], rows)
    if absent := sorted({*named} - {*arrays[0]}):
        raise missing_column(list(arrays[0]), absent[0], files[0], "array")
    names = [name for name in arrays[0] if name in named]
    sizes = []
    for each, file in zip(arrays, files, strict=True):
        for name in names:
            if name not in each:
                raise missing_column(list(each), name, file, "array")
        lengths = {name: len(each[name]) for name in names if each[name].ndim}
        require_equal_lengths(lengths, file)
        sizes.append(next(iter(lengths.values()), 0))
    found = {}
    for name in names:
        values = [each[name] for each in arrays]
        kinds = {(value.shape[1:], value.dtype.kind in "US") for value in values}
        if any(not value.ndim for value in values) or len(kinds) > 1:
            told = ", ".join(
                f"{file} {value.dtype} {list(value.shape)}"
                for value, file in zip(values, files, strict=True)
            )
            raise DataError(f'array "{name}" is not alike in the files of the parts: {told}')
        found[name] = np.concatenate(values)
    return found, Joined(files[0], files, sizes)


def _below(file: Path, top: Path) -> str:
    return file.resolve().relative_to(top).as_posix()


def _tables(tables: list[pl.DataFrame], files: list[Path]) -> pl.DataFrame:
    names = tables[0].columns
    for table, file in zip(tables, files, strict=True):
        for name in names:
            if name not in table.columns:
                raise missing_column(table.columns, name, file)
    try:
        return pl.concat([table.select(names) for table in tables], how="vertical_relaxed")
    except pl.exceptions.PolarsError:
        for name in names:
            _require_one_type(name, tables, files)
        raise


def _require_one_type(name: str, tables: list[pl.DataFrame], files: list[Path]) -> None:
    try:
        pl.concat([table.select(name) for table in tables], how="vertical_relaxed")
    except pl.exceptions.PolarsError:
        told = ", ".join(
            f"{table[name].dtype} in {file}" for table, file in zip(tables, files, strict=True)
        )
        raise DataError(f'column "{name}" is not alike in the files of the parts: {told}') from None
