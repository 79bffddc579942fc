"""Plain texts as tables: a row for each line, or for each window of tokens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from nnspec.errors import DataError
from nnspec.language.texts import PATTERNS, Cut, Tokens

SUFFIX = ".txt"
COLUMNS = ("text", "position")
"""The text of a row, and the number, from 1, of its line or its first token."""
_CONTINUES, _OF_BYTE = 0x80, 0xC0
"""A byte of UTF-8 that goes on with a sign has the first of these in the bits of the second."""


def read_lines(path: Path) -> pl.DataFrame:
    """Return the lines of a file that are not empty; raises DataError, OSError."""
    lines = pl.Series("text", _text(path).split("\n"), dtype=pl.String)
    rows = pl.DataFrame([lines, pl.Series("position", range(1, len(lines) + 1), dtype=pl.Int64)])
    return rows.filter(lines.str.strip_chars() != "")


def read_windows(path: Path, by: Cut) -> pl.DataFrame:
    """Return a file cut into windows, one after the other; raises DataError, OSError.

    The last one has what is left. Of bytes a window ends before a sign that does not fit whole; a
    tokenizer may part a sign, so that its windows are lists of numbers.
    """
    text = _text(path)
    if by.tokenizer is not None:
        return _of_ids(text, by.tokenizer, by.length)
    if by.lower:
        text = pl.Series([text]).str.to_lowercase()[0]
    if by.tokens == "bytes":
        found = list(_of_bytes(text, by.length))
    else:
        found = list(_of_tokens(text, by.tokens, by.length))
    return pl.DataFrame(found, schema={"text": pl.String, "position": pl.Int64}, orient="row")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start + 1} is not UTF-8 ({error.reason}); save it as UTF-8"
        ) from None


def _of_ids(text: str, tokenizer: str, length: int) -> pl.DataFrame:
    from nnspec.data.tokenizer_files import ids_of  # which few specs need

    ids = ids_of(text, tokenizer)
    starts = range(0, len(ids), length)
    windows = [ids[start : start + length] for start in starts]
    positions = [start + 1 for start in starts]
    return pl.DataFrame(
        {"text": windows, "position": positions},
        schema={"text": pl.List(pl.Int64), "position": pl.Int64},
    )


def _of_tokens(text: str, tokens: Tokens, length: int) -> Iterator[tuple[str, int]]:
    """Yield the text from the first token of each window to that of the next."""
    if tokens == "characters":
        for start in range(0, len(text), length):
            yield text[start : start + length], start + 1
        return
    # Found as rows are cut later, by the same regular expressions: what is between is no token.
    places, end = [], 0
    for token in pl.Series([text]).str.extract_all(PATTERNS[tokens])[0]:
        places.append(text.index(token, end))
        end = places[-1] + len(token)
    starts = [*places[::length], len(text)]
    for number, (start, after) in enumerate(itertools.pairwise(starts)):
        yield text[start:after], number * length + 1


def _of_bytes(text: str, length: int) -> Iterator[tuple[str, int]]:
    data, start = text.encode(), 0
    while start < len(data):
        end = min(start + length, len(data))
        while end < len(data) and data[end] & _OF_BYTE == _CONTINUES:
            end -= 1
        yield data[start:end].decode(), start + 1
        start = end
