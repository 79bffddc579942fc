"""As many rows are in a network at once as memory holds, whatever a network makes of a row."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_cases import random_weights

from nnspec.backend import onnx_backend
from nnspec.deploy import batching
from nnspec.deploy.exporting import export
from nnspec.deploy.predicting import predict
from nnspec.network.loader import loads
from nnspec.weights.canonical import save_weights
from nnspec_onnx import wire

SPEC = """
nnspec: 1
name: Attentive
data_format: channels_last
inputs: {tokens: {shape: [LENGTH], dtype: int64}}
layers:
  - {type: embedding, input_dim: 50, output_dim: 8}
  - {type: multi_head_attention, num_heads: 4}
  - {type: global_average_pooling1d}
  - {name: out, type: dense, units: 2, activation: softmax}
"""
SCORES = 4 * 64 * 64 * 4
"""Bytes of the scores of 64 tokens, four heads of float32."""


def exported(folder: Path, length: object) -> Path:
    spec = loads(SPEC.replace("LENGTH", str(length)))
    weights = save_weights(folder / "w.safetensors", random_weights(spec.graph, 0))
    return export(spec, folder / "m.onnx", weights=weights).path


@pytest.mark.parametrize("length", [64, "time"])
def test_what_a_row_takes_is_known(tmp_path: Path, length: object) -> None:
    """An operator takes and gives the scores; a dynamic axis is as long as the rows have it."""
    model = exported(tmp_path, length)
    found = onnx_backend().bytes_of_a_row(model, {"tokens": (64,)})
    assert 2 * SCORES <= found < 4 * SCORES


def test_nothing_is_said_of_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    assert onnx_backend().bytes_of_a_row(tmp_path / "m.onnx", {}) == 0
    assert onnx_backend().bytes_of_a_row(tmp_path / "none.onnx", {}) == 0


def test_weights_are_no_part_of_a_row(tmp_path: Path) -> None:
    """Also where they are stored as whole numbers, and made floats by an operator."""
    helper, rng = onnx.helper, np.random.default_rng(0)
    small = rng.integers(-9, 9, (200, 300), dtype=np.int8)
    tensors = [
        onnx.numpy_helper.from_array(small, "q"),
        onnx.numpy_helper.from_array(np.float32(0.1), "scale"),
        onnx.numpy_helper.from_array(np.array([-1, 20, 15], np.int64), "shape"),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Reshape", ["h", "shape"], ["y"]),
    ]
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", kind, ["rows", 200])],
        [helper.make_tensor_value_info("y", kind, ["rows", 20, 15])], tensors,
    )  # fmt: skip
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    found = onnx_backend().bytes_of_a_row(tmp_path / "m.onnx", {"x": (200,)})
    assert found == 2 * 300 * 4


def test_large_tensors_are_skipped(tmp_path: Path) -> None:
    """What is left is the model but for their numbers; a file that was cut is none."""
    model = exported(tmp_path, 64)
    whole = onnx.load(model)
    with model.open("rb") as file:
        left = onnx.load_model_from_string(wire.without_tensors(file, 40))
    assert [*left.graph.node] == [*whole.graph.node]
    assert [*left.metadata_props] == [*whole.metadata_props]
    for tensor, given in zip(left.graph.initializer, whole.graph.initializer, strict=True):
        assert (tensor.name, tensor.dims) == (given.name, given.dims)
        assert tensor.raw_data == (given.raw_data if len(given.raw_data) <= 40 else b"")
    assert any(len(given.raw_data) > 40 for given in whole.graph.initializer)
    content = model.read_bytes()
    for size in (1, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.onnx").write_bytes(content[:size])
        assert onnx_backend().bytes_of_a_row(tmp_path / "cut.onnx", {"tokens": (64,)}) == 0


def test_fewer_rows_go_in_where_each_takes_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = exported(tmp_path, "time")
    rows = {"tokens": np.random.default_rng(0).integers(0, 50, (90, 64))}
    told: list[int] = []
    whole = predict(model, rows, on_rows=lambda done, _: told.append(done)).outputs["out"]
    assert told == [90]
    monkeypatch.setattr(batching, "LARGE_OPERATOR", 100 * SCORES)
    few = predict(model, rows, on_rows=lambda done, _: told.append(done)).outputs["out"]
    assert len(told) > 2
    assert max(np.diff(told[1:])) <= 50
    np.testing.assert_allclose(few, whole, rtol=1e-5, atol=1e-7)
    monkeypatch.setattr(batching, "LARGE_OPERATOR", 1)
    told.clear()
    predict(model, {"tokens": rows["tokens"][:20]}, on_rows=lambda done, _: told.append(done))
    assert told == list(range(1, 21))
