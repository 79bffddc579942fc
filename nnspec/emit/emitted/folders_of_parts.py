"""Reads a folder of images for each part."""

import os
from pathlib import Path

import polars as pl

from nnspec.emit.emitted.folder_rows import read_rows
from nnspec.emit.emitted.parts import Parts

FILES: dict[str, str] = {}


def read_parts(path: Path) -> tuple[pl.DataFrame, Parts]:
    """Return the images of all parts, by paths from the folder that holds all of them."""
    files = [
        path.resolve(),
        *((path.parent / file).resolve() for file in FILES.values()),
    ]
    top = Path(os.path.commonpath(files))
    tables = []
    for file in files:
        below = pl.lit(f"{file.relative_to(top).as_posix()}/") + pl.col("file")
        tables.append(read_rows(file).with_columns(below.alias("file")))
        if tables[-1].columns != tables[0].columns:
            raise ValueError(f"{file}: the images have no labels, and others have")
    parts = Parts(files, [table.height for table in tables])
    parts.parent = top
    return pl.concat(tables), parts
