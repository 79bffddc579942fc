"""Pieces of HTML for notebooks; every text in them is escaped, since specs are untrusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from nnspec.errors import printable

MOST_ROWS = 60
"""Rows of a table that are shown; the rest is counted."""


def text(value: object) -> str:
    """Return a value as text of a page, control characters shown."""
    return escape(printable(str(value)))


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numeric: int = 0,
    total: int | None = None,
) -> str:
    """Return a table, whose last `numeric` columns stand to the right.

    total: how many rows there are, where `rows` are only the first of them.
    """
    first = len(headings) - numeric
    style = [' style="text-align:left"'] * first + [' style="text-align:right"'] * numeric
    cells = ["".join(f"<th{s}>{text(each)}</th>" for s, each in zip(style, headings, strict=True))]
    rows = list(rows)
    for row in rows[:MOST_ROWS]:
        pairs = zip(style, row, strict=True)
        cells.append("".join(f"<td{s}>{text(each)}</td>" for s, each in pairs))
    more = (len(rows) if total is None else total) - min(len(rows), MOST_ROWS)
    if more:
        cells.append(f'<td colspan="{len(headings)}">and {more:,} more</td>')
    return "<table>" + "".join(f"<tr>{each}</tr>" for each in cells) + "</table>"


def titled(title: str, *parts: str) -> str:
    """Return a heading in bold with what follows it; `parts` are HTML."""
    return f"<div><b>{text(title)}</b>" + "".join(parts) + "</div>"


def lines(texts: Iterable[object]) -> str:
    """Return a line for each text."""
    return "".join(f"<div>{text(each)}</div>" for each in texts)
