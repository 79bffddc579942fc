"""Reads the rows of a query, of a file of SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl

QUERY = "SELECT * FROM rows"


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of the query, of a database that is a file."""
    uri = f"{path.absolute().as_uri()}?mode=ro"  # which changes nothing
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            cursor = connection.execute(QUERY)
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise ValueError(f"{path}: the database says: {error}") from None
    if not rows or len(set(names)) < len(names):
        raise ValueError(
            f"{path}: rows with names for the columns are expected: {names}"
        )
    return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
