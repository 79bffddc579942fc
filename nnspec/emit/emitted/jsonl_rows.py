"""Reads JSON lines: an object for each row."""

from pathlib import Path

import polars as pl


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file."""
    try:
        return pl.read_ndjson(path, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} holds no readable JSON lines: {reason}") from None
