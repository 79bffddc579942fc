"""The text of a .csv file: its encoding, its line ends, its separator, the line of a row."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nnspec.data import json_text
from nnspec.errors import DataError

HEAD = 2**16
"""Bytes that are looked at before a file is read."""
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def require_readable(path: Path) -> None:
    """Raise DataError, with the way out, for what is read wrongly or not at all.

    That is text that is not UTF-8, lines that end in a carriage return alone, a separator that is
    no comma.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(
            f"{path}: the text is not UTF-8, but UTF-16; save the file as UTF-8 "
            "(`iconv -f UTF-16 -t UTF-8`)"
        )
    if b"\n" not in head and b"\r" in head.rstrip(b"\r"):
        raise DataError(
            f"{path}: the lines end in a carriage return alone, as on old Macs; save it with line "
            "feeds"
        )
    lines = head.lstrip(b"\r\n").splitlines()
    header = lines[0] if lines else b""
    try:
        text = header.decode("utf-8-sig")
    except UnicodeDecodeError:
        if len(lines) > 1 or len(head) < HEAD:
            raise not_utf8(path) from None
        return
    if "," in text or len(lines) < 2:
        return
    second = lines[1].decode("utf-8", "replace")
    for separator, name in _SEPARATORS.items():
        if text.count(separator) == second.count(separator) > 0:
            raise DataError(
                f"{path}: the columns are separated by {name}; commas are expected: save it "
                "with commas (and with points in numbers), or as .parquet"
            )


def not_utf8(path: Path) -> DataError:
    """Return the error for a file that is not UTF-8, with the first line that is not."""
    line = None
    with path.open("rb") as file:
        for number, content in enumerate(file, start=1):
            try:
                content.decode()
            except UnicodeDecodeError:
                line = number
                break
    at = f", line {line}" if line is not None else ""
    return DataError(
        f"{path}{at}: the text is not UTF-8; save the file as UTF-8 (`iconv -f LATIN1 -t UTF-8`, "
        "if it is Latin-1)"
    )


@contextmanager
def _long_values() -> Iterator[None]:
    """Let a value be as long as it is: Python's reader refuses more than 131,072 characters."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def wrong_line(path: Path) -> str:
    """Return which line has more values than the header has columns, or no end of a quote.

    An empty text is returned where none has.
    """
    columns, first = 0, 1
    with (
        suppress(OSError),
        _long_values(),
        path.open(encoding="utf-8-sig", errors="replace", newline="") as text,
    ):
        reader = csv.reader(text, strict=True)
        try:
            for record in reader:
                columns = columns or len(record)
                if len(record) > columns:
                    given = f"line {first} has {len(record)} values"
                    return f"{given}, and the header {columns} columns"
                first = reader.line_num + 1
        except csv.Error:
            return f"the quotes of line {first} are not in order"
    return ""


def line_of(file: object, row: int) -> int | None:
    """Return the line, from 1, at which a row of a text file begins, or None for other files.

    Rows count from 0 after the header. A quoted value may go over several lines.
    """
    if not isinstance(file, str | Path):
        return None
    suffix = Path(file).suffix.lower()
    if suffix in json_text.SUFFIXES:
        with suppress(OSError):
            return json_text.line_of(Path(file), row)
    if suffix != ".csv":
        return None
    try:
        with (
            _long_values(),
            Path(file).open(encoding="utf-8-sig", errors="replace", newline="") as text,
        ):
            reader = csv.reader(text)
            first, found = 1, -1
            for record in reader:
                # Blank lines before the header are no rows; later ones are rows without values.
                if record or found >= 0:
                    if found == row:
                        return first
                    found += 1
                first = reader.line_num + 1
    except (OSError, csv.Error):
        pass
    return None
