"""Reads JSON lines: an object for each row."""

from pathlib import Path

import polars as pl


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file."""
    try:
        with path.open("rb") as file:  # a name with brackets would be a pattern
            return pl.read_ndjson(file, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} holds no readable JSON lines: {reason}") from None
