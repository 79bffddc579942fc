"""Files: one or two, whole or not at all, metadata, models of other exporters."""

import os
import tracemalloc

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_cases import random_inputs, random_weights, spec_of

from nnspec.errors import UsageError
from nnspec_onnx import backend, wire
from nnspec_onnx.module import PAGE
from nnspec_onnx.options import DirectOptions
from nnspec_onnx.runtime import load_program

LAYERS = [
    {"name": "c", "type": "conv2d", "filters": 8, "kernel_size": 3, "padding": "same"},
    {"type": "gelu"},
    {"type": "global_average_pooling2d"},
    {"name": "wide", "type": "dense", "units": 900},
    {"type": "reshape", "shape": [30, 30]},
    {"name": "rows", "type": "dense", "units": 20},
]


@pytest.fixture
def spec():
    return spec_of(LAYERS, inputs=(2, 6, 6), name="Files")


@pytest.fixture
def weights(spec):
    return {key: value.astype(np.float32) for key, value in random_weights(spec.graph, 0).items()}


def stored(path):
    return {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
    }


def test_one_file_holds_every_weight_bit_for_bit(tmp_path, spec, weights):
    path = backend.compile(spec).write(tmp_path / "m.onnx", weights)
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]
    tensors = stored(path)
    np.testing.assert_array_equal(tensors["wide.weight"], weights["wide.weight"])
    np.testing.assert_array_equal(tensors["rows.weight_transposed"], weights["rows.weight"].T)
    np.testing.assert_array_equal(tensors["reshape_1.shape"], [0, 30, 30])
    # What onnx itself writes of the model is the same model.
    model = onnx.load(path)
    assert onnx.load_from_string(model.SerializeToString()) == model


def test_equal_networks_give_equal_files(tmp_path, spec, weights):
    one = backend.compile(spec).write(tmp_path / "1.onnx", weights).read_bytes()
    two = backend.compile(spec).write(tmp_path / "2.onnx", dict(reversed(weights.items())))
    assert two.read_bytes() == one


def test_external_data_round_trip(tmp_path, spec, weights):
    compiled = backend.compile(spec)
    path = compiled.write(tmp_path / "m.onnx", weights, external_data=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    assert path.stat().st_size < 6000
    onnx.checker.check_model(str(path), full_check=True)
    one = compiled.write(tmp_path / "one.onnx", weights)
    two, whole = stored(path), stored(one)
    assert list(two) == list(whole)
    for name, tensor in two.items():
        np.testing.assert_array_equal(tensor, whole[name])
    places = {
        tensor.name: {entry.key: entry.value for entry in tensor.external_data}
        for tensor in onnx.load(path, load_external_data=False).graph.initializer
    }
    assert places["wide.weight"]["location"] == "m.onnx.data"
    assert all(int(place["offset"]) % PAGE == 0 for place in places.values() if place)
    assert not places["reshape_1.shape"]
    feeds = random_inputs(spec.graph, 0)
    for dtype in ("float32", "float64"):
        got = load_program(path, spec.graph, dtype=dtype).forward(feeds)
        wanted = load_program(one, spec.graph, dtype=dtype).forward(feeds)
        np.testing.assert_array_equal(got["rows"], wanted["rows"])


def test_a_model_too_large_for_one_file_takes_two(tmp_path, spec, weights, monkeypatch):
    monkeypatch.setattr(wire, "MESSAGE_LIMIT", 20_000)
    compiled = backend.compile(spec)
    path = compiled.write(tmp_path / "m.onnx", weights)
    assert (tmp_path / "m.onnx.data").exists()
    assert path.stat().st_size < 6000
    feeds = random_inputs(spec.graph, 0)
    got = compiled.build(weights).forward(feeds)["rows"]
    np.testing.assert_array_equal(got, load_program(path, spec.graph).forward(feeds)["rows"])
    exact = compiled.build(weights, dtype="float64").forward(feeds)["rows"]
    np.testing.assert_allclose(got, exact, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("external_data", [False, True])
def test_writing_copies_little(tmp_path, external_data):
    layers = [{"name": f"d{i}", "type": "dense", "units": 1500} for i in range(8)]
    spec = spec_of(layers, inputs=(1500,))
    rng = np.random.default_rng(0)
    weights = {
        name: rng.random(parameter.shape, dtype=np.float32)
        for name, parameter in spec.graph.parameters()
    }
    size = sum(value.nbytes for value in weights.values())
    compiled = backend.compile(spec)
    tracemalloc.start()
    compiled.write(tmp_path / "m.onnx", weights, external_data=external_data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.2 * size


@pytest.mark.parametrize("external_data", [False, True])
def test_a_failed_write_leaves_what_was_there(tmp_path, spec, weights, external_data):
    class Broken(dict):
        def __getitem__(self, key):
            if key == "rows.bias":
                raise OSError("no more tensors")
            return super().__getitem__(key)

    compiled = backend.compile(spec)
    compiled.write(tmp_path / "m.onnx", weights, external_data=external_data)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    module_weights = Broken(weights)
    with pytest.raises((UsageError, OSError), match="no more tensors"):
        _module(compiled).write(tmp_path / "m.onnx", module_weights, external_data=external_data)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def _module(compiled):
    from nnspec_onnx.module import Module

    return Module(compiled.network)


def test_metadata_and_versions(tmp_path, spec):
    compiled = backend.compile(spec, DirectOptions(opset=22))
    path = compiled.write(tmp_path / "m.onnx", preprocessing='{"a": "é"}')
    model = onnx.load(path)
    assert (model.ir_version, model.producer_name) == (10, "nnspec")
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 22)]
    metadata = load_program(path).metadata
    assert metadata["nnspec.spec"] == "Files"
    assert metadata["nnspec.spec_sha256"] == spec.sha256
    assert metadata["nnspec.preprocessing"] == '{"a": "é"}'
    assert metadata["nnspec.version"] == model.producer_version
    assert load_program(path, dtype="float64").metadata == metadata


def foreign_model(names, outputs):
    nodes = [helper.make_node("Sub", names, ["d"]), helper.make_node("Neg", ["d"], [outputs[1]])]
    nodes.append(helper.make_node("Identity", ["d"], [outputs[0]]))

    def value(name):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3])

    graph = helper.make_graph(nodes, "g", [value(n) for n in names], [value(n) for n in outputs])
    opset = helper.make_opsetid("", 21)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()


