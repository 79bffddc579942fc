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


TONES = {"same": "#1a7f37", "differs": "#b3261e", "open": "#7a5c00"}
"""The grounds of verdicts, on which white is read in a light notebook and in a dark one."""


def badge(shown: object, tone: str) -> str:
    """Return a verdict on a ground of its own; `tone` is a key of TONES."""
    style = f"background:{TONES[tone]};color:#fff;padding:0 .4em;border-radius:3px"
    return f'<div><span style="{style}"><b>{text(shown)}</b></span></div>'


def folded(summary: object, *parts: str, is_open: bool = False) -> str:
    """Return what opens at a click on its summary; `parts` are HTML."""
    opened = " open" if is_open else ""
    return f"<details{opened}><summary>{text(summary)}</summary>{''.join(parts)}</details>"


def lines(texts: Iterable[object]) -> str:
    """Return a line for each text."""
    return "".join(f"<div>{text(each)}</div>" for each in texts)
