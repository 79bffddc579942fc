"""Draws a network as an SVG picture: layers with shapes and parameters, blocks as groups."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from nnspec.errors import printable
from nnspec.layers.base import count
from nnspec.layers.shapes import TensorType, show
from nnspec.network.graph import BlockNode, Graph, LayerAt, LayerNode
from nnspec.show.layered import Layout, Line, Link, place, rows_of, too_far
from nnspec.support import html

_LETTER = {"name": 7.3, "type": 7.3, "mark": 8.0, "small": 6.1}  # widths at the font sizes below
_HEIGHT = {"name": 16.0, "type": 16.0, "mark": 16.0, "small": 14.0}
_PADDING = 14.0
_OUTPUT = "\0"  # before the number of an output: no layer has such a name

_STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1c2733}"
    ".type{fill:#5b6b7b}.small{font-size:10px;fill:#5b6b7b}"
    ".layer{fill:#eef4fb;stroke:#7d9cc0}.input{fill:#f3f0fa;stroke:#9a86c4}"
    ".block{fill:#fbfaf5;stroke:#c2b280;stroke-dasharray:4 3}"
    ".edge{fill:none;stroke:#7b8794}"
)
_MARKED = (
    ".marked{stroke:#c62828;stroke-width:3}.mark{font-size:12px;font-weight:bold;fill:#c62828}"
    "@media (prefers-color-scheme:dark){.ground{fill:#14191e}text{fill:#e6eaee}"
    ".type,.small{fill:#a3b0bc}.layer{fill:#1f2c3a}.input{fill:#29243a}.block{fill:#1c211f}"
    ".marked{stroke:#ff8f87}.mark{fill:#ff8f87}}"
)
"""Of a picture in a page: the layers that are marked, and its colours where the page is dark."""


class _Text(NamedTuple):
    """A line of text; kind: `name`, `type`, `mark` or `small`."""

    text: str
    kind: str

    @property
    def width(self) -> float:
        return len(printable(self.text)) * _LETTER[self.kind]


@dataclass
class _Box:
    """A node as it is drawn, with a block's inside."""

    lines: list[_Text]
    kind: str
    inner: _Drawing | None = None
    is_marked: bool = False

    @property
    def heading(self) -> float:
        return sum(_HEIGHT[line.kind] for line in self.lines) + 10

    @property
    def size(self) -> tuple[float, float]:
        width = max(line.width for line in self.lines)
        if self.inner is None:
            return width + 2 * _PADDING, self.heading
        width = max(width, self.inner.layout.width) + 2 * _PADDING
        return width, self.heading + self.inner.layout.height + _PADDING


@dataclass
class _Drawing:
    """A graph's boxes by name, and where they stand."""

    boxes: dict[str, _Box]
    layout: Layout


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
        return image(self.svg, self.name)


def image(picture: str, alt: str) -> str:
    """Return a picture as an image of HTML that stands on its own."""
    data = b64encode(picture.encode()).decode("ascii")
    return f'<img alt="{html.text(alt)}" src="data:image/svg+xml;base64,{data}">'


def svg(graph: Graph, *, title: str | None = None, marked: Collection[str] | None = None) -> str:
    """Return the picture of a network; every text in it is escaped.

    marked: paths of layers at which something diverges, for a picture in a page; with them, it is
    dark where the page is.
    """
    artist = _Artist(dict(_marks(graph, "", marked or ())))
    drawing = artist.lay_out(graph)
    heading = [_Text(title if title is not None else graph.name, "name")]
    heading += _small(_parameters(artist.parameters(graph)))
    top = _PADDING + sum(_HEIGHT[line.kind] for line in heading) + 8
    parts: list[str] = []
    _write_lines(heading, _PADDING, _PADDING, parts, anchor="start")
    _write(drawing, _PADDING, top, parts)
    width = max(drawing.layout.width, *(line.width for line in heading)) + 2 * _PADDING
    height = top + drawing.layout.height + _PADDING
    ground = ' class="ground"' if marked is not None else ""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
            f"<title>{_text(heading[0].text)}</title>",
            f"<style>{_STYLE}{_MARKED if marked is not None else ''}</style>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#7b8794"/></marker>'
            "</defs>",
            f'<rect{ground} width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


