"""Reads the rows of a query, of PostgreSQL."""

from pathlib import Path

import polars as pl
import psycopg

SERVER = "postgresql://localhost/rows"
QUERY = "SELECT * FROM rows"


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of the query; path: the name of a database on the server."""
    try:
        with psycopg.connect(SERVER, dbname=str(path)) as connection:
            connection.read_only = True
            cursor = connection.execute(QUERY.encode())
            names = [column.name for column in cursor.description or ()]
            rows = cursor.fetchall() if names else []
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: the database says: {reason}") from None
    if not rows or len(set(names)) < len(names):
        raise ValueError(
            f"{path}: rows with names for the columns are expected: {names}"
        )
    return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
