"""Batch normalisation folded into what feeds it: where it is exact, and only there."""

import json

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from graph_checks import assert_minimal, assert_well_named
from onnx_cases import FIRST, LAST, image, random_inputs, random_weights, spec_of
from rounding import float32_tolerance, relative

import nnspec
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.verification.samples import exercised_weights
from nnspec_onnx import backend, folding
from nnspec_onnx.lower import lower
from nnspec_onnx.options import DirectOptions
from tests.project.test_zoo import FOLDER, reduced

NORM = {"name": "norm", "type": "batch_normalization"}


def producer(kind, **settings):
    return {"name": "made", "type": kind, **settings}


def folded(spec, opset=21):
    return backend.compile(spec, DirectOptions(opset=opset, fold=True))


def counts(network):
    kinds = [node.op_type for node in network.nodes]
    return {kind: kinds.count(kind) for kind in set(kinds)}


def norms(network):
    return counts(network).get("BatchNormalization", 0)


def assert_same(spec, opset=21, *, batch=3):
    """Assert that the folded model computes what the other does, in double and in single."""
    compiled, other = backend.compile(spec, DirectOptions(opset=opset)), folded(spec, opset)
    assert_well_named(other.network)
    assert_minimal(other.network)
    weights, feeds = exercised_weights(spec.graph, 1), random_inputs(spec.graph, 2, batch)
    wanted = compiled.build(weights, dtype="float64").forward(feeds)
    got = other.build(weights, dtype="float64").forward(feeds)
    assert list(got) == list(wanted)
    for name, value in wanted.items():
        assert relative(got[name], value) < 1e-12
    tolerance = float32_tolerance(compiled, weights, feeds, wanted)
    for optimized in (False, True):
        single = other.build(weights, optimized=optimized, threads=1).forward(feeds)
        for name, value in wanted.items():
            assert relative(single[name], value) < tolerance


CONVOLUTIONS = (
    (producer("conv1d", filters=3, kernel_size=3), (4, 7)),
    (producer("conv2d", filters=6, kernel_size=[3, 2], groups=2, padding="same"), (4, 5, 6)),
    (producer("conv2d", filters=6, kernel_size=2, strides=2, dilation_rate=2), (4, 5, 6)),
    (producer("conv3d", filters=3, kernel_size=2), (2, 3, 4, 3)),
    (producer("conv1d_transpose", filters=3, kernel_size=3, strides=2), (4, 5)),
    (producer("conv2d_transpose", filters=6, kernel_size=[3, 2], groups=2), (4, 3, 5)),
    (producer("conv3d_transpose", filters=4, kernel_size=2, groups=2), (2, 3, 2, 3)),
    (producer("depthwise_conv1d", kernel_size=3, depth_multiplier=2), (3, 6)),
    (producer("depthwise_conv2d", kernel_size=3, padding="same"), (3, 4, 5)),
    (producer("separable_conv1d", filters=5, kernel_size=3), (3, 6)),
    (producer("separable_conv2d", filters=5, kernel_size=3, depth_multiplier=2), (3, 5, 4)),
)
DENSE = producer("dense", units=4)


def foldable_cases():
    for layer, shape in CONVOLUTIONS:
        for data_format in (FIRST, LAST):
            yield layer, image(shape, data_format), data_format
    yield DENSE, (3,), FIRST
    for shape in ((3,), (5, 3), ("time", 3)):
        yield DENSE, shape, LAST


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    ("layer", "shape", "data_format"),
    list(foldable_cases()),
    ids=lambda part: part["type"] if isinstance(part, dict) else str(part),
)
def test_every_producer_folds(layer, shape, data_format, use_bias):
    layers = [{**layer, "use_bias": use_bias}, NORM, {"name": "out", "type": "silu"}]
    spec = spec_of(layers, inputs=shape, data_format=data_format)
    before, after = lower(spec, 21), folded(spec).network
    assert norms(before) == 1
    # A dense layer on a sequence normalises without turning it round, and may need an Add.
    is_sequence = layer is DENSE and len(shape) > 1
    gone = {"BatchNormalization": 1} | ({"Transpose": 2} if is_sequence else {})
    made = {"Add": 1} if is_sequence and not use_bias else {}
    difference = {
        kind: counts(before).get(kind, 0) - counts(after).get(kind, 0)
        for kind in counts(before) | counts(after)
    }
    assert {kind: n for kind, n in difference.items() if n} == gone | {
        k: -n for k, n in made.items()
    }
    assert_same(spec)


CONV = producer("conv2d", filters=3, kernel_size=3, padding="same")


@pytest.mark.parametrize("settings", [{"affine": False}, {"epsilon": 0.1}], ids=str)
def test_settings_of_the_normalisation_are_kept(settings):
    spec = spec_of([CONV, {**NORM, **settings}], inputs=(2, 4, 5))
    assert norms(folded(spec).network) == 0
    assert_same(spec)


