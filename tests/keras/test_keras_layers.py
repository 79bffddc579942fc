"""Every layer's forward pass and gradient in double precision, against PyTorch's functions."""

import keras
import numpy as np
import pytest
import torch
from keras_cases import (
    ACTIVATIONS,
    FIRST,
    IMAGE_LAYERS,
    LAST,
    activation_of,
    arrays_of,
    convolution,
    random_weights,
    spec_of,
)

from nnspec import layers
from nnspec.backend import Options
from nnspec.emit.loading import load_source
from nnspec.layers import LAYERS
from nnspec.layers.activity import ActivityRegularization
from nnspec.layers.rows import MergeRows, PartRows
from nnspec_keras import backend
from nnspec_keras.activations import ROUNDED
from nnspec_keras.lowerings import LOWERINGS, UNSUPPORTED

EXACT = 1e-13
TRAINING = {"task": "regression"}


def assert_same(spec, reference, *, layout="spec", kind=None):
    """Compare outputs and gradients; `reference` takes and gives tensors in the spec's layout."""
    weights = random_weights(spec.graph)
    inputs = arrays_of(spec.graph)
    program = backend.compile(spec, Options(layout=layout)).build(weights, dtype="float64")
    rounding = ROUNDED.get(kind)
    given = program.forward(inputs)[spec.graph.outputs[0]]
    trainable = {name for name, parameter in spec.graph.parameters() if parameter.trainable}
    tensors = {
        name: torch.tensor(value, requires_grad=name in trainable)
        for name, value in weights.items()
    }
    expected = reference(torch.tensor(inputs["image"]), tensors)
    assert given.dtype == np.float64
    assert given.shape == tuple(expected.shape)
    assert_near(given, expected, rounding.forward if rounding else EXACT)
    if any(layer.layer.type == "batch_normalization" for layer in spec.graph.nodes):
        return  # in training it takes other statistics; see test_keras_training

    target = np.random.default_rng(1).normal(size=given.shape)
    loss = ((expected - torch.tensor(target)) ** 2).mean()
    given_loss, gradients = program.gradients(inputs, target)
    bound = rounding.gradient if rounding else EXACT
    assert abs(given_loss - loss.item()) <= bound * 10
    assert gradients.keys() == trainable
    if trainable:
        loss.backward()
    for name in trainable:
        assert_near(gradients[name], tensors[name].grad, bound * 10)


def assert_near(given, expected, bound):
    expected = expected.detach().numpy()
    # A gradient that is 0 in theory (softmax ignores a shift) is rounding noise in both.
    error = np.abs(given - expected).max() / max(np.abs(expected).max(), 1e-4)
    assert error <= bound, error


def to_layout(reference, data_format):
    """Return a channels_first function as one of this layout."""
    if data_format == FIRST:
        return reference

    def run(x, weights):
        given = reference(x.movedim(-1, 1), weights)
        return given.movedim(1, -1) if given.dim() == 4 else given

    return run


def image_spec(fields, data_format, **more):
    shape = (3, 7, 6) if data_format == FIRST else (7, 6, 3)
    if fields.get("axis") == "channels":
        fields = {**fields, "axis": 0 if data_format == FIRST else -1}
    first = {"name": "first", "type": "conv2d", "filters": 3, "kernel_size": 1}
    layer = {"name": "layer", **fields}
    return spec_of([first, layer], inputs=shape, data_format=data_format, training=TRAINING, **more)


@pytest.mark.parametrize("layout", ["spec", "native"])
@pytest.mark.parametrize("data_format", [FIRST, LAST])
@pytest.mark.parametrize("case", IMAGE_LAYERS)
def test_layer_of_images(case, data_format, layout):
    fields, reference = IMAGE_LAYERS[case]

    def network(x, weights):
        return reference(convolution(x, weights, name="first"), weights)

    spec = image_spec(fields, data_format)
    assert_same(spec, to_layout(network, data_format), layout=layout)


