"""HTML of the page of a report: it stands on its own, at any width, and is read by keyboard."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nnspec.support import html

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--paper:#fff;--line:#d5dce3;--faint:#54626f;
 --same:#1a7f37;--differs:#c62828;--open:#7a5600;--focus:#0b5cad}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaee;--paper:#14191e;--line:#36414b;
 --faint:#a3b0bc;--same:#6fcf87;--differs:#ff8f87;--open:#e3b85c;--focus:#8cc4ff}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
 max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.4rem;line-height:1.25}
h2{font-size:1.15rem;margin:2rem 0 .25rem}
h3,summary{font-size:1rem;font-weight:bold;margin:1.25rem 0 .25rem}
summary{cursor:pointer;margin:.75rem 0 .25rem}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
.scroll{overflow:auto;border:1px solid var(--line);margin:.5rem 0;max-height:80vh;padding:.25rem}
.scroll img{display:block;margin:0 auto}
.matrix table{width:auto;overflow-wrap:normal}
.matrix th,.matrix td{padding:.3rem .6rem;border:1px solid var(--line)}
.matrix th,.matrix td{max-width:9rem;overflow-wrap:break-word}
dt{color:var(--faint);font-size:.85em}
dd{margin:0 0 .5rem}
.command{font-family:ui-monospace,Menlo,Consolas,monospace;user-select:all}
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
@media print{.scroll{max-height:none;overflow:visible}.scroll img{max-width:100%;height:auto}
 .matrix th,.matrix td{max-width:none;overflow-wrap:anywhere}}
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


class Cell(NamedTuple):
    """A cell of the matrix: the verdict in words, the worst share of the tolerance, and tone."""

    verdict: str
    share: str
    tone: str


class Matrix(NamedTuple):
    """The pairs: what stands at the rows and at the columns, and the cells, by both."""

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Mapping[tuple[str, str], Cell]


class Section(NamedTuple):
    """A network's part of the page: verdict and its tone, what is to be said, the tables.

    picture: the graph as HTML; told: the same in words.
    """

    title: str
    verdict: tuple[str, str]
    said: Sequence[tuple[str, str]]
    matrix: Matrix
    parts: Sequence[tuple[str, Sequence[Row]]]
    picture: str = ""
    told: str = ""


def page(title: str, sections: Sequence[Section], about: Iterable[tuple[str, str]]) -> str:
    """Return the page. about: what reproduces it, each with what it is.

    Every text may break anywhere, so that the page is as wide as its window; what may be wider
    scrolls in a region of its own, and on paper, where nothing scrolls, is made to fit.
    """
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
    ]
    for section in sections:
        if len(sections) > 1:
            lines.append(f"<h2>{html.text(section.title)}</h2>")
        lines += _section(section, "h3" if len(sections) > 1 else "h2")
    lines += ["<h2>How to reproduce</h2>", "<dl>"]
    for name, text in about:
        kind = ' class="command"' if name == COMMAND else ""
        lines.append(f"<dt>{html.text(name)}</dt><dd{kind}>{html.text(text)}</dd>")
    lines += ["</dl>", "</main>", "</body>", "</html>", ""]
    return "\n".join(lines)


COMMAND = "command"
"""Of what reproduces a report: the name of the line to type."""


def _section(section: Section, heading: str) -> Iterable[str]:
    of = f" of {section.title}"
    yield _paragraph(*section.verdict)
    for text, tone in section.said:
        yield _paragraph(text, tone)
    if section.matrix.cells:
        yield f"<{heading}>Pairs</{heading}>"
        yield (
            '<p class="small">Each cell: the verdict, and the largest error as a share of its '
            "tolerance.</p>"
        )
        yield _region(_matrix(section.matrix), f"Matrix of pairs{of}", "matrix")
    if section.picture:
        yield f"<{heading}>Graph</{heading}>"
        yield f'<p class="small">{html.text(section.told)}</p>'
        yield _region(section.picture, f"Graph{of}")
    yield f"<{heading}>Comparisons</{heading}>"
    for name, rows in section.parts:
        yield f"<details open><summary>{html.text(name)}</summary>"
        yield f"<table>\n{_HEADINGS}"
        yield from map(_row, rows)
        yield "</table></details>"


def _region(content: str, name: str, kind: str = "") -> str:
    """Return what scrolls by itself, by the keyboard too."""
    return (
        f'<div class="scroll {kind}" role="region" tabindex="0" aria-label="{html.text(name)}">'
        f"{content}</div>"
    )


def _matrix(matrix: Matrix) -> str:
    heads = "".join(f'<th scope="col">{html.text(each)}</th>' for each in matrix.columns)
    lines = [f"<table><tr><td></td>{heads}</tr>"]
    for row in matrix.rows:
        cells = ""
        for column in matrix.columns:
            cell = matrix.cells.get((row, column))
            if cell is None:
                cells += "<td></td>"
                continue
            share = f'<div class="small">{html.text(cell.share)}</div>' if cell.share else ""
            cells += f'<td class="{cell.tone}">{html.text(cell.verdict)}{share}</td>'
        lines.append(f'<tr><th scope="row">{html.text(row)}</th>{cells}</tr>')
    return "".join(lines) + "</table>"


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
