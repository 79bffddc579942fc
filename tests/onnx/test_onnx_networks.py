"""Whole networks: names, layouts, minimality, dynamic sizes, files."""

import itertools
import random
from dataclasses import replace

import numpy as np
import onnx
import pytest
from graph_checks import assert_minimal, assert_well_named
from onnx_cases import FIRST, LAST, random_inputs, random_weights, spec_of
from torch_reference import evaluate

from nnspec.backend import Backend, Options, get_backend
from nnspec.errors import DataError, UsageError, WeightsError
from nnspec.layers.shapes import TensorType
from nnspec.network.loader import loads
from nnspec_onnx import backend
from nnspec_onnx.ir import Node
from nnspec_onnx.listing import listing
from nnspec_onnx.lower import lower
from nnspec_onnx.options import DirectOptions

SEEDS = range(60)

RESIDUAL = """
nnspec: 1
name: Residual
data_format: channels_last
inputs: {image: {shape: [8, 8, 2]}}
blocks:
  unit:
    layers:
      - {name: c1, type: conv2d, filters: 4, kernel_size: 3, padding: same, activation: relu}
      - {name: norm, type: batch_normalization}
      - {name: added, type: add, inputs: [x, norm]}
layers:
  - {name: stem, type: conv2d, filters: 4, kernel_size: 3, padding: same}
  - {name: units, type: unit, repeat: 2}
  - {type: max_pooling2d}
  - {type: flatten}
  - {name: scores, type: dense, units: 10, activation: silu}
  - {type: dropout, rate: 0.5}
  - {name: probabilities, type: softmax}
"""


def operators(spec, opset=21):
    return [node.op_type for node in lower(spec, opset).nodes]


def random_network(seed):
    """Return a spec of random layers in a random graph, all images of one size."""
    draw = random.Random(seed)
    data_format = draw.choice([FIRST, LAST])
    values, layers = ["x1", "x2"], []
    for i in range(draw.randint(3, 12)):
        name = f"v{i}"
        one, two = draw.choice(values), draw.choice(values)
        layer = draw.choice(
            [
                {"type": "conv2d", "filters": 3, "kernel_size": 3, "padding": "same"},
                {"type": "conv2d", "filters": 3, "kernel_size": 1, "activation": "softmax"},
                {"type": "batch_normalization"},
                {"type": "max_pooling2d", "pool_size": 3, "strides": 1, "padding": "same"},
                {"type": "relu"},
                {"type": "linear"},
                {"type": "dropout", "rate": 0.5},
                {"type": "silu"},
                {"type": "softmax", "axis": 1},
                {"type": "reshape", "shape": [3, 3, 3]},
                {"type": "add", "inputs": [one, two]},
                {"type": "multiply", "inputs": [one, two]},
            ]
        )
        layers.append({"inputs": one, **layer, "name": name})
        values.append(name)
    outputs = draw.sample(values[2:], draw.randint(1, 2))
    needed, kept = set(outputs), []
    for layer in reversed(layers):
        if layer["name"] in needed:
            kept.insert(0, layer)
            taken = layer["inputs"]
            needed |= {taken} if isinstance(taken, str) else set(taken)
    inputs = {name: (3, 3, 3) for name in ("x1", "x2") if name in needed}
    return spec_of(kept, inputs=inputs, data_format=data_format, outputs=outputs)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_network(seed):
    spec = random_network(seed)
    network = lower(spec, 21)
    assert_well_named(network)
    assert_minimal(network)
    weights = random_weights(spec.graph, seed)
    feeds = random_inputs(spec.graph, seed, batch=2)
    wanted = evaluate(spec.graph, weights, feeds)
    compiled = backend.compile(spec)
    got = compiled.build(weights, dtype="float64").forward(feeds)
    assert list(got) == list(spec.graph.outputs)
    for name, value in wanted.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(got[name], value, rtol=0, atol=1e-12 * scale)


def test_residual_network_has_two_transposes_and_agrees():
    spec = loads(RESIDUAL)
    network = lower(spec, 21)
    assert_well_named(network)
    assert_minimal(network)
    assert operators(spec).count("Transpose") == 2
    assert "Identity" not in operators(spec)
    weights, feeds = random_weights(spec.graph, 0), random_inputs(spec.graph, 0)
    wanted = evaluate(spec.graph, weights, feeds)["probabilities"]
    got = backend.compile(spec).build(weights, dtype="float64").forward(feeds)["probabilities"]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


def conv(name, inputs="x1"):
    layer = {"type": "conv2d", "filters": 3, "kernel_size": 3, "padding": "same"}
    return {"name": name, "inputs": inputs, **layer}


