"""What the frameworks' own exporters write is checked before it is handed out."""

import numpy as np
import onnx
import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.deploy.exporting import export
from nnspec.errors import UnsupportedError
from nnspec.network.loader import loads
from nnspec.verification.samples import exercised_weights

ORDERED = """
nnspec: 1
name: Ordered
inputs:
  x: {shape: [5]}
  a: {shape: [5]}
layers:
  - {name: score, type: dense, units: 1, inputs: x}
  - {name: both, type: add, inputs: [x, a]}
  - {name: aux, type: dense, units: 4, inputs: both}
  - {name: middle, type: dense, units: 2, inputs: both}
outputs: [score, aux, middle]
"""
RECURRENT = """
nnspec: 1
name: Recurrent
inputs: {x: {shape: [time, 3]}}
layers:
  - {name: states, type: LAYER, units: 2}
"""
DENSE = """
nnspec: 1
name: Small
inputs: {x: {shape: [time, 3]}}
layers:
  - {name: d, type: dense, units: 2}
"""


def weights_of(spec):
    # First biases are 0, which would hide what is wrong with them.
    return {name: a.astype(np.float32) for name, a in exercised_weights(spec.graph, 0).items()}


@pytest.mark.parametrize("via", ["direct", "torch", "keras"])
def test_inputs_and_outputs_stand_in_the_declared_order(tmp_path, via):
    spec = loads(ORDERED)
    path = export(spec, tmp_path / "m.onnx", weights=weights_of(spec), via=via, opset=18).path
    graph = onnx.load(path).graph
    assert [value.name for value in graph.input] == ["x", "a"]
    assert [value.name for value in graph.output] == ["score", "aux", "middle"]


def test_a_model_that_is_wrong_for_negative_numbers_is_not_handed_out(tmp_path):
    spec = loads("""
nnspec: 1
name: Thirds
inputs: {x: {shape: [3], dtype: int32}}
layers:
  - {type: floor_divide, divisor: 3}
  - {type: cast, dtype: float32}
  - {type: dense, units: 2}
""")
    with pytest.raises(UnsupportedError, match="computes other outputs than the keras source"):
        export(spec, tmp_path / "m.onnx", weights=weights_of(spec), via="keras", opset=18)


@pytest.mark.parametrize("layer", ["lstm", "gru"])
def test_torch_exports_recurrent_networks_again_and_again(tmp_path, layer):
    spec = loads(RECURRENT.replace("LAYER", layer))
    for _ in range(2):
        export(spec, tmp_path / "m.onnx", weights=weights_of(spec), via="torch")


@pytest.mark.parametrize("via", ["torch", "keras"])
def test_a_model_that_computes_something_else_is_not_handed_out(tmp_path, via, monkeypatch):
    spec = loads(DENSE)
    given = weights_of(spec)
    kind = type(get_backend(via).compile(spec).build(given))
    right = kind.export_onnx

    def wrong(self, path, opset):
        right(self, path, opset)
        model = onnx.load(path)
        (bias,) = (
            tensor
            for tensor in model.graph.initializer
            if np.array_equal(onnx.numpy_helper.to_array(tensor), given["d.bias"])
        )
        bias.CopyFrom(onnx.numpy_helper.from_array(np.zeros(2, np.float32), bias.name))
        onnx.save(model, path)

    monkeypatch.setattr(kind, "export_onnx", wrong)
    target = tmp_path / "m.onnx"
    with pytest.raises(UnsupportedError, match=f"computes other outputs than the {via} source"):
        export(spec, target, weights=given, via=via, opset=18)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_runs_at_one_size_alone_is_not_handed_out(tmp_path, monkeypatch):
    spec = loads(DENSE)
    given = weights_of(spec)
    kind = type(get_backend("keras").compile(spec).build(given))
    right = kind.export_onnx

    def frozen(self, path, opset):
        right(self, path, opset)
        model = onnx.load(path)
        for node in model.graph.node:
            for i, name in enumerate(node.input):
                node.input[i] = "fixed" if name == "x" else name
        shape = onnx.numpy_helper.from_array(np.array([-1, 7, 3]), "fixed_shape")
        model.graph.initializer.append(shape)
        model.graph.node.insert(
            0, onnx.helper.make_node("Reshape", ["x", "fixed_shape"], ["fixed"])
        )
        onnx.save(model, path)

    monkeypatch.setattr(kind, "export_onnx", frozen)
    with pytest.raises(UnsupportedError, match=r"at batch = 3, time = \d+"):
        export(spec, tmp_path / "m.onnx", weights=given, via="keras", opset=18)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("via", ["direct", "keras"])
