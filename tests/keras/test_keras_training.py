"""Losses, optimizers and training programs, against PyTorch's own."""

import json
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from keras_cases import arrays_of, random_weights, spec_of

from nnspec.backend import Options, Trainable
from nnspec.errors import UsageError
from nnspec.language.optimizers import OPTIMIZERS as KNOWN
from nnspec.network.loader import load, loads
from nnspec_keras import backend
from nnspec_keras.options import KerasOptions
from tests.variants import named, variants

MULTICLASS = {"task": "multiclass"}
HEADS = {
    "multiclass": ("softmax", "categorical_cross_entropy"),
    "binary": ("sigmoid", "binary_cross_entropy"),
}


def network(task="multiclass", *, is_fused=False, units=4, **training):
    hidden = {"name": "hidden", "type": "dense", "units": 7, "activation": "tanh"}
    scores = {"name": "scores", "type": "dense", "units": units}
    if task == "regression":
        tail = [scores]
    elif is_fused:
        tail = [{**scores, "activation": HEADS[task][0]}]
    else:
        tail = [scores, {"name": "probabilities", "type": HEADS[task][0]}]
    return spec_of([hidden, *tail], training={"task": task, **training})


def logits_of(x, w):
    hidden = torch.tanh(x @ w["hidden.weight"].T + w["hidden.bias"])
    return hidden @ w["scores.weight"].T + w["scores.bias"]


def tensors_of(weights):
    return {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}


def built(spec, weights=None, *, dtype="float64", **options):
    return backend.compile(spec, KerasOptions(training=True, **options)).build(weights, dtype=dtype)


RNG = np.random.default_rng(3)
CLASSES = RNG.integers(0, 4, size=4)
DENSE = RNG.dirichlet(np.ones(4), size=4)
REAL = RNG.normal(size=(4, 4))
SIGNS = RNG.uniform(size=(4, 4))
LOSSES = {
    "classes": ("multiclass", {}, CLASSES, lambda z: F.cross_entropy(z, torch.tensor(CLASSES))),
    "dense": ("multiclass", {}, DENSE, lambda z: F.cross_entropy(z, torch.tensor(DENSE))),
    "binary": (
        "binary",
        {},
        SIGNS,
        lambda z: F.binary_cross_entropy_with_logits(z, torch.tensor(SIGNS)),
    ),
    "mse": ("regression", {}, REAL, lambda z: F.mse_loss(z, torch.tensor(REAL))),
    "mae": ("regression", {"loss": "mae"}, REAL, lambda z: F.l1_loss(z, torch.tensor(REAL))),
}


@pytest.mark.parametrize("is_fused", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("case", LOSSES)
def test_loss_and_its_gradient(case, scale, is_fused):
    task, training, target, reference = LOSSES[case]
    spec = network(task, is_fused=is_fused, **training)
    weights, inputs = random_weights(spec.graph), arrays_of(spec.graph)
    weights["scores.weight"] = weights["scores.weight"] * scale
    program = built(spec, weights)
    assert isinstance(program, Trainable)
    tensors = tensors_of(weights)
    loss = reference(logits_of(torch.tensor(inputs["image"]), tensors))
    loss.backward()
    value, gradients = program.gradients(inputs, target)
    assert value == pytest.approx(loss.item(), rel=1e-13)
    assert program.loss(inputs, target) == pytest.approx(loss.item(), rel=1e-13)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(gradients[name], tensor.grad, rtol=1e-11, atol=1e-13)


OPTIMIZERS = {
    "sgd": ({"type": "sgd", "learning_rate": 0.1}, lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        lambda p: torch.optim.SGD(p, 0.1, 0.9),
    ),
    "nesterov": (
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.8, "nesterov": True},
        lambda p: torch.optim.SGD(p, 0.1, 0.8, nesterov=True),
    ),
    "adam": ({"type": "adam"}, lambda p: torch.optim.Adam(p)),
    "adam_set": (
        {"type": "adam", "learning_rate": 0.03, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
        lambda p: torch.optim.Adam(p, 0.03, (0.8, 0.95), 1e-3),
    ),
}


def drift(case, steps=8, *, stock=False, dtype="float64"):
    """Return how far the weights are from PyTorch's after some steps."""
    fields, make = OPTIMIZERS[case]
    spec = network(optimizer=fields)
    weights, inputs = random_weights(spec.graph), arrays_of(spec.graph)
    program = built(spec, weights, stock=stock, dtype=dtype)
    tensors = tensors_of(weights)
    optimizer = make(list(tensors.values()))
    for _ in range(steps):
        optimizer.zero_grad()
        z = logits_of(torch.tensor(inputs["image"]), tensors)
        loss = F.cross_entropy(z, torch.tensor(CLASSES))
        loss.backward()
        optimizer.step()
        given = program.train_step(inputs, CLASSES)
        assert given == pytest.approx(loss.item(), rel=1e-4)
    after = program.weights()
    return max(np.abs(after[name] - t.detach().numpy()).max() for name, t in tensors.items())


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizer_is_that_of_the_spec(case):
    assert drift(case) < 1e-12


@pytest.mark.parametrize("case", ["adam", "momentum"])
def test_optimizer_in_single_precision(case):
    assert drift(case, dtype="float32") < 1e-5


def test_stock_adam_differs():
    assert 1e-9 < drift("adam", stock=True) < 1e-2
    source = backend.compile(network(), KerasOptions(True, stock=True)).source
    assert "keras.optimizers.Adam(" in source
    assert "class Adam" not in source


def test_stock_sgd_needs_no_class():
    spec = network(optimizer={"type": "sgd", "momentum": 0.5})
    source = backend.compile(spec, KerasOptions(True, stock=True)).source
    assert "keras.optimizers.SGD(learning_rate=0.01, momentum=0.5)" in source
    assert "class " not in source


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ["momentum", "adam"])
def test_resuming_goes_on_bit_for_bit(case, dtype):
    spec = network(optimizer=OPTIMIZERS[case][0])
    inputs = arrays_of(spec.graph)
    whole = built(spec, dtype=dtype)
    for _ in range(5):
        whole.train_step(inputs, CLASSES)
    first = built(spec, dtype=dtype)
    for _ in range(3):
        first.train_step(inputs, CLASSES)
    second = built(spec, first.weights(), dtype=dtype)
    second.load_optimizer_state(first.optimizer_state())
    for _ in range(2):
        second.train_step(inputs, CLASSES)
    expected, given = whole.weights(), second.weights()
    assert all(np.array_equal(expected[name], given[name]) for name in expected)


