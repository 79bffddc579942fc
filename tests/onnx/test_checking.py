"""onnx checks a large graph part by part, and finds there what it finds in the whole."""

from __future__ import annotations

import dataclasses

import pytest

from nnspec.backend import get_backend
from nnspec.errors import UsageError
from nnspec.network.loader import loads
from nnspec_onnx import checking, module

SPEC = """
nnspec: 1
name: Parts
data_format: channels_last
inputs: {x: {shape: [time, 8]}}
layers:
  - {name: a, type: dense, units: 8, activation: relu}
  - {name: b, type: add, inputs: [a, x]}
  - {name: c, type: flip, axis: -1}
  - {name: d, type: dense, units: 8, activation: gelu}
  - {name: e, type: split, sizes: [3, 5]}
  - {name: f, type: concatenate, inputs: [e.1, a, e]}
  - {name: g, type: global_average_pooling1d}
"""


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let parts be small, and count the models that are checked."""
    monkeypatch.setattr(checking, "PART", 2)
    monkeypatch.setattr(module, "NODES", 1)
    checked: list[int] = []
    check_model = checking.onnx.checker.check_model

    def counted(model: object, **settings: bool) -> None:
        checked.append(len(getattr(getattr(model, "graph", None), "node", ())))
        check_model(model, **settings)

    monkeypatch.setattr(checking.onnx.checker, "check_model", counted)
    return checked


def test_parts_of_a_valid_graph_are_valid(parts: list[int]) -> None:
    compiled = get_backend("onnx").compile(loads(SPEC))
    module.Module(compiled.network)  # type: ignore[attr-defined]
    assert len(parts) > 3
    assert sum(parts) == len(compiled.network.nodes)  # type: ignore[attr-defined]


@pytest.mark.parametrize("op_type", ["Not", "NoSuchOperator"])
def test_what_is_wrong_in_a_late_part_is_found(parts: list[int], op_type: str) -> None:
    network = get_backend("onnx").compile(loads(SPEC)).network  # type: ignore[attr-defined]
    last = max(i for i, node in enumerate(network.nodes) if node.op_type == "Add")
    nodes = list(network.nodes)
    nodes[last] = nodes[last]._replace(op_type=op_type, inputs=nodes[last].inputs[:1])
    wrong = dataclasses.replace(network, nodes=tuple(nodes))
    with pytest.raises(UsageError, match="no valid ONNX model"):
        module.Module(wrong)
    assert parts
