"""Draws a network as an SVG picture: layers as boxes, blocks as groups, shapes on the edges."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from nnspec.errors import printable
from nnspec.layers.shapes import show
from nnspec.network.graph import BlockNode, Graph, LayerNode
from nnspec.support import html

_CHARACTER = 7.0  # width at the font size below
_ROW = 26.0  # between rows: room for a shape
_GAP = 24.0  # between boxes of a row
_PADDING = 14.0
_HEADER = 20.0
_LANE = 16.0  # beside a row, for an edge that passes it

_STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1c2733}"
    ".type{fill:#5b6b7b}.shape{font-size:10px;fill:#5b6b7b}"
    ".layer{fill:#eef4fb;stroke:#7d9cc0}.input{fill:#f3f0fa;stroke:#9a86c4}"
    ".block{fill:#fbfaf5;stroke:#c2b280;stroke-dasharray:4 3}"
    ".edge{fill:none;stroke:#7b8794}"
)


@dataclass
class _Box:
    """A drawn node, placed relative to what holds it."""

    lines: tuple[str, ...]
    kind: str
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    inner: _Drawing | None = None


@dataclass
class _Drawing:
    """A graph's boxes by name, its edges (from, to, label, lane) and its size."""

    boxes: dict[str, _Box] = field(default_factory=dict)
    edges: list[tuple[str, str, str, float | None]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, repr=False)
class Picture:
    """The picture of a network, which notebooks show."""

    name: str
    svg: str

    def write(self, path: str | Path) -> Path:
        """Write it to an .svg file, whole or not at all; raises UsageError."""
        from nnspec.support.files import write_text

        return write_text(path, self.svg)

    def __repr__(self) -> str:
        return printable(f"<Picture {self.name}: {len(self.svg):,} characters of SVG>")

    def _repr_html_(self) -> str:
        # As an image of its own: the styles of a picture would reach the whole page.
        data = b64encode(self.svg.encode()).decode("ascii")
        return f'<img alt="{html.text(self.name)}" src="data:image/svg+xml;base64,{data}">'


def svg(graph: Graph, *, title: str | None = None) -> str:
    """Return the picture of a network; every text in it is escaped."""
    drawing = _lay_out(graph)
    parts: list[str] = []
    _write(drawing, _PADDING, _PADDING + _HEADER, parts)
    width, height = drawing.width + 2 * _PADDING, drawing.height + 2 * _PADDING + _HEADER
    name = _text(title if title is not None else graph.name)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
            f"<title>{name}</title>",
            f"<style>{_STYLE}</style>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#7b8794"/></marker>'
            "</defs>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
            f'<text x="{_PADDING:.0f}" y="{_PADDING + 8:.0f}" font-weight="bold">{name}</text>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _lay_out(graph: Graph) -> _Drawing:
    drawing = _Drawing()
    ranks: dict[str, int] = {}
    source: dict[str, str] = {}
    for name in graph.inputs:
        drawing.boxes[name] = _box((name, "input"), "input")
        ranks[name] = 0
        source[name] = name
    for node in graph.nodes:
        drawing.boxes[node.name] = _layer_box(node) if isinstance(node, LayerNode) else _group(node)
        needs = [source[value] for value in node.inputs]
        ranks[node.name] = 1 + max((ranks[each] for each in needs), default=0)
        source.update(dict.fromkeys(node.outputs, node.name))
    for i, value in enumerate(graph.outputs):
        name = f"\0{i}"
        drawing.boxes[name] = _box((source[value], "output"), "input")
        ranks[name] = 1 + max(ranks.values())
    rows: dict[int, list[str]] = {}
    bottom = max(ranks.values())
    for name, rank in ranks.items():
        rows.setdefault(bottom if name.startswith("\0") else rank, []).append(name)
        ranks[name] = bottom if name.startswith("\0") else rank
    inner = _place(drawing, rows)
    links = [(source[v], node.name, v) for node in graph.nodes for v in node.inputs]
    links += [(source[value], f"\0{i}", value) for i, value in enumerate(graph.outputs)]
    lanes = 0
    for start, end, value in links:
        lane = None
        if ranks[end] - ranks[start] > 1:
            lanes += 1
            lane = inner + lanes * _LANE
        drawing.edges.append((start, end, show(graph.types[value].shape), lane))
    longest = max((len(label) for *_, label, lane in drawing.edges if lane is None), default=0)
    drawing.width = max(inner + lanes * _LANE, drawing.width / 2 + longest * 6 + _PADDING)
    return drawing