def test_reseeding_repeats_the_dropout():
    layers = [{"type": "dropout", "rate": 0.5}, {"name": "scores", "type": "dense", "units": 4}]
    spec = spec_of([*layers, {"type": "softmax"}], training=MULTICLASS)
    program, inputs = built(spec), arrays_of(spec.graph)

    def losses(seed):
        program.reseed(seed)
        return [program.gradients(inputs, CLASSES)[0] for _ in range(3)]

    assert losses(1)[0] == losses(1)[0]
    assert losses(1)[0] != losses(2)[0]
    weights = program.weights()
    program.reseed(5)
    steps = [program.train_step(inputs, CLASSES) for _ in range(3)]
    program.load_weights(weights)
    program.reseed(5)
    assert program.train_step(inputs, CLASSES) == steps[0]
    assert program.loss(inputs, CLASSES) == program.loss(inputs, CLASSES)


def test_a_program_compiled_without_training_trains_by_the_spec():
    spec = network()
    program = backend.compile(spec).build(dtype="float64")
    other = built(spec)
    inputs = arrays_of(spec.graph)
    assert program.train_step(inputs, CLASSES) == other.train_step(inputs, CLASSES)
    assert program.train_step(inputs, CLASSES) == other.train_step(inputs, CLASSES)


def test_no_training_section_is_said():
    spec = spec_of([{"type": "dense", "units": 2}])
    with pytest.raises(UsageError, match="no `training` section"):
        backend.compile(spec, Options(training=True))
    with pytest.raises(UsageError, match="no `training` section"):
        backend.compile(spec).build().loss(arrays_of(spec.graph), CLASSES)


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("layout", ["spec", "native"])
@pytest.mark.parametrize("is_fused", [False, True])
def test_the_logits_of_an_image_lie_as_declared(data_format, layout, is_fused):
    shape = (2, 4, 3) if data_format == "channels_first" else (4, 3, 2)
    convolution = {"name": "scores", "type": "conv2d", "filters": 2, "kernel_size": 1}
    layers = (
        [{**convolution, "activation": "sigmoid"}]
        if is_fused
        else [
            convolution,
            {"name": "mask", "type": "sigmoid"},
        ]
    )
    spec = spec_of(layers, inputs=shape, data_format=data_format, training={"task": "binary"})
    inputs = arrays_of(spec.graph)
    program = backend.compile(spec, Options(layout=layout)).build(dtype="float64")
    output = program.forward(inputs)[spec.graph.outputs[0]]
    assert output.shape == (4, *shape)
    target = RNG.integers(0, 2, size=output.shape).astype(float)
    expected = -np.mean(target * np.log(output) + (1 - target) * np.log1p(-output))
    assert program.loss(inputs, target) == pytest.approx(expected, rel=1e-12)


