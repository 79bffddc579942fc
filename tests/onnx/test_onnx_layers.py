"""Every lowering, in double against torch and in single against the double."""

import numpy as np
import onnx
import pytest
from onnx_cases import layer_cases, random_inputs, random_weights, spec_of
from rounding import float32_tolerance, relative
from torch_reference import evaluate

from nnspec.layers import LAYERS
from nnspec.layers.rows import MergeRows, PartRows
from nnspec_onnx import backend
from nnspec_onnx.options import DirectOptions

CASES = layer_cases()
OPSETS = (18, 21, 23)


@pytest.mark.parametrize(
    ("key", "layers", "inputs", "data_format"), CASES, ids=[c[0] for c in CASES]
)
def test_layer(key, layers, inputs, data_format):
    spec = spec_of(layers, inputs=inputs, data_format=data_format)
    weights = random_weights(spec.graph, 1)
    feeds = random_inputs(spec.graph, 2)
    wanted = evaluate(spec.graph, weights, feeds)
    for opset in OPSETS:
        compiled = backend.compile(spec, DirectOptions(opset=opset))
        got = compiled.build(weights, dtype="float64").forward(feeds)
        assert list(got) == list(wanted)
        for name, value in wanted.items():
            assert got[name].dtype == np.float64
            assert relative(got[name], value) < 1e-13
    tolerance = float32_tolerance(compiled, weights, feeds, wanted)
    for optimized in (False, True):
        program = compiled.build(weights, optimized=optimized, threads=1)
        got = program.forward(feeds)
        for name, value in wanted.items():
            assert got[name].dtype == np.float32
            assert relative(got[name], value) < tolerance


@pytest.mark.parametrize(
    ("key", "layers", "inputs", "data_format"), CASES, ids=[c[0] for c in CASES]
)
def test_model_is_valid_and_its_shapes_are_ours(tmp_path, key, layers, inputs, data_format):
    spec = spec_of(layers, inputs=inputs, data_format=data_format)
    for opset in range(18, 24):
        path = backend.compile(spec, DirectOptions(opset=opset)).write(tmp_path / f"{opset}.onnx")
        onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    found = inferred.graph.output[0].type.tensor_type.shape.dim
    shape = spec.graph.types[spec.graph.outputs[0]].shape
    assert found[0].dim_param == "batch"
    for dim, size in zip(found[1:], shape, strict=True):
        if isinstance(size, int):
            assert dim.dim_value == size
        elif dim.dim_param and not dim.dim_param.startswith("unk"):
            assert dim.dim_param == size


def test_table_holds_every_layer_once():
    # What no spec can name is made around layers that are distributed over time.
    known = {*LAYERS.values(), MergeRows, PartRows}
    assert set(backend.layers.lowerings) | set(backend.layers.unsupported) == known
    assert not set(backend.layers.lowerings) & set(backend.layers.unsupported)