@pytest.fixture
def channels_first_by_default():
    """What ~/.keras/keras.json may say."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(FIRST)
    yield
    keras.config.set_image_data_format(before)


IMAGES = {
    **{case: [{"name": "layer", **fields}] for case, (fields, _) in IMAGE_LAYERS.items()},
    "several": [
        {"type": "max_pooling2d", "pool_size": 2, "padding": [[1, 0], [0, 1]]},
        {"type": "average_pooling2d", "pool_size": 2, "strides": 1, "padding": 1},
        {"type": "up_sampling2d", "size": 2},
        {"type": "spatial_dropout2d", "rate": 0.5},
        {"type": "cropping2d", "cropping": 1},
        {"type": "flatten"},
    ],
    "a sequence": [
        {"type": "reshape", "shape": [21, 6]},
        {"type": "conv1d", "filters": 4, "kernel_size": 3, "padding": "causal"},
        {"type": "conv1d_transpose", "filters": 3, "kernel_size": 2, "strides": 2},
        {"type": "max_pooling1d", "pool_size": 2},
        {"type": "zero_padding1d", "padding": 1},
        {"type": "global_average_pooling1d"},
    ],
    "a volume": [
        {"type": "reshape", "shape": [7, 3, 3, 2]},
        {"type": "conv3d", "filters": 4, "kernel_size": 2, "padding": "same"},
        {"type": "max_pooling3d", "pool_size": [2, 1, 1]},
        {"type": "average_pooling3d", "pool_size": [1, 2, 1], "padding": [0, 1, 0]},
        {"type": "flatten"},
    ],
}


@pytest.mark.parametrize("case", IMAGES)
def test_emitted_code_asks_no_setting_where_the_channels_are(case, channels_first_by_default):
    fields = [
        {**layer, "axis": -1} if layer.get("axis") == "channels" else layer
        for layer in IMAGES[case]
    ]
    first = {"name": "first", "type": "conv2d", "filters": 3, "kernel_size": 1}
    spec = spec_of([first, *fields], inputs=(7, 6, 3), data_format=LAST)
    program = backend.compile(spec).build(random_weights(spec.graph))  # this sets channels_last
    inputs = arrays_of(spec.graph)
    expected = program.forward(inputs)[spec.graph.outputs[0]]
    model = load_source(backend.compile(spec).source, "case").case()
    model.set_weights(program.model.get_weights())
    given = model.predict(inputs["image"].astype("float32"), verbose=0)
    assert given.shape == expected.shape
    assert np.abs(given - expected).max() <= 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activation_of_a_dense_layer(case):
    given, function = activation_of(case)
    dense = {"name": "scores", "type": "dense", "units": 4}

    def network(x, weights):
        return function(x @ weights["scores.weight"].T + weights["scores.bias"])

    kind = LAYERS[given["type"]]
    fused = spec_of([{**dense, "activation": given}], training=TRAINING)
    assert_same(fused, network, kind=kind)
    assert_same(spec_of([dense, given], training=TRAINING), network, kind=kind)


@pytest.mark.parametrize("data_format", [FIRST, LAST])
@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activation_of_a_convolution(case, data_format):
    given, function = activation_of(case)
    fields = {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same"}
    spec = image_spec({**fields, "activation": given}, data_format)

    def network(x, weights):
        x = x if data_format == FIRST else x.movedim(-1, 1)
        z = convolution(convolution(x, weights, name="first"), weights)
        return function(z if data_format == FIRST else z.movedim(1, -1))

    assert_same(spec, network, kind=LAYERS[given["type"]])


@pytest.mark.parametrize("data_format", [FIRST, LAST])
def test_flatten_and_reshape_keep_the_declared_order(data_format):
    shape = [3, 7, 6] if data_format == FIRST else [7, 6, 3]
    spec = spec_of(
        [
            {"name": "first", "type": "conv2d", "filters": 3, "kernel_size": 1},
            {"type": "flatten"},
            {"type": "reshape", "shape": [6, -1, 3]},
            {"name": "layer", "type": "conv2d", "filters": 2, "kernel_size": 2},
            {"type": "flatten"},
        ],
        inputs=shape,
        data_format=data_format,
        training=TRAINING,
    )

    def network(x, weights):
        axes = (-1, 1) if data_format == LAST else (1, 1)
        x = convolution(x.movedim(*axes), weights, name="first").movedim(*axes[::-1])
        x = x.reshape(len(x), 6, 7, 3).movedim(*axes)
        pads = ((0, 0), (0, 0))
        return convolution(x, weights, pads=pads).movedim(*axes[::-1]).flatten(1)

    assert_same(spec, network)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("data_format", [FIRST, LAST])
def test_axes_mean_the_declared_layout(axis, data_format):
    spec = image_spec(
        {"type": "concatenate", "inputs": ["first", "first"], "axis": axis}, data_format
    )

    def network(x, weights):
        axes = (-1, 1) if data_format == LAST else (1, 1)
        x = convolution(x.movedim(*axes), weights, name="first").movedim(*axes[::-1])
        return torch.cat((x, x), axis + 1 if axis >= 0 else axis)

    assert_same(spec, network)


def test_multiply_dense_and_rank_two():
    spec = spec_of(
        [
            {"name": "first", "type": "dense", "units": 4, "inputs": ["image"]},
            {"name": "gate", "type": "dense", "units": 4, "inputs": ["image"], "use_bias": False},
            {"name": "layer", "type": "multiply", "inputs": ["first", "gate"]},
        ],
        inputs=(3, 5),
        training=TRAINING,
    )

    def network(x, weights):
        first = x @ weights["first.weight"].T + weights["first.bias"]
        return first * (x @ weights["gate.weight"].T)

    assert_same(spec, network)


def test_batch_normalization_in_training_follows_its_definition():
    fields = {"type": "batch_normalization", "momentum": 0.8, "epsilon": 1e-3}
    spec = image_spec(fields, FIRST)
    weights, inputs = random_weights(spec.graph), arrays_of(spec.graph)
    program = backend.compile(spec).build(weights, dtype="float64")
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    x = convolution(torch.tensor(inputs["image"]), tensors, name="first")
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    shape = (1, 3, 1, 1)
    y = (x - mean.view(shape)) / torch.sqrt(variance.view(shape) + 1e-3)
    y = y * tensors["layer.weight"].view(shape) + tensors["layer.bias"].view(shape)
    target = np.random.default_rng(1).normal(size=y.shape)
    loss = ((y - torch.tensor(target)) ** 2).mean()
    loss.backward()
    given, gradients = program.gradients(inputs, target)
    assert given == pytest.approx(loss.item(), rel=EXACT)
    for name in ("first.weight", "layer.weight", "layer.bias"):
        assert_near(gradients[name], tensors[name].grad, 1e-12)
    assert np.abs(gradients["first.bias"]).max() < 1e-13  # exactly 0: the mean takes it out
    kept = program.weights()
    assert all(np.array_equal(kept[name], weights[name]) for name in weights)

    program.train_step(inputs, target)
    after = program.weights()
    for name, new in (("running_mean", mean), ("running_var", variance)):
        expected = 0.8 * weights[f"layer.{name}"] + 0.2 * new.detach().numpy()
        np.testing.assert_allclose(after[f"layer.{name}"], expected, rtol=1e-12)


def test_every_layer_is_lowered_or_refused():
    # What no spec can name is made around layers that are distributed over time, or after those
    # whose values cost something.
    made = {MergeRows, PartRows, ActivityRegularization}
    assert {*LAYERS.values(), *made} == set(LOWERINGS) | set(UNSUPPORTED)
    assert not set(LOWERINGS) & set(UNSUPPORTED)
    assert set(ROUNDED) <= set(LOWERINGS)


def test_the_rounding_of_leaky_relu_is_what_its_table_says():
    """A bound far above what is measured would hide a mistake."""
    spec = spec_of([{"type": "leaky_relu"}])
    x = -np.abs(arrays_of(spec.graph)["image"])
    given = backend.compile(spec).build(dtype="float64").forward({"image": x})
    error = np.abs(given[spec.graph.outputs[0]] - 0.01 * x) / np.abs(0.01 * x)
    bound = ROUNDED[layers.LeakyRelu]
    assert bound.forward / 10 < error.max() < bound.forward
