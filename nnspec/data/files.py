"""Reads the rows of a file, whatever kind of file it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from nnspec.data import databases, json_text, plain_text
from nnspec.data.archive import Archive
from nnspec.data.csv_text import not_utf8, require_readable, wrong_line
from nnspec.data.tables import Rows
from nnspec.errors import DataError
from nnspec.language.arrays import ARRAYS, IN_FILES
from nnspec.language.texts import Cut

SUFFIXES = (".csv", ".parquet", *json_text.SUFFIXES, plain_text.SUFFIX, *ARRAYS)

POLARS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""The errors that polars raises for a file that is no such one."""


def read(path: str | Path, cut: Cut | None = None) -> Rows:
    """Read a .csv, .parquet or .jsonl file as a table, an .npz file as arrays; raises DataError.

    Arrays are also those of .npy files, by a pattern, and of a group of Zarr. A folder of images is
    a table too, of the columns `file` and `label`, and so are the lines of a .txt file, or the
    windows that `cut` says, of the columns `text` and `position`.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in IN_FILES:
        from nnspec.data.array_files import Group, Mapped  # which few specs need

        return Mapped(path) if suffix == ".npy" else Group(path)
    if path.is_dir():
        from nnspec.data.folders import read_folder  # which few specs need

        return read_folder(path)
    if suffix in databases.SUFFIXES:
        raise DataError(f"{path}: a file of SQLite: say its rows by `data.query`")
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file is expected")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        rows: Rows = Archive(path) if suffix == ".npz" else _read_table(path, suffix, cut)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    if isinstance(rows, pl.DataFrame) and rows.height == 0:
        raise DataError(f"{path}: there are no rows")
    return rows


def _read_table(path: Path, suffix: str, cut: Cut | None) -> pl.DataFrame:
    if suffix == plain_text.SUFFIX:
        return plain_text.read_lines(path) if cut is None else plain_text.read_windows(path, cut)
    if suffix == ".csv":
        require_readable(path)
    try:
        if suffix == ".parquet":
            return pl.read_parquet(path, glob=False)
        if suffix in json_text.SUFFIXES:
            return _read_json(path)
        # As text, because a type guessed from the first rows would lose which later value is wrong.
        table = pl.read_csv(path, infer_schema=False, glob=False)
    except POLARS as error:
        raise unreadable(path, error) from None
    table = table.rename(csv_names(table.columns, path))
    blank = table.select(pl.all_horizontal(pl.all().is_null())).to_series()
    filled = (~blank).arg_true()
    return table.head(int(filled[-1]) + 1 if len(filled) else 0)  # without blank lines at the end


def csv_names(columns: Sequence[str], path: Path) -> dict[str, str]:
    """Return the columns of a .csv file by what polars calls them; raises DataError for twins."""
    # polars leaves a quote in the header doubled, as it is written.
    names = {name: name.replace('""', '"') for name in columns}
    for name in names.values():
        found = re.fullmatch(r"(.*)_duplicated_\d+", name)
        if found and found[1] in names.values():
            raise DataError(f'{path}: the header has the column "{found[1]}" twice')
    return names


def unreadable(path: Path, error: Exception) -> DataError:
    """Return the error for a table that polars cannot read."""
    if isinstance(error, pl.exceptions.NoDataError):
        return DataError(f"{path}: the file is empty")
    if "utf-8" in str(error):
        return not_utf8(path)
    suffix = path.suffix.lower()
    wrong = {".csv": wrong_line, **dict.fromkeys(json_text.SUFFIXES, json_text.wrong_line)}
    told = (str(error).strip() or type(error).__name__).splitlines()[0]
    reason = wrong.get(suffix, _nothing)(path) or told
    return DataError(f"{path} is no readable {suffix} file: {reason}")


def _read_json(path: Path) -> pl.DataFrame:
    if not path.stat().st_size:
        raise pl.exceptions.NoDataError
    # Of the types of all rows, because one that only later rows have would be an error.
    with path.open("rb") as file:  # a name with brackets would be a pattern
        table = pl.read_ndjson(file, infer_schema_length=None)
    # polars takes the first of two values of one name.
    if wrong := json_text.wrong_line(path):
        raise pl.exceptions.ComputeError(wrong)
    return table


def _nothing(path: Path) -> str:
    return ""
