"""Tables drawn as rich draws them, in a time that lets a network have ten thousand layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import click

GAP = "   "
NARROWEST = 8


def table_lines(
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numeric: int,
    width: int | None = None,
) -> Iterator[str]:
    """Yield the lines of a table of ASCII cells, whose last `numeric` columns stand to the right.

    width: columns of text are folded to fit into so many characters, the widest first.
    """
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    text = len(headings) - numeric
    if width is not None:
        over = sum(widths) + len(GAP) * (len(widths) - 1) + 2 - width
        while over > 0 and (widest := max(widths[:text])) > NARROWEST:
            widths[widths.index(widest)] -= 1
            over -= 1
    form = GAP.join(f"{{:{'<' if i < text else '>'}{size}}}" for i, size in enumerate(widths))
    yield click.style(title, italic=True)
    yield ""
    yield " " + click.style(form.format(*headings), bold=True)
    yield " " + "─" * len(form.format(*headings))
    for row in rows:
        for line in _folded(row, widths):
            yield " " + form.format(*line).rstrip()
    yield ""


def _folded(row: Sequence[str], widths: Sequence[int]) -> Iterator[Sequence[str]]:
    """Yield the row, or where a cell is wider than its column, the lines that it takes."""
    if all(len(cell) <= width for cell, width in zip(row, widths, strict=True)):
        yield row
        return
    parts = (
        [cell[start : start + width] for start in range(0, len(cell), width)]
        for cell, width in zip(row, widths, strict=True)
    )
    yield from zip_longest(*parts, fillvalue="")
