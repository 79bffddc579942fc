"""A fault within a layer of an ONNX model is placed at its node, by nnspec's own nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

import nnspec
from tests.judge.test_against import judged, spec_of

DOCUMENT: dict[str, Any] = {
    "nnspec": 1,
    "name": "Nodes",
    "inputs": {"x": {"shape": [6, 8]}},
    "layers": [
        {"name": "wide", "type": "dense", "units": 8},
        {"name": "rooted", "type": "rms_normalization"},
        {"name": "attended", "type": "multi_head_attention", "num_heads": 2},
        {"name": "bright", "type": "rescaling", "scale": 3.0, "offset": 0.5},
        {"name": "scores", "type": "dense", "units": 3},
    ],
}


def swapped(node: Any) -> None:
    first, second = node.input
    node.input[0], node.input[1] = second, first


def largest(node: Any) -> None:
    node.op_type = "ReduceMax"


def passed(node: Any) -> None:
    node.op_type = "Identity"
    del node.input[1:]


def turned(node: Any) -> None:
    (order,) = [each for each in node.attribute if each.name == "perm"]
    node.attribute.remove(order)
    # The features of all heads come one after the other, and not those of each head.
    node.attribute.append(onnx.helper.make_attribute("perm", [0, 2, 3, 1]))


CASES: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "the last of several nodes": ("rooted.normalized", swapped, "rooted"),
    "a node in the middle": ("rooted.mean", largest, "rooted"),
    "a node that is left out": ("attended.scores", passed, "attended"),
    "a node that moves numbers": ("attended.by_position", turned, "attended"),
    "a factor that is left out": ("bright.product", passed, "bright"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_placed_at_its_node(case: str, tmp_path: Path) -> None:
    name, change, layer = CASES[case]
    path = tmp_path / "net.onnx"
    nnspec.export(spec_of(DOCUMENT), path)
    model = onnx.load(path)
    nodes = {node.name: node for node in model.graph.node}
    assert name in nodes, sorted(nodes)
    change(nodes[name])
    onnx.save(model, path)
    report = judged(DOCUMENT, str(path))
    assert report.verdict == "not the same", report.to_json()
    fault = report.faults[0]
    assert fault.layer == layer
    assert f'node "{name}"' in fault.places[0], fault


def test_nodes_of_another_form_are_no_fault(tmp_path: Path) -> None:
    """An exporter may write a division as a product with the reciprocal: that gives the same."""
    path = tmp_path / "net.onnx"
    nnspec.export(spec_of(DOCUMENT), path)
    model = onnx.load(path)
    nodes = {node.name: node for node in model.graph.node}
    divided = nodes["rooted.normalized"]
    place = list(model.graph.node).index(divided)
    first, second = divided.input
    inverse = onnx.helper.make_node("Reciprocal", [second], ["inverse"], name="inverse")
    product = onnx.helper.make_node("Mul", [first, "inverse"], [*divided.output], name="product")
    model.graph.node.remove(divided)
    model.graph.node.insert(place, product)
    model.graph.node.insert(place, inverse)
    passed(nodes["bright.product"])
    onnx.save(model, path)
    report = judged(DOCUMENT, str(path))
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].layer == "bright"
    assert 'node "bright.product"' in report.faults[0].places[0]
