"""The picture of a network holds its layers and shapes, and nothing that a browser would run."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import nnspec
from nnspec.layers.shapes import TensorType
from nnspec.network.graph import Graph
from nnspec.show.plot import svg

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_example_is_drawn_whole(path: Path) -> None:
    spec = nnspec.load(path)
    root = ET.fromstring(svg(spec.graph))
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for at in spec.graph.walk():
        assert at.node.name in texts
    for node in spec.graph.nodes:
        assert any(text.startswith(node.name) for text in texts)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        place = {key: float(box.attrib.get(key, 0)) for key in ("x", "y", "width", "height")}
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= width + 1
        assert place["y"] + place["height"] <= height + 1


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