class _Artist:
    """Lays out bodies, each once however often it is used."""

    def __init__(self, marks: dict[tuple[int, str], str]) -> None:
        self._marks = marks
        self._drawings: dict[int, _Drawing] = {}
        self._counts: dict[int, int] = {}

    def lay_out(self, graph: Graph) -> _Drawing:
        """Return the boxes of a graph in their places."""
        known = self._drawings.get(id(graph))
        if known is None:
            known = self._drawings[id(graph)] = self._laid_out(graph)
        return known

    def _laid_out(self, graph: Graph) -> _Drawing:
        boxes: dict[str, _Box] = {}
        sources: dict[str, tuple[str, float]] = {}
        for name, type_ in graph.inputs.items():
            boxes[name] = _Box([_Text(name, "name"), *_small(f"input {_shown([type_])}")], "input")
            sources[name] = (name, 0.5)
        for node in graph.nodes:
            box = boxes[node.name] = self._box(node, graph)
            mark = self._marks.get((id(graph), node.name))
            if mark is not None:
                box.is_marked = True
                box.lines.insert(1, _Text(mark, "mark"))
            for i, value in enumerate(node.outputs):
                sources[value] = (node.name, (i + 1) / (len(node.outputs) + 1))
        taken = [(node.name, value) for node in graph.nodes for value in node.inputs]
        ends = []
        for i, value in enumerate(graph.outputs):
            end = f"{_OUTPUT}{i}"
            shape = _shown([graph.types[value]])
            boxes[end] = _Box(
                [_Text(sources[value][0], "name"), *_small(f"output {shape}")], "input"
            )
            taken.append((end, value))
            ends.append(end)
        links = [Link(sources[value][0], name, sources[value][1]) for name, value in taken]
        rows = rows_of(boxes, links, ends)
        far = too_far(rows, links)
        for link in far:
            boxes[link.end].lines += _small(f"takes {link.start}")
        drawn = [link for link in links if link not in far]
        return _Drawing(boxes, place({name: box.size for name, box in boxes.items()}, rows, drawn))

    def _box(self, node: LayerNode | BlockNode, graph: Graph) -> _Box:
        shapes = _shown([graph.types[value] for value in node.outputs])
        if isinstance(node, LayerNode):
            at = LayerAt(node.name, node, graph, "")
            own = sum(count(each.shape) for each in at.parameters())
            is_frozen = not node.layer.__dict__.get("trainable", True)
            return _Box(
                [
                    _Text(node.name, "name"),
                    _Text(_kind(node), "type"),
                    *_small(shapes, _parameters(own, is_frozen=is_frozen)),
                ],
                "layer",
            )
        if node.owner is not None:
            # Its inside is drawn where it was called first.
            kind = _Text(f"{node.block} of {node.owner}", "type")
            return _Box([_Text(node.name, "name"), kind, *_small(shapes)], "block")
        times = f" × {len(node.bodies)}" if node.is_repeated else ""
        heading = _Text(f"{node.name}: {node.block}{times}", "name")
        total = sum(map(self.parameters, node.bodies))
        # Repetitions that differ are told by the first of them.
        inner = self.lay_out(node.bodies[0])
        return _Box([heading, *_small(_parameters(total))], "block", inner)

    def parameters(self, graph: Graph) -> int:
        """Return how many numbers the parameters of a graph hold."""
        known = self._counts.get(id(graph))
        if known is None:
            known = sum(count(each.shape) for _, each in graph.parameters())
            self._counts[id(graph)] = known
        return known


def _marks(
    graph: Graph, prefix: str, marked: Collection[str], drawn: Graph | None = None
) -> Iterator[tuple[tuple[int, str], str]]:
    """Yield what is written to the nodes that are marked, by the graph that is drawn and name.

    drawn: where `graph` is a repetition, the first of them.
    """
    for node in graph.nodes:
        path = f"{prefix}{node.name}"
        key = (id(drawn or graph), node.name)
        if isinstance(node, LayerNode):
            if path in marked:
                yield key, f"DIVERGES: {path}"
            continue
        if not any(each.startswith(f"{path}.") for each in marked):
            continue
        yield key, "DIVERGES inside"
        for body, inner in node.paths(prefix):
            yield from _marks(body, inner, marked, node.bodies[0])


def _kind(node: LayerNode) -> str:
    activation = node.layer.output_activation
    kind = node.layer.type if activation is None else f"{node.layer.type} + {activation.type}"
    owner = node.owner or node.tied
    return kind if owner is None else f"{kind} of {owner}"


def _shown(types: list[TensorType]) -> str:
    return ", ".join(
        show(each.shape) if each.dtype == "float32" else f"{show(each.shape)} {each.dtype}"
        for each in types
    )


def _parameters(number: int, *, is_frozen: bool = False) -> str:
    if not number:
        return ""
    return f"{number:,} {'frozen ' if is_frozen else ''}parameter{'s' if number > 1 else ''}"


def _small(*texts: str) -> list[_Text]:
    return [_Text(text, "small") for text in texts if text]


def _write(drawing: _Drawing, x: float, y: float, parts: list[str]) -> None:
    parts += [_path(line, x, y) for line in drawing.layout.lines]
    for name, box in drawing.boxes.items():
        left, top = (a + b for a, b in zip(drawing.layout.places[name], (x, y), strict=True))
        width, height = box.size
        parts.append(
            f'<rect class="{box.kind}{" marked" if box.is_marked else ""}" x="{left:.1f}" '
            f'y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="5"/>'
        )
        if box.inner is None:
            _write_lines(box.lines, left + width / 2, top, parts, anchor="middle")
            continue
        _write_lines(box.lines, left + _PADDING, top, parts, anchor="start")
        inside = (width - box.inner.layout.width) / 2
        _write(box.inner, left + inside, top + box.heading, parts)


def _write_lines(
    lines: list[_Text], x: float, top: float, parts: list[str], *, anchor: str
) -> None:
    for line in lines:
        top += _HEIGHT[line.kind]
        kind = "" if line.kind == "name" else f' class="{line.kind}"'
        parts.append(
            f'<text{kind} x="{x:.1f}" y="{top + 1:.1f}" text-anchor="{anchor}">'
            f"{_text(line.text)}</text>"
        )


def _path(line: Line, x: float, y: float) -> str:
    points = [(x + across, y + down) for across, down in line.points]
    (x1, y1), rest = points[0], points[1:]
    path = f"M{x1:.1f} {y1:.1f}"
    for x2, y2 in rest:
        if x1 == x2:
            path += f"V{y2:.1f}"
        else:
            half = (y1 + y2) / 2
            path += f"C{x1:.1f} {half:.1f} {x2:.1f} {half:.1f} {x2:.1f} {y2:.1f}"
        x1, y1 = x2, y2
    end = ' marker-end="url(#arrow)"' if line.is_end else ""
    return f'<path class="edge" d="{path}"{end}/>'


def _text(text: str) -> str:
    return escape(printable(text), {'"': "&quot;"})