def write_rows(path, rows=23):
    rng = np.random.default_rng(0)
    columns = [f"x{i}" for i in range(5)]
    lines = [",".join([*columns, "label"])]
    lines += [
        ",".join([*map(str, row), "abcd"[int(abs(row[0] * 7)) % 4]])
        for row in rng.normal(size=(rows, 5))
    ]
    path.write_text("\n".join(lines) + "\n")


def data_spec(folder, *, inputs=("image",), **training):
    write_rows(folder / "rows.csv")
    each = [f"x{i}" for i in range(5)]
    features = {"image": each} if inputs == ("image",) else {"a": each[:2], "b": each[2:]}
    shapes = {name: {"shape": [len(columns)]} for name, columns in features.items()}
    joined = [{"type": "concatenate", "inputs": list(inputs)}] if len(inputs) > 1 else []
    document = {
        "nnspec": 1,
        "name": "Rows",
        "inputs": shapes,
        "layers": [
            *joined,
            {"name": "scores", "type": "dense", "units": 4},
            {"name": "probabilities", "type": "softmax"},
        ],
        "data": {
            "source": "rows.csv",
            "features": features,
            "target": "label",
            "validation": 0.2,
            "standardize": True,
        },
        "training": {"task": "multiclass", "epochs": 3, "batch_size": 4, **training},
    }
    path = folder / "rows.json"
    path.write_text(json.dumps(document))
    return load(path)


# Keras's own writer of weights calls NumPy so.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("inputs", [("image",), ("a", "b")])
def test_the_emitted_program_trains_as_nnspec_does(tmp_path, monkeypatch, capsys, inputs):
    """`fit` sees the same rows in the same order: the same weights after every epoch."""
    import keras

    from nnspec.data.rows import load_data
    from nnspec.support.streams import permutation
    from nnspec.training.batches import batches

    spec = data_spec(tmp_path, inputs=inputs)
    program = built(spec, dtype="float32")
    emitted = program.emitted
    data = load_data(spec)
    made, record = emitted.load_data(tmp_path / "rows.csv")
    assert list(record["inputs"]) == list(inputs)
    *values, target = made["train"]
    assert np.array_equal(target, data.train.target)
    for array, name in zip(values, spec.graph.inputs, strict=True):
        np.testing.assert_allclose(array, data.train.inputs[name], rtol=1e-6)

    model = emitted.rows()
    model.set_weights(program.model.get_weights())
    network = emitted.compiled(model)
    given = values[0] if len(values) == 1 else values
    network.fit(emitted.Batches(given, target), epochs=3, shuffle=False, verbose=0)
    for epoch in (1, 2, 3):
        order = permutation(len(data.train), "order", 0, epoch)
        for batch in batches(data.train, 4, order):
            program.train_step(batch.inputs, batch.target)
    for fitted, stepped in zip(model.get_weights(), program.model.get_weights(), strict=True):
        np.testing.assert_allclose(fitted, stepped, rtol=1e-4, atol=1e-6)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["rows.py"])
    emitted.main()
    assert "validation" in capsys.readouterr().out
    saved = keras.models.load_model(tmp_path / "rows.keras")
    output = saved.predict(values[0] if len(values) == 1 else values, verbose=0)
    np.testing.assert_allclose(output.sum(axis=-1), 1, rtol=1e-5)


def test_a_network_of_two_outputs_cannot_be_trained():
    spec = loads(
        json.dumps(
            {
                "nnspec": 1,
                "name": "Two",
                "inputs": {"image": {"shape": [3]}},
                "layers": [
                    {"name": "a", "type": "dense", "units": 2},
                    {"name": "b", "type": "dense", "units": 2},
                ],
                "outputs": ["a", "b"],
            }
        ),
        is_json=True,
    )
    assert backend.compile(spec).build().forward(arrays_of(spec.graph)).keys() == {"a", "b"}


@pytest.mark.parametrize("fields", list(variants(KNOWN)), ids=named)
def test_an_optimizer_is_made_again_from_its_config(fields):
    optimizer = built(network(optimizer=fields)).training.make_optimizer()
    config = optimizer.get_config()
    assert type(optimizer).from_config(config).get_config() == config
    # What a flag changes may be another class.
    numbers = {
        value
        for key, value in fields.items()
        if key != "learning_rate" and isinstance(value, float) and value
    }
    assert numbers <= {value for value in config.values() if isinstance(value, float)}
