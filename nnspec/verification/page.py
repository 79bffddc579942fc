"""The report of a verification as a page that stands on its own, at any width."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nnspec.support import html

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--paper:#fff;--line:#d5dce3;--faint:#54626f;
 --same:#1a7f37;--differs:#c62828;--open:#7a5600}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaee;--paper:#14191e;--line:#36414b;
 --faint:#a3b0bc;--same:#6fcf87;--differs:#ff8f87;--open:#e3b85c}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
 max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.4rem;line-height:1.25}
h2{font-size:1rem;margin:1.5rem 0 .25rem}
table{width:100%;border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.2rem .5rem .2rem 0;
 border-bottom:1px solid var(--line);font-weight:normal}
th{color:var(--faint);font-size:.85em}
.number{text-align:right;white-space:nowrap;width:5rem;font-variant-numeric:tabular-nums}
.verdict{width:30%}
.same{color:var(--same)}.differs{color:var(--differs);font-weight:bold}.open{color:var(--open)}
.small{color:var(--faint);font-size:.85em}
.bar{display:block;width:100%;height:.5rem;margin-top:.15rem}
.track{fill:var(--line)}.fill{fill:currentColor}.limit{stroke:var(--ink);stroke-width:1}
@media (max-width:30rem){.number{width:4rem}th,td{padding-right:.3rem}body{padding:.75rem}}
""".strip()
_DECADES, _LIMIT, _END = 10, 80.0, 100.0
"""Of a bar: powers of ten from its start to the tolerance, where that stands, and its end."""


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
        "<main>",
        f"<h1>{html.text(title)}</h1>",
        _paragraph(told, tone),
        *(_paragraph(text, tone) for text, tone in said),
    ]
    for heading, rows in parts:
        lines += [f"<h2>{html.text(heading)}</h2>", "<table>", _HEADINGS]
        lines += [_row(row) for row in rows]
        lines.append("</table>")
    small = (_paragraph(text, "small") for text in about)
    lines += [*small, "</main>", "</body>", "</html>", ""]
    return "\n".join(lines)


_HEADINGS = (
    '<tr><th scope="col">between</th><th scope="col" class="number">error</th>'
    '<th scope="col" class="number">tolerance</th><th scope="col" class="verdict">verdict</th></tr>'
)


def _paragraph(text: str, tone: str) -> str:
    return f'<p class="{tone}">{html.text(text)}</p>'


def _row(row: Row) -> str:
    return (
        f'<tr><td>{html.text(row.between)}</td><td class="number">{html.text(row.error)}</td>'
        f'<td class="number">{html.text(row.tolerance)}</td>'
        f'<td class="verdict {row.tone}">{html.text(row.verdict)}{_bar(row)}'
        "</td></tr>"
    )


def _bar(row: Row) -> str:
    """Return a picture of the error against the tolerance, on a scale of powers of ten.

    Nothing where there is no tolerance: what is found then is no number.
    """
    if not row.tolerance or not float(row.tolerance):
        return ""
    share = float(row.error) / float(row.tolerance)
    decades = math.log10(share) if 0 < share < math.inf else math.copysign(math.inf, share - 1)
    width = min(max(_LIMIT * (1 + decades / _DECADES), 1.0), _END)
    return (
        f'<svg class="bar" viewBox="0 0 {_END:.0f} 6" preserveAspectRatio="none" role="img" '
        f'aria-label="the error is {share:.1e} of the tolerance">'
        f'<rect class="track" width="{_END:.0f}" height="6"/>'
        f'<rect class="fill" width="{width:.1f}" height="6"/>'
        f'<path class="limit" d="M{_LIMIT:.0f} 0V6"/></svg>'
    )
