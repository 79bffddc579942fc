"""Rows of a query: of a file of SQLite, or of PostgreSQL."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from nnspec.errors import DataError, MissingDependencyError
from nnspec.language.databases import is_server

MOST = 20_000_000
"""Rows: a query without an end would fill the memory."""
SUFFIXES = (".db", ".sqlite", ".sqlite3", ".db3")
"""Usual ends of the names of files of SQLite."""
_READING = frozenset(
    {
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_SELECT,
    }
)


def read_query(source: Path | str, query: str) -> pl.DataFrame:
    """Return the rows of a query as a table; raises DataError, MissingDependencyError.

    source: the path of a file of SQLite, or a URL. Whatever the query is, it changes nothing: the
    database is opened to be read, and of SQLite anything but reading is refused.
    """
    read = _postgresql if is_server(str(source)) else _sqlite
    with read(source, query) as (names, found):
        rows = list(islice(found, MOST + 1))
    if len(rows) > MOST:
        raise DataError(f"{source}: the query gives more than {MOST:,} rows; add a LIMIT")
    if not rows:
        raise DataError(f"{source}: the query gives no rows")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(
            f'{source}: the query gives the column "{twice[0]}" twice; name one of them by AS'
        )
    try:
        return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    except (OverflowError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{source}: the rows of the query are no table: {reason}") from None


def notes_of_query(source: object, query: str) -> tuple[str, ...]:
    """Return a note on a query whose rows may come in another order the next time."""
    if re.search(r"\border\s+by\b", query, re.IGNORECASE):
        return ()
    return (
        f"{source}: the query has no ORDER BY, so that its rows may come in another order the next "
        "time, and go to other parts",
    )


@contextmanager
def _sqlite(path: Path | str, query: str) -> Iterator[tuple[list[str], Iterable[Any]]]:
    path = Path(path)
    if not path.is_file():
        what = "that is a folder" if path.is_dir() else "there is no such file"
        raise DataError(f"{path}: {what}; a file of SQLite is expected")

    def allowed(action: int, *_: object) -> int:
        return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            opened.set_authorizer(allowed)
            cursor = opened.execute(query)
            yield _names(cursor.description), cursor
    except (sqlite3.Error, sqlite3.Warning) as error:
        text = str(error)
        if text in ("not authorized", "authorization denied"):
            text = f"a query that reads is expected, and nothing else ({text})"
        raise _failed(path, query, text, _place(query, text)) from None


@contextmanager
def _postgresql(url: Path | str, query: str) -> Iterator[tuple[list[str], Iterable[Any]]]:
    try:
        import psycopg
    except ImportError:
        raise MissingDependencyError("psycopg", "sql") from None
    try:
        with psycopg.connect(str(url), application_name="nnspec") as connection:
            connection.read_only = True
            with connection.cursor() as cursor:
                rows = cursor.stream(query.encode())
                first = list(islice(rows, 1))  # which asks for the columns
                yield _names(cursor.description), _all(first, rows)
    except psycopg.Error as error:
        told = error.diag.message_primary or " ".join(str(error).split())
        at = error.diag.statement_position
        place = int(at) - 1 if at is not None else None
        raise _failed(url, query, told, place) from None


def _all(first: list[Any], others: Iterable[Any]) -> Iterator[Any]:
    yield from first
    yield from others


def _names(description: Sequence[Any] | None) -> list[str]:
    return [str(column[0]) for column in description or ()]


def _place(query: str, told: str) -> int | None:
    """Return where in a query the text stands that SQLite names, if it does so once."""
    found = re.search(r'near "(.+?)": |no such [a-z]+: (?:\w+\.)?(.+)$', told, re.DOTALL)
    if found is None:
        return None
    word = found[1] or found[2]
    places = [each.start() for each in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", query)]
    return places[0] if len(places) == 1 else None


def _failed(source: object, query: str, told: str, place: int | None) -> DataError:
    at = ""
    if place is not None:
        lines = query.splitlines()
        number = min(query.count("\n", 0, place), len(lines) - 1)  # it may be behind the last
        line = lines[number].strip()
        at = f", line {number + 1} of the query ({line})"
    return DataError(f"{source}{at}: the database says: {told}")
