"""Reads a table for each part."""

from pathlib import Path

import polars as pl

from nnspec.emit.emitted.csv_rows import read_rows
from nnspec.emit.emitted.parts import Parts

FILES: dict[str, str] = {}


def read_parts(path: Path) -> tuple[pl.DataFrame, Parts]:
    """Return the rows of all parts, one after the other, and their files."""
    files = [path, *(path.parent / file for file in FILES.values())]
    tables = [read_rows(file) for file in files]
    names = tables[0].columns
    for table, file in zip(tables, files, strict=True):
        if not table.height:
            raise ValueError(f"{file}: there are no rows")
        for name in names:
            if name not in table.columns:
                raise ValueError(f'{file}: there is no column "{name}"')
    try:
        rows = pl.concat(
            [each.select(names) for each in tables], how="vertical_relaxed"
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: the files of the parts differ: {reason}") from None
    return rows, Parts(files, [table.height for table in tables])