@pytest.mark.parametrize(
    ("layers", "transposes"),
    [
        ([conv("a")], 2),
        ([conv("a"), conv("b", "a")], 2),
        ([{"name": "r", "type": "relu"}, conv("a", "r")], 2),
        ([conv("a"), {"type": "relu"}, {"type": "silu"}, conv("b", "silu_1")], 2),
        # The sum is wanted as declared, so the convolution's output is turned and not the input.
        ([conv("a"), {"type": "add", "inputs": ["x1", "a"]}], 2),
        ([conv("a"), {"name": "s", "type": "add", "inputs": ["x1", "a"]}, conv("b", "s")], 2),
        ([conv("a"), {"type": "concatenate", "inputs": ["x1", "a"], "axis": 0}], 2),
        ([conv("a"), {"type": "global_average_pooling2d"}], 1),
        ([conv("a"), {"type": "softmax"}, conv("b", "softmax_1")], 4),
        ([{"type": "relu"}, {"type": "softmax"}], 0),
    ],
)
def test_transposes_stand_only_at_borders(layers, transposes):
    last = spec_of(layers, inputs=(4, 4, 3), data_format=LAST)
    assert operators(last).count("Transpose") == transposes
    first = spec_of(layers, inputs=(3, 4, 4), data_format=FIRST)
    assert operators(first).count("Transpose") == 0


@pytest.mark.parametrize(
    ("layer", "after_conv"),
    [
        ({"type": "zero_padding2d"}, 2),
        ({"type": "cropping2d", "cropping": [[1, 0], [0, 2]]}, 2),
        ({"type": "reflection_padding2d"}, 2),
        ({"type": "prelu"}, 2),
        ({"type": "global_max_pooling2d", "keepdims": True}, 2),
        # No layout is left in a vector.
        ({"type": "global_average_pooling2d"}, 1),
        ({"type": "reduce_mean", "axes": [0, 1]}, 1),
        # What is left is a matrix, with axes in the order of the spec.
        ({"type": "reduce_mean", "axes": [0]}, 2),
    ],
    ids=str,
)
def test_what_works_in_any_layout_needs_no_transpose(layer, after_conv):
    image = {"inputs": (6, 7, 3), "data_format": LAST}
    assert operators(spec_of([layer], **image)).count("Transpose") == 0
    assert operators(spec_of([conv("a"), layer], **image)).count("Transpose") == after_conv
    spec = spec_of([conv("a"), layer, {"type": "relu"}], **image)
    weights, feeds = random_weights(spec.graph, 0), random_inputs(spec.graph, 0)
    (got,) = backend.compile(spec).build(weights, dtype="float64").forward(feeds).values()
    (wanted,) = (
        get_backend("torch").compile(spec).build(weights, dtype="float64").forward(feeds).values()
    )
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


def test_output_takes_the_name_of_the_layer_that_changes_nothing():
    layers = [{"name": "d", "type": "dense", "units": 2}, {"name": "out", "type": "linear"}]
    network = lower(spec_of(layers), 21)
    assert [node.outputs for node in network.nodes] == [("out",)]
    both = lower(spec_of(layers, outputs=["d", "out"]), 21)
    assert [node.op_type for node in both.nodes] == ["Gemm", "Identity"]
    assert [value.name for value in both.outputs] == ["d", "out"]


def test_output_that_is_an_input():
    spec = spec_of([{"name": "out", "type": "dropout", "rate": 0.1}], inputs=(3,))
    feeds = random_inputs(spec.graph, 0)
    got = backend.compile(spec).build({}).forward(feeds)
    np.testing.assert_array_equal(got["out"], feeds["x1"].astype(np.float32))


def test_block_output_has_the_name_of_its_use():
    spec = loads(
        "{nnspec: 1, name: N, inputs: {a: {shape: [3]}}, blocks: {b: {layers: "
        "[{type: dense, units: 2}]}}, layers: [{name: head, type: b, repeat: 2}]}"
    )
    network = lower(spec, 21)
    assert [node.outputs[0] for node in network.nodes] == ["head.0.dense_1", "head"]
    assert [value.name for value in network.outputs] == ["head"]
    assert_well_named(network)


