"""The report of a verification as a page that stands on its own, at any width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nnspec.support import html

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c2733;background:#fff;max-width:60rem;
 margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.4rem;line-height:1.25}
h2{font-size:1rem;margin:1.5rem 0 .25rem}
table{width:100%;border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.2rem .5rem .2rem 0;
 border-bottom:1px solid #e1e6eb;font-weight:normal}
th{color:#5b6b7b;font-size:.85em}
.number{text-align:right;white-space:nowrap;width:5rem;font-variant-numeric:tabular-nums}
.verdict{width:30%}
.same{color:#1a7f37}.differs{color:#c62828;font-weight:bold}.open{color:#8a6100}
.small{color:#5b6b7b;font-size:.85em}
""".strip()


class Row(NamedTuple):
    """A line of a table; tone: `same`, `differs` or `open`, where nothing was compared."""

    between: str
    error: str
    tolerance: str
    verdict: str
    tone: str


def page(
    title: str,
    verdict: tuple[str, str],
    said: Iterable[tuple[str, str]],
    parts: Iterable[tuple[str, Sequence[Row]]],
    about: Iterable[str],
) -> str:
    """Return the page: the verdict and its tone, what is to be said, the tables, small print.

    Every text may break anywhere, so that the page is as wide as its window.
    """
    told, tone = verdict
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.text(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{html.text(title)}</h1>",
        _paragraph(told, tone),
        *(_paragraph(text, tone) for text, tone in said),
    ]
    for heading, rows in parts:
        lines += [f"<h2>{html.text(heading)}</h2>", "<table>", _HEADINGS]
        lines += [_row(row) for row in rows]
        lines.append("</table>")
    lines += [*(_paragraph(text, "small") for text in about), "</body>", "</html>", ""]
    return "\n".join(lines)


_HEADINGS = (
    '<tr><th scope="col">between</th><th scope="col" class="number">error</th>'
    '<th scope="col" class="number">tolerance</th><th scope="col" class="verdict"></th></tr>'
)


def _paragraph(text: str, tone: str) -> str:
    return f'<p class="{tone}">{html.text(text)}</p>'


def _row(row: Row) -> str:
    return (
        f'<tr><td>{html.text(row.between)}</td><td class="number">{html.text(row.error)}</td>'
        f'<td class="number">{html.text(row.tolerance)}</td>'
        f'<td class="verdict {row.tone}">{html.text(row.verdict)}</td></tr>'
    )
