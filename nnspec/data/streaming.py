"""Reads a table part by part, as numbers, when all of it is in order.

What is not leaves the reading to `files.read`, which finds the row at fault, and says it.
"""

from __future__ import annotations

import codecs
import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from nnspec.data import json_text
from nnspec.data.csv_text import require_readable
from nnspec.errors import DataError

SUFFIXES = (".csv", ".parquet", *json_text.SUFFIXES)
READ = 2**16
"""Rows that are read at once."""
PART = 2**13
"""Rows that are given at once: their numbers stay in the processor's cache."""
BYTES = 2**20
"""Bytes of text that are looked at at once."""


def parts(path: Path, floats: Sequence[str], others: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield these columns of a file of SUFFIXES, some rows at a time.

    floats: columns that are read as float64. others: columns that stay as they are, which in a
    .csv file is text. Raises DataError or a PolarsError for whatever `files.read` might refuse.
    """
    columns = [*floats, *others]
    if path.suffix.lower() == ".csv":
        require_readable(path)
        _require_text(path)
        table = pl.scan_csv(
            path,
            infer_schema=False,
            schema_overrides=dict.fromkeys(floats, pl.Float64),
            glob=False,
        )
        names = table.collect_schema().names()
        if any(re.search(r"_duplicated_\d+\Z", name) for name in names):
            raise DataError(f"{path}: the header may have a column twice")
        if any('""' in name for name in names):
            raise DataError(f"{path}: the header has quotes, which polars leaves doubled")
        # All columns are read: else polars would not see that a row has too many values.
    elif path.suffix.lower() == ".parquet":
        table = pl.scan_parquet(path, glob=False).select(columns)
    else:
        if wrong := json_text.wrong_line(path):
            raise DataError(f"{path}: {wrong}")
        named = glob.escape(str(path))  # a name with brackets would be a pattern
        table = pl.scan_ndjson(named, infer_schema_length=None).select(columns)
    for batch in table.collect_batches(chunk_size=READ, maintain_order=True):
        for start in range(0, batch.height, PART):
            yield batch.select(columns).slice(start, PART)


def _require_text(path: Path) -> None:
    """Raise DataError where text is not UTF-8, in columns that nobody reads too."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while content := file.read(BYTES):
                decoder.decode(content)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: the text is not UTF-8") from error