def two_in_two_out():
    layers = [
        {"name": "p", "type": "add", "inputs": ["x1", "x2"]},
        {"name": "q", "type": "relu", "inputs": "p"},
    ]
    return spec_of(layers, inputs={"x1": (3,), "x2": (3,)}, outputs=["p", "q"]).graph


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("names", "outputs", "sign"),
    [
        (["x1", "x2"], ["p", "q"], 1),
        (["x2", "x1"], ["q", "p"], 1),
        (["a", "b"], ["out0", "out1"], 1),
        (["x2", "b"], ["p", "out1"], -1),
    ],
)
def test_foreign_names_are_matched(dtype, names, outputs, sign):
    program = load_program(foreign_model(names, outputs), two_in_two_out(), dtype=dtype)
    feeds = {"x1": np.ones((1, 3)), "x2": np.full((1, 3), 5.0)}
    got = program.forward(feeds)
    expected = sign * -4.0
    assert list(got) == ["p", "q"]
    np.testing.assert_array_equal(got["p"], np.full((1, 3), expected))
    np.testing.assert_array_equal(got["q"], np.full((1, 3), -expected))


def test_a_model_of_another_shape_is_refused(tmp_path):
    model = foreign_model(["a", "b"], ["c", "d1"])
    with pytest.raises(UsageError, match="inputs a, b"):
        load_program(model, spec_of([{"type": "relu"}]).graph)
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"\xff" * 100)
    for dtype in ("float32", "float64"):
        with pytest.raises(UsageError, match="bad"):
            load_program(bad, dtype=dtype)
        with pytest.raises(UsageError, match="no such file"):
            load_program(tmp_path / "none.onnx", dtype=dtype)


@pytest.mark.slow
def test_over_two_gigabytes(tmp_path):
    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 4 * 2**30:
        pytest.skip("needs 4 GB of disk")
    layers = [{"name": f"d{i}", "type": "dense", "units": 8192} for i in range(9)]
    spec = spec_of(layers, inputs=(8192,))
    shared = np.zeros((8192, 8192), np.float32)
    weights = {
        name: shared if name.endswith("weight") else np.ones(8192, np.float32)
        for name, _ in spec.graph.parameters()
    }
    path = backend.compile(spec).write(tmp_path / "m.onnx", weights)
    assert (tmp_path / "m.onnx.data").stat().st_size > 2**31
    onnx.checker.check_model(str(path), full_check=True)
    got = load_program(path, spec.graph, threads=1).forward({"x1": np.ones((1, 8192))})
    np.testing.assert_array_equal(got["d8"], np.ones((1, 8192)))


def test_small_tensors_need_no_data_file(tmp_path):
    spec = spec_of([{"type": "dense", "units": 2}])
    backend.compile(spec).write(tmp_path / "m.onnx", external_data=True)
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]