@pytest.mark.parametrize(
    "between",
    [
        {"type": "dropout", "rate": 0.5},
        {"type": "linear"},
        # Rows and columns change places, channels stay.
        {"type": "permute", "axes": [0, 2, 1]},
    ],
    ids=lambda layer: layer["type"],
)
def test_what_keeps_the_channels_may_stand_between(between):
    spec = spec_of([CONV, between, NORM], inputs=(2, 4, 5))
    assert norms(folded(spec).network) == 0
    assert_same(spec)


def test_a_dense_layer_turned_round_folds():
    layers = [DENSE, {"type": "permute", "axes": [1, 0]}, NORM]
    spec = spec_of(layers, inputs=(5, 3))
    assert norms(folded(spec).network) == 0
    assert_same(spec)


def test_a_shared_normalisation_folds_into_each_of_its_producers():
    layers = [
        {**CONV, "inputs": "x1"},
        NORM,
        {**CONV, "name": "other", "inputs": "x2"},
        {"name": "again", "type": "shared", "layer": "norm"},
        {"type": "add", "inputs": ["norm", "again"]},
    ]
    spec = spec_of(layers, inputs={"x1": (2, 4, 4), "x2": (2, 4, 4)})
    assert (norms(lower(spec, 21)), norms(folded(spec).network)) == (2, 0)
    assert_same(spec)


@pytest.mark.parametrize("layer", [CONV, DENSE], ids=["convolution", "dense"])
def test_layers_that_are_shared_together_fold_into_the_same_tensors(layer):
    shape = (2, 4, 4) if layer is CONV else (3,)
    layers = [
        {**layer, "inputs": "x1"},
        NORM,
        {"name": "again", "type": "shared", "layer": "made", "inputs": "x2"},
        {"name": "normalised", "type": "shared", "layer": "norm"},
        {"type": "add", "inputs": ["norm", "normalised"]},
    ]
    spec = spec_of(layers, inputs={"x1": shape, "x2": shape})
    assert (norms(lower(spec, 21)), norms(folded(spec).network)) == (2, 0)
    stored = [tensor.name for tensor in folded(spec).network.initializers]
    assert stored == ["made.weight_folded", "made.bias_folded"]
    assert_same(spec)


ADD = {"type": "add", "inputs": ["norm", "made"]}
POOL = {"type": "max_pooling2d", "pool_size": 2}
AGAIN = {"name": "again", "type": "shared", "layer": "made"}
UNFOLDABLE = {
    "two consumers": [CONV, NORM, ADD],
    "an activation within": [{**CONV, "activation": "relu"}, NORM],
    "an activation between": [CONV, {"type": "relu"}, NORM],
    "a pooling between": [CONV, POOL, NORM],
    "a number added between": [CONV, {"type": "rescaling", "scale": 1.0, "offset": 2.0}, NORM],
    "channels moved": [CONV, {"type": "permute", "axes": [1, 0, 2]}, NORM],
    "a weight shared": [CONV, AGAIN, NORM],
    "a weight shared, two normalisations": [
        CONV,
        {"name": "first", "type": "batch_normalization"},
        {**AGAIN, "inputs": "x1"},
        NORM,
        {"type": "add", "inputs": ["first", "norm"]},
    ],
    "before a convolution": [NORM, {**CONV, "inputs": "norm"}],
    "after a sum": [CONV, {"type": "add", "inputs": ["made", "x1"]}, NORM],
    "after another": [{"name": "first", "type": "batch_normalization"}, {"type": "relu"}, NORM],
    "channels of a sequence": [{"type": "reshape", "shape": [6, 6]}, DENSE, NORM],
}


@pytest.mark.parametrize("layers", UNFOLDABLE.values(), ids=UNFOLDABLE)
def test_what_cannot_be_folded_stays(layers):
    spec = spec_of(layers, inputs=(3, 4, 3), outputs=[layers[-1].get("name", "add_1")])
    assert folded(spec).source == backend.compile(spec).source
    assert norms(folded(spec).network) > 0


def test_an_output_of_the_network_is_not_folded():
    spec = spec_of([CONV, NORM], inputs=(2, 4, 4), outputs=["made", "norm"])
    assert folded(spec).source == backend.compile(spec).source
    assert_same(spec)


