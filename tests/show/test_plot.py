"""The picture of a network holds its layers and shapes, and nothing that a browser would run."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import nnspec
from nnspec.layers.shapes import TensorType
from nnspec.network.graph import Graph
from nnspec.network.loader import load_any
from nnspec.show import layered
from nnspec.show.plot import svg

FOLDER = Path(__file__).parents[2] / "specs"
SPECS = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("zoo/*.yaml")])
SVG = "{http://www.w3.org/2000/svg}"


class Area(NamedTuple):
    """A rectangle, and what it is."""

    left: float
    top: float
    right: float
    bottom: float
    what: str

    def overlaps(self, other: "Area") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: "Area") -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def boxes_of(root: ET.Element) -> list[Area]:
    found = []
    for box in root.iter(f"{SVG}rect"):
        if "class" in box.attrib:
            x, y, width, height = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
            found.append(Area(x, y, x + width, y + height, box.attrib["class"]))
    return found


def texts_of(root: ET.Element) -> list[Area]:
    """Return the area of each text: letters of a monospaced font are 0.602 of its size wide."""
    found = []
    for text in root.iter(f"{SVG}text"):
        size = 10 if text.attrib.get("class") == "small" else 12
        words = text.text or ""
        width = 0.602 * size * len(words)
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        left = x - width / 2 if text.attrib["text-anchor"] == "middle" else x
        found.append(Area(left, y - 0.8 * size, left + width, y + 0.2 * size, words))
    return found


def points_of(root: ET.Element) -> list[tuple[float, float]]:
    """Return points of the lines, their ends at boxes left out."""
    found = []
    for path in root.iter(f"{SVG}path"):
        if path.attrib.get("class") != "edge":
            continue
        numbers = [
            (kind, [float(number) for number in rest.split()])
            for kind, rest in re.findall(r"([MVC])([^MVC]*)", path.attrib["d"])
        ]
        at, line = (numbers[0][1][0], numbers[0][1][1]), []
        for kind, given in numbers[1:]:
            if kind == "V":
                ends = [at, at, (at[0], given[0]), (at[0], given[0])]
            else:
                ends = [at, (given[0], given[1]), (given[2], given[3]), (given[4], given[5])]
            for i in range(17):
                t = i / 16
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                x, y = (
                    sum(w * end[axis] for w, end in zip(weights, ends, strict=True))
                    for axis in (0, 1)
                )
                line.append((x, y))
            at = ends[-1]
        found += line[1:-1]
    return found


def overlapping(areas: list[Area]) -> Iterator[tuple[Area, Area]]:
    """Yield the pairs that overlap; those that begin below the end of one are passed over."""
    areas = sorted(areas, key=lambda area: area.top)
    for i, one in enumerate(areas):
        for other in areas[i + 1 :]:
            if other.top >= one.bottom:
                break
            if one.overlaps(other):
                yield one, other


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_network_is_drawn_whole_and_nothing_lies_on_anything_else(path: Path) -> None:
    found = load_any(path)
    for spec in [found] if isinstance(found, nnspec.Spec) else found.models.values():
        require_whole(spec)


def require_whole(spec: nnspec.Spec) -> None:
    root = ET.fromstring(svg(spec.graph))
    texts, boxes = texts_of(root), boxes_of(root)
    words = [text.what for text in texts]
    for node in spec.graph.nodes:
        assert any(text.startswith(node.name) for text in words)
    total = sum(layer.parameters for layer in nnspec.summary(spec).layers)
    assert any(text == f"{total:,} parameters" for text in words)
    page = Area(0, 0, float(root.attrib["width"]), float(root.attrib["height"]), "page")
    for area in (*texts, *boxes):
        assert page.holds(area)
    assert not list(overlapping(texts))
    for one, other in overlapping(boxes):
        assert one.holds(other) or other.holds(one), (one, other)
    leaves = [box for box in boxes if box.what != "block"]
    x, y = np.array(points_of(root)).T
    for area in (*leaves, *texts):
        within = (x > area.left + 1) & (x < area.right - 1)
        assert not (within & (y > area.top + 1) & (y < area.bottom - 1)).any(), area


def test_parameters_and_shapes_stand_in_their_boxes() -> None:
    spec = nnspec.loads(
        "{nnspec: 1, name: Net, inputs: {x: {shape: [4], dtype: int64}}, layers: ["
        "{type: embedding, input_dim: 9, output_dim: 2, trainable: false},"
        "{name: once, type: lstm, units: 3, return_state: true},"
        "{type: dense, units: 1}]}"
    )
    root = ET.fromstring(svg(spec.graph))
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert "input (4,) int64" in words
    assert "18 frozen parameters" in words
    assert "4 parameters" in words
    assert "(3,), (3,), (3,)" in words


def test_lines_past_very_many_rows_are_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [f"{{name: d{i}, type: dense, units: 1}}" for i in range(30)]
    layers.append(f"{{type: concatenate, inputs: [{', '.join(f'd{i}' for i in range(30))}]}}")
    spec = nnspec.loads(
        f"{{nnspec: 1, name: Net, inputs: {{x: {{shape: [1]}}}}, layers: [{', '.join(layers)}]}}"
    )
    monkeypatch.setattr(layered, "_MOST_LANES", 100)
    root = ET.fromstring(svg(spec.graph))
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert "takes d0" in words
    assert "takes d28" not in words


def test_every_text_is_escaped() -> None:
    graph = Graph(
        '<script>alert("1")</script>\x1b',
        "channels_first",
        {"a<b>&": TensorType((1,))},
        (),
        (),
        {"a<b>&": TensorType((1,))},
    )
    picture = svg(graph)
    assert "<script" not in picture
    assert "\x1b" not in picture
    assert "a<b>&" in [element.text for element in ET.fromstring(picture).iter()]
