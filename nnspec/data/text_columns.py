"""A .csv file written once as columns, so that one of them is read without the others."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import polars as pl

from nnspec.data.csv_text import require_readable
from nnspec.data.files import POLARS, csv_names, unreadable
from nnspec.errors import DataError


def as_columns(path: Path) -> tuple[pl.LazyFrame, Path]:
    """Return the rows of a .csv file, all as text, and the folder in which their columns lie.

    Whoever asks removes the folder when no more rows are read. Raises DataError for what is no such
    file, and where the disk has no room.
    """
    require_readable(path)
    require_room(path.stat().st_size, path, "its columns take about as much as itself")
    folder = Path(tempfile.mkdtemp(prefix="nnspec-"))
    columns = folder / "rows.parquet"
    try:
        # As text, because a type guessed from the first rows would lose which later value is wrong.
        text = pl.scan_csv(path, infer_schema=False, glob=False)
        text = text.rename(csv_names(text.collect_schema().names(), path))
        text.sink_parquet(columns, maintain_order=True)
        rows = pl.scan_parquet(columns, glob=False)
        filled = pl.any_horizontal(pl.all().is_not_null()).arg_true().max()
        last = rows.select(filled).collect().item()
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, POLARS):
            raise unreadable(path, error) from None
        raise
    return rows.head(0 if last is None else int(last) + 1), folder  # no blank lines at the end


def require_room(size: int, path: Path, why: str) -> None:
    """Raise DataError where the folder for temporary files has not so many bytes."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < size:
        raise DataError(
            f"{path}: {why}: {size / 2**30:.1f} GiB on the disk, and {folder} has "
            f"{free / 2**30:.1f}: let TMPDIR name a folder that has more"
        )