def test_a_link_keeps_model_and_data_together(tmp_path, via):
    spec = loads(DENSE.replace("units: 2", "units: 300"))
    given = weights_of(spec)
    store = tmp_path / "store"
    store.mkdir()
    link = tmp_path / "link.onnx"
    link.symlink_to(store / "model.onnx")
    for _ in range(2):
        export(spec, link, weights=given, via=via, opset=18, external_data=True)
        assert link.is_symlink()
        assert sorted(each.name for each in tmp_path.iterdir()) == ["link.onnx", "store"]
        assert sorted(each.name for each in store.iterdir()) == ["model.onnx", "model.onnx.data"]
        x = np.ones((2, 4, 3), np.float32)
        (result,) = get_backend("onnx").load(store / "model.onnx").forward({"x": x}).values()
        np.testing.assert_allclose(result, x @ given["d.weight"].T + given["d.bias"], rtol=1e-5)


@pytest.mark.parametrize("via", ["direct", "torch"])
def test_a_data_file_goes_with_its_model(tmp_path, via):
    spec = loads(DENSE.replace("units: 2", "units: 300"))
    path = tmp_path / "m.onnx"
    data = tmp_path / "m.onnx.data"
    export(spec, path, external_data=True)
    assert data.exists()
    export(spec, path, via=via)
    assert not data.exists()
    # What no model names is somebody else's.
    data.write_bytes(b"mine")
    export(spec, path, via=via)
    assert data.read_bytes() == b"mine"


def test_a_model_that_is_wrong_for_other_biases_is_not_handed_out(tmp_path, monkeypatch):
    spec = loads(DENSE)
    kind = type(get_backend("keras").compile(spec).build())
    right = kind.export_onnx

    def without_biases(self, path, opset):
        kept = self.weights()
        self.load_weights({**kept, "d.bias": np.zeros(2, np.float32)})
        right(self, path, opset)
        self.load_weights(kept)

    monkeypatch.setattr(kind, "export_onnx", without_biases)
    with pytest.raises(UnsupportedError, match="computes other outputs than the keras source"):
        export(spec, tmp_path / "m.onnx", via="keras", opset=18)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("via", ["torch", "keras"])
def test_first_weights_are_what_is_handed_out(tmp_path, via):
    spec = loads(DENSE)
    export(spec, tmp_path / "m.onnx", via=via, opset=18)
    inputs = {"x": np.ones((2, 4, 3), np.float32)}
    expected = get_backend(via).compile(spec).build().forward(inputs)["d"]
    given = get_backend("onnx").load(tmp_path / "m.onnx", spec.graph).forward(inputs)["d"]
    np.testing.assert_allclose(given, expected, rtol=1e-6)


def test_an_output_may_be_called_as_the_exporter_calls_an_operator() -> None:
    text = """
nnspec: 1
name: Named
inputs: {x: {shape: [4]}}
layers:
  - {name: bent, type: relu}
  - {name: relu, type: dense, units: 2}
  - {name: linear, type: tanh, inputs: [bent]}
outputs: [relu, linear]
"""
    report = nnspec.verify(loads(text), backends=("torch", "onnx"))
    assert report.passed, report.to_json()
    assert any("via-torch" in each for check in report.checks for each in check.pair)