@pytest.mark.parametrize("data_format", [FIRST, LAST])
def test_batch_and_named_axes_are_dynamic(tmp_path, data_format):
    shape = [2, "height", "width"] if data_format == FIRST else ["height", "width", 2]
    layers = [
        {"type": "conv2d", "filters": 3, "kernel_size": 3, "padding": "same"},
        {"type": "max_pooling2d", "padding": [[1, 0], [0, 1]]},
        {"name": "maps", "type": "conv2d", "filters": 3, "kernel_size": [2, 3]},
        {"type": "global_average_pooling2d"},
    ]
    spec = spec_of(
        layers,
        inputs=shape,
        data_format=data_format,
        outputs=["maps", "global_average_pooling2d_1"],
    )
    weights = random_weights(spec.graph, 0)
    compiled = backend.compile(spec)
    model = onnx.load(compiled.write(tmp_path / "m.onnx", weights))
    axes = [
        dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim
    ]
    assert axes == ["batch", *shape]
    single, double = compiled.build(weights), compiled.build(weights, dtype="float64")
    for batch, height, width in itertools.product((1, 3, 7), (6, 9), (8, 11)):
        feeds = random_inputs(spec.graph, 1, batch, {"height": height, "width": width})
        wanted = evaluate(spec.graph, weights, feeds)
        got, exact = single.forward(feeds), double.forward(feeds)
        for name, value in wanted.items():
            np.testing.assert_allclose(exact[name], value, rtol=0, atol=1e-12)
            np.testing.assert_allclose(got[name], value, rtol=0, atol=1e-4)


def test_an_axis_called_batch_is_not_the_batch():
    spec = spec_of([{"type": "relu"}], inputs=("batch", 2))
    network = lower(spec, 21)
    assert network.inputs[0].shape == ("batch_size", "batch", 2)


def test_float_attributes_are_double_in_the_double_model():
    layers = [{"type": "elu", "alpha": 0.1}, {"type": "leaky_relu", "negative_slope": 0.7}]
    spec = spec_of(layers, inputs=(1,))
    got = backend.compile(spec).build({}, dtype="float64").forward({"x1": np.array([[-1.0]])})
    assert abs(got["leaky_relu_1"][0, 0] - 0.7 * 0.1 * np.expm1(-1.0)) < 1e-16


def test_opset_out_of_range_is_refused():
    for opset in (17, 24, 0):
        with pytest.raises(UsageError, match="18 to 23"):
            backend.compile(loads(RESIDUAL), DirectOptions(opset=opset))


def test_gelu_is_one_operator_from_opset_20():
    spec = spec_of([{"type": "gelu"}])
    assert operators(spec, 20) == ["Gelu"]
    assert "Erf" in operators(spec, 19)


def test_native_layout_is_refused_only_where_it_would_differ():
    native = Options(layout="native")
    with pytest.raises(UsageError, match="channels_first"):
        backend.compile(loads(RESIDUAL), native)
    backend.compile(spec_of([conv("a")], inputs=(3, 4, 4)), native)


def test_backend_is_found_and_fits_the_protocol():
    found: Backend = get_backend("onnx")
    assert found is backend
    assert (found.name, found.suffix) == ("onnx", ".onnx")


def test_listing_is_deterministic_and_shows_no_weights():
    spec = loads(RESIDUAL)
    source = backend.compile(spec).source
    assert source == listing(lower(loads(RESIDUAL), 21))
    assert "(float[batch, 8, 8, 2] image) => (float[batch, 10] probabilities)" in source
    assert "  float[4, 2, 3, 3] stem.weight\n" in source
    assert "units.1.c1.channels_first = Relu (units.1.c1.linear.channels_first)" in source


def test_wrong_feeds_and_weights_are_refused():
    spec = loads(RESIDUAL)
    compiled = backend.compile(spec)
    program = compiled.build()
    with pytest.raises(DataError, match="image"):
        program.forward({})
    with pytest.raises(DataError, match="do not fit"):
        program.forward({"image": np.zeros((1, 8, 8, 3))})
    with pytest.raises(WeightsError, match=r"stem\.weight"):
        compiled.build({})


def test_an_operator_that_lacks_the_dtype_is_refused(tmp_path):
    spec = spec_of([{"name": "bend", "type": "sigmoid"}])
    kind = TensorType(spec.graph.types["bend"].shape, "int64")
    # A spec cannot say this; a graph can, and no file may come of it.
    graph = replace(spec.graph, inputs={"x1": kind}, types={"x1": kind, "bend": kind})
    with pytest.raises(UsageError, match="valid ONNX"):
        backend.compile(replace(spec, graph=graph)).write(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_nodes_are_plain_data():
    node = lower(spec_of([{"name": "d", "type": "dense", "units": 2}]), 21).nodes[0]
    assert node == Node("d", "Gemm", ("x1", "d.weight", "d.bias"), ("d",), {"transB": 1})