def test_a_tied_weight_is_not_folded():
    layers = [
        {"name": "table", "type": "embedding", "input_dim": 7, "output_dim": 3},
        {"type": "flatten"},
        {"name": "scores", "type": "tied_dense", "layer": "table", "inputs": "hidden"},
        {**NORM, "inputs": "scores"},
        {"type": "concatenate", "inputs": ["norm", "flatten_1"]},
    ]
    spec = nnspec.loads(
        json.dumps(
            {
                "nnspec": 1,
                "name": "Tied",
                "inputs": {
                    "tokens": {"shape": [2], "dtype": "int64"},
                    "hidden": {"shape": [3]},
                },
                "layers": [{**layers[0], "inputs": "tokens"}, *layers[1:]],
            }
        ),
        is_json=True,
    )
    assert folded(spec).source == backend.compile(spec).source


@pytest.mark.parametrize("opset", [18, 23])
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("resnet18", 20, 0),
        ("mobilenet_v2", 52, 0),
        ("efficientnet_b0", 49, 0),
        # What was concatenated: in eight layers, three transitions and at the end.
        ("densenet121", 21, 12),
        ("unet", 18, 0),
        ("dcgan_generator", 4, 0),
        ("dcgan_discriminator", 3, 0),
    ],
)
def test_networks_of_the_literature(name, before, after, opset):
    spec = reduced(FOLDER / f"{name}.yaml")
    assert norms(lower(spec, opset)) == before
    assert norms(folded(spec, opset).network) == after
    assert_same(spec, opset, batch=2)


def test_resnet18_is_convolutions_only():
    network = folded(nnspec.load(FOLDER / "resnet18.yaml")).network
    assert len(lower(nnspec.load(FOLDER / "resnet18.yaml"), 21).nodes) - len(network.nodes) == 20
    assert counts(network)["Conv"] == 20
    assert "BatchNormalization" not in counts(network)


def test_the_file_holds_folded_tensors_rounded_once(tmp_path):
    spec = spec_of([{**CONV, "use_bias": False}, NORM], inputs=(2, 4, 4))
    weights = random_weights(spec.graph, 5)
    report = nnspec.export(spec, tmp_path / "m.onnx", weights=weights, fold=True)
    model = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert report.nodes == len(model.graph.node) == 1
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    # The name of a parameter is kept for the canonical tensor, which the file does not hold.
    assert set(tensors) == {"made.weight_folded", "made.bias_folded"}
    scale = weights["norm.weight"] / np.sqrt(weights["norm.running_var"] + 1e-5)
    weight = (weights["made.weight"] * scale[:, None, None, None]).astype(np.float32)
    np.testing.assert_array_equal(tensors["made.weight_folded"], weight)
    bias = weights["norm.bias"] - weights["norm.running_mean"] * scale
    np.testing.assert_allclose(tensors["made.bias_folded"], bias, rtol=2.0**-23)


SPEC = """
nnspec: 1
name: Folds
inputs: {image: {shape: [2, 6, 6]}}
layers:
  - {name: conv, type: conv2d, filters: 4, kernel_size: 3}
  - {name: norm, type: batch_normalization}
  - {name: bend, type: relu}
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "folds.yaml"
    path.write_text(SPEC)
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_command_line(path, tmp_path):
    model = tmp_path / "m.onnx"
    done = run("export", path, "-o", model, "--fold", "--json")
    assert json.loads(done.stdout)["nodes"] == 2
    done = run("export", path, "-o", model, "--json")
    assert json.loads(done.stdout)["nodes"] == 3
    done = run("compile", path, "--to", "onnx", "--fold")
    assert "conv.weight_folded" in done.stdout
    assert "BatchNormalization" not in done.stdout
    for wrong in (
        ("export", path, "-o", model, "--fold", "--via", "torch"),
        ("export", path, "-o", model, "--fold", "--via", "keras"),
        ("compile", path, "--to", "torch", "--fold"),
        ("compile", path, "--to", "keras", "--fold"),
        ("verify", path, "--fold", "--backends", "torch,keras"),
    ):
        done = run(*wrong)
        assert (done.exit_code, "fold" in done.stderr) == (2, True)


def test_only_the_direct_exporter_folds(path, tmp_path):
    with pytest.raises(UsageError, match="own exporter"):
        nnspec.export(path, tmp_path / "m.onnx", via="torch", fold=True)
    assert not (tmp_path / "m.onnx").exists()


def test_verification_proves_the_folded_model(path):
    report = nnspec.verify(path, backends=("torch", "onnx"), exporters=False, fold=True)
    assert report.passed
    pairs = {check.pair for check in report.checks}
    assert ("onnx", "onnx-folded") in pairs
    assert ("onnx-folded, optimized", "torch float64") in pairs


def test_verification_finds_a_wrong_fold(path, monkeypatch):
    monkeypatch.setitem(folding._SCALED, "Conv", lambda weight, scale, groups: weight)
    report = nnspec.verify(path, backends=("torch", "onnx"), exporters=False, fold=True)
    failed = {check.pair for check in report.failures() if check.kind == "forward"}
    assert failed == {("torch", "onnx-folded"), ("onnx", "onnx-folded")}
