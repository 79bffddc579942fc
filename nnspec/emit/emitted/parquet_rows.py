"""Reads a Parquet file."""

from pathlib import Path

import polars as pl


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file."""
    try:
        return pl.read_parquet(path, glob=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable .parquet file: {reason}") from None
