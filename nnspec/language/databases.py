"""Sources of rows that are databases: a file of SQLite, or the URL of PostgreSQL."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from pydantic_core import PydanticCustomError

SERVERS = ("postgresql", "postgres")
"""Schemes of the URL of a server."""
SQLITE = "sqlite:///"
"""The beginning of a path of SQLite as SQLAlchemy writes it."""
_FILES = (".csv", ".parquet", ".jsonl", ".ndjson", ".txt", ".npz")


def is_server(source: str) -> bool:
    """Whether a source is the URL of a server, and not a path."""
    return "://" in source


def without_scheme(source: object) -> object:
    """Return the path of a file of SQLite that is given as SQLAlchemy writes it."""
    return source.removeprefix(SQLITE) if isinstance(source, str) else source


def require_source(source: str, query: str | None) -> None:
    """Raise PydanticCustomError for a query that this source does not take, or a URL without one.

    A password in the URL is refused: a spec is copied, shown and kept with others.
    """
    if not is_server(source):
        if query is not None and source.lower().endswith(_FILES):
            raise PydanticCustomError(
                "nnspec", "`query` is of a database, such as shop.db, and `source` is another file"
            )
        return
    if query is None:
        raise PydanticCustomError("nnspec", "`source` is a database: say its rows by `query`")
    try:
        url = urlsplit(source)
        has_password = url.password is not None
    except ValueError:
        raise PydanticCustomError("nnspec", "`source` is no readable URL") from None
    if url.scheme not in SERVERS:
        raise PydanticCustomError(
            "nnspec",
            "`source` is a URL of {scheme}: rows are of postgresql://user@host/database, or of a "
            "file of SQLite by its path",
            {"scheme": repr(url.scheme)},
        )
    keys = {key.lower() for key, _ in parse_qsl(url.query)}
    if has_password or keys & {"password", "sslpassword"}:
        raise PydanticCustomError(
            "nnspec",
            "`source` holds a password: leave it out, and give it by the environment variable "
            "PGPASSWORD, or in the file ~/.pgpass",
        )
    if not url.path.strip("/"):
        raise PydanticCustomError(
            "nnspec", "`source` names no database: postgresql://user@host/database is expected"
        )


def database_of(source: str) -> str:
    """Return the name of the database that a URL ends with."""
    from urllib.parse import unquote

    return unquote(urlsplit(source).path.strip("/"))