def _place(drawing: _Drawing, rows: dict[int, list[str]]) -> float:
    """Put each row of boxes below the last, all centred; return the width they take."""
    widths = {
        rank: sum(drawing.boxes[name].width for name in names) + _GAP * (len(names) - 1)
        for rank, names in rows.items()
    }
    inner = max(widths.values())
    y = 0.0
    for rank in sorted(rows):
        x = (inner - widths[rank]) / 2
        for name in rows[rank]:
            box = drawing.boxes[name]
            box.x, box.y = x, y
            x += box.width + _GAP
        y += max(drawing.boxes[name].height for name in rows[rank]) + _ROW
    drawing.width, drawing.height = inner, y - _ROW
    return inner


def _box(lines: tuple[str, ...], kind: str) -> _Box:
    width = max(len(line) for line in lines) * _CHARACTER + 2 * _PADDING
    return _Box(lines, kind, width, 16.0 * len(lines) + 10)


def _layer_box(node: LayerNode) -> _Box:
    activation = node.layer.output_activation
    kind = node.layer.type if activation is None else f"{node.layer.type} + {activation.type}"
    owner = node.owner or node.tied
    if owner is not None:
        kind = f"{kind} of {owner}"
    return _box((node.name, kind), "layer")


def _group(node: BlockNode) -> _Box:
    """A block with its body inside; repetitions that differ are told by the first of them.

    One that is called again has its inside where it was called first.
    """
    if node.owner is not None:
        return _box((node.name, f"{node.block} of {node.owner}"), "block")
    inner = _lay_out(node.bodies[0])
    times = f" × {len(node.bodies)}" if node.is_repeated else ""
    heading = f"{node.name}: {node.block}{times}"
    width = max(inner.width, len(heading) * _CHARACTER) + 2 * _PADDING
    height = inner.height + 2 * _PADDING + _HEADER
    return _Box((heading,), "block", width, height, inner=inner)


def _write(drawing: _Drawing, x: float, y: float, parts: list[str]) -> None:
    for box in drawing.boxes.values():
        left, top = x + box.x, y + box.y
        parts.append(
            f'<rect class="{box.kind}" x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:.1f}" rx="5"/>'
        )
        if box.inner is not None:
            place = f'x="{left + _PADDING:.1f}" y="{top + 17:.1f}"'
            parts.append(f"<text {place}>{_text(box.lines[0])}</text>")
            offset = (box.width - box.inner.width) / 2
            _write(box.inner, left + offset, top + _PADDING + _HEADER, parts)
            continue
        for i, line in enumerate(box.lines):
            kind = ' class="type"' if i else ""
            parts.append(
                f'<text{kind} x="{left + box.width / 2:.1f}" y="{top + 17 + 16 * i:.1f}" '
                f'text-anchor="middle">{_text(line)}</text>'
            )
    totals = Counter(end for _, end, _, _ in drawing.edges)
    entries: Counter[str] = Counter()
    for start, end, label, lane in drawing.edges:
        entries[end] += 1
        above, below = drawing.boxes[start], drawing.boxes[end]
        x1, y1 = x + above.x + above.width / 2, y + above.y + above.height
        x2, y2 = x + below.x + below.width * entries[end] / (totals[end] + 1), y + below.y
        _write_edge((x1, y1), (x2, y2), label, None if lane is None else x + lane, parts)


def _write_edge(
    start: tuple[float, float],
    end: tuple[float, float],
    label: str,
    lane: float | None,
    parts: list[str],
) -> None:
    (x1, y1), (x2, y2) = start, end
    if lane is None:
        middle = (y1 + y2) / 2
        path = f"M{x1:.1f} {y1:.1f}C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"
        place = f'x="{(x1 + x2) / 2 + 5:.1f}" y="{middle + 3:.1f}"'
    else:
        # Beside the rows that it passes, so that it crosses no box.
        half = _ROW / 2
        path = (
            f"M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + half:.1f} {lane:.1f} {y1:.1f} "
            f"{lane:.1f} {y1 + _ROW:.1f}V{y2 - _ROW:.1f}"
            f"C{lane:.1f} {y2:.1f} {x2:.1f} {y2 - half:.1f} {x2:.1f} {y2:.1f}"
        )
        # Its shape stands on the other edges from the same box, where there is room.
        place = ""
    parts.append(f'<path class="edge" d="{path}" marker-end="url(#arrow)"/>')
    if place:
        parts.append(f'<text class="shape" {place}>{_text(label)}</text>')


def _text(text: str) -> str:
    return escape(printable(text), {'"': "&quot;"})
