"""A model whose number of rows is fixed at export, for runtimes that want it so."""

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from nnspec.backend import get_backend
from nnspec.cli import main
from nnspec.deploy.exporting import export
from nnspec.errors import UsageError
from nnspec.network.loader import loads
from nnspec.weights.canonical import initial_weights
from nnspec_onnx.options import DirectOptions

TEXT = """
nnspec: 1
name: Rows
inputs:
  x: {shape: [time, 4]}
  lengths: {shape: [], dtype: int32}
layers:
  - {name: states, type: lstm, units: 3, return_sequences: true, inputs: [x, lengths]}
  - {name: placed, type: position_embedding, max_length: 9}
  - {name: heads, type: multi_head_attention, num_heads: 3}
"""


def test_a_fixed_batch_is_declared_and_computes_the_same(tmp_path):
    spec = loads(TEXT)
    weights = initial_weights(spec.graph, 0)
    path = export(spec, tmp_path / "rows.onnx", weights=weights, batch=3).path
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_value == 3
    # What depends on the number of rows is a constant: no operator asks an input for it.
    shapes = [node for node in model.graph.node if node.op_type == "Shape"]
    assert all({a.name: a.i for a in node.attribute}.get("start", 0) > 0 for node in shapes)
    draw = np.random.default_rng(0)
    inputs = {
        "x": draw.normal(size=(3, 7, 4)).astype(np.float32),
        "lengths": np.array([7, 2, 5], np.int32),
    }
    onnx_backend = get_backend("onnx")
    fixed = onnx_backend.compile(spec, DirectOptions(batch=3)).build(weights).forward(inputs)
    free = onnx_backend.compile(spec).build(weights).forward(inputs)
    for name, values in free.items():
        np.testing.assert_array_equal(fixed[name], values)


def test_the_command_line_fixes_the_batch(tmp_path):
    (tmp_path / "rows.yaml").write_text(TEXT)
    output = tmp_path / "rows.onnx"
    result = CliRunner().invoke(
        main, ["export", str(tmp_path / "rows.yaml"), "-o", str(output), "--batch", "2"]
    )
    assert result.exit_code == 0, result.output
    shape = onnx.load(output).graph.input[0].type.tensor_type.shape
    assert [dim.dim_value or dim.dim_param for dim in shape.dim] == [2, "time", 4]


def test_only_the_direct_export_fixes_the_batch(tmp_path):
    spec = loads(TEXT)
    with pytest.raises(UsageError, match="leave out batch"):
        export(spec, tmp_path / "rows.onnx", via="torch", batch=2)
    with pytest.raises(UsageError, match="batch is 0, and at least 1 is expected"):
        export(spec, tmp_path / "rows.onnx", batch=0)
