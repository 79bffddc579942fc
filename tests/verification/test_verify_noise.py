"""Random layers draw the same numbers in every source, so that training is compared with them."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.backend import Can, Options, TakesNoise, get_backend
from nnspec.network.loader import Spec, loads
from nnspec.support.noise import QUIET, Ahead, Drawer, Noise
from nnspec.verification import suite, verifier
from nnspec.verification.noise import GIVEN, silenced, with_noise
from nnspec.weights.canonical import initial_weights
from tests.detection import measure
from tests.detection.random_faults import LATER

IMAGE = (
    {"x": {"shape": [3, 5, 4]}},
    [
        {"type": "gaussian_noise", "stddev": 0.3},
        {"type": "conv2d", "filters": 5, "kernel_size": 3, "padding": "same"},
        {"type": "dropout", "rate": 0.3},
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same"},
        {"type": "spatial_dropout2d", "rate": 0.4},
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same"},
        {"type": "gaussian_dropout", "rate": 0.2},
        {"type": "flatten"},
        {"type": "dense", "units": 3},
    ],
)
VECTOR = (
    {"x": {"shape": [6]}},
    [
        {"name": "mean", "type": "dense", "units": 5, "inputs": "x"},
        {"name": "spread", "type": "dense", "units": 5, "inputs": "x"},
        {"type": "sampling", "inputs": ["mean", "spread"]},
        {"type": "alpha_dropout", "rate": 0.3},
        {"type": "dense", "units": 3},
    ],
)
SEQUENCE = (
    {"x": {"shape": ["time", 8]}},
    [
        {"type": "spatial_dropout1d", "rate": 0.3},
        {"type": "multi_head_attention", "num_heads": 2, "dropout": 0.3, "causal": True},
        {"type": "grouped_query_attention", "num_heads": 4, "num_kv_heads": 2, "dropout": 0.2},
        {"type": "lstm", "units": 5, "recurrent_dropout": 0.4, "return_sequences": True},
        {
            "type": "bidirectional",
            "layer": {
                "type": "gru",
                "units": 4,
                "recurrent_dropout": 0.3,
                "return_sequences": True,
            },
        },
        {
            "type": "gru",
            "units": 4,
            "recurrent_dropout": 0.3,
            "reset_after": False,
            "return_sequences": True,
        },
        {"type": "simple_rnn", "units": 3, "recurrent_dropout": 0.4, "go_backwards": True},
    ],
)
BLOCKS = (
    {"x": {"shape": [6]}},
    [
        {"name": "stage", "type": "unit", "repeat": 2},
        {"name": "other", "type": "unit"},
        {"type": "dense", "units": 3},
    ],
)
SHARED = (
    {"x": {"shape": [6]}},
    [
        {"name": "one", "type": "unit"},
        {"name": "again", "type": "shared", "layer": "one"},
        {"name": "alone", "type": "dropout", "rate": 0.5},
        {"type": "dense", "units": 2},
    ],
)
UNIT = {
    "unit": {
        "inputs": ["x"],
        "layers": [{"type": "dense", "units": 6}, {"name": "drop", "type": "dropout", "rate": 0.4}],
    }
}


def network(
    given: tuple[dict[str, Any], list[dict[str, Any]]], data_format: str = "channels_first"
) -> Spec:
    inputs, layers = given
    document = {
        "nnspec": 1,
        "name": "Noisy",
        "data_format": data_format,
        "blocks": UNIT if given in (BLOCKS, SHARED) else {},
        "inputs": inputs,
        "layers": layers,
        "training": {"task": "regression", "optimizer": {"type": "sgd", "learning_rate": 0.1}},
    }
    return loads(json.dumps(document), is_json=True)


SIZES = (4, 4, 2, 4)
"""Rows of each step: masks are drawn for a few steps at once, while these are equal."""


@pytest.mark.parametrize(
    ("given", "data_format", "ways"),
    [
        (IMAGE, "channels_first", ("keras", "graph")),
        (IMAGE, "channels_last", ("keras",)),
        (VECTOR, "channels_first", ("keras",)),
        (SEQUENCE, "channels_first", ("keras",)),
        pytest.param(SEQUENCE, "channels_first", ("graph",), marks=pytest.mark.slow),
        (BLOCKS, "channels_first", ("keras",)),
    ],
    ids=["image", "image-last", "vector", "sequence", "sequence-graph", "blocks"],
)
def test_sources_draw_the_same(given: Any, data_format: str, ways: tuple[str, ...]) -> None:
    """Loss, gradients and steps are the same, step by step and as a graph of TensorFlow."""
    spec = network(given, data_format)
    draw = np.random.default_rng(0)
    weights = {name: np.float64(array) for name, array in initial_weights(spec.graph, 3).items()}
    (output,) = spec.graph.outputs
    shapes = spec.graph.inputs["x"].shape, spec.graph.types[output].shape
    x, y = (draw.normal(size=(4, *(3 if isinstance(n, str) else n for n in s))) for s in shapes)
    found = {}
    for name in ("torch", *ways):
        compiled = get_backend(name.replace("graph", "keras")).compile(spec, Options(training=True))
        program: Any = compiled.build(weights, dtype="float64")
        assert isinstance(program, TakesNoise)
        program.take_noise(5)
        loss, gradients = program.gradients({"x": x}, y)
        assert abs(program.gradients({"x": x}, y)[0] - loss) > 1e-6  # other numbers
        program.take_noise(QUIET)
        quiet = program.gradients({"x": x}, y)[0]
        assert program.gradients({"x": x}, y)[0] == quiet
        program.take_noise(6)
        if name == "graph":
            step = program.stepper({"x": x}, y, 100)
            losses = [step(slice(0, size)) for size in SIZES]
        else:
            losses = [program.train_step({"x": x[:size]}, y[:size]) for size in SIZES]
        found[name] = [loss, quiet, *losses, *gradients.values(), *program.weights().values()]
    for name in ways:
        for one, other in zip(found["torch"], found[name], strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-11)


def test_every_random_layer_of_the_language_is_given_its_numbers() -> None:
    drawn = {
        type(at.node.layer)
        for given in (IMAGE, VECTOR, SEQUENCE)
        for at in network(given).graph.walk()
        if at.node.layer.is_random
    }
    names = {cls.__name__ for cls in GIVEN - drawn}
    assert names == {"SpatialDropout3D"}  # as SpatialDropout2D


def test_a_module_that_takes_numbers_can_be_copied() -> None:
    """As torch.optim.swa_utils.AveragedModel does."""
    program: Any = get_backend("torch").compile(network(VECTOR), Options(training=True)).build()
    program.take_noise(1)
    copied = copy.deepcopy(program.model)
    assert copied is not program.model
    assert copied.state_dict().keys() == program.model.state_dict().keys()
    # It draws or not as it itself is trained or not.
    program.model.train()
    copied.eval()
    x = program.tensor(np.ones((2, *program.graph.inputs["x"].shape)))
    assert (copied(x) == copied(x)).all()
    assert (program.model(x) != program.model(x)).any()


@pytest.mark.parametrize("axes", [None, (1, 0)])
def test_masks_that_are_drawn_ahead_are_those_of_single_draws(axes: tuple[int, ...] | None) -> None:
    layer = Drawer("a", axes)
    one, other, ahead = Noise(1), Noise(1), Ahead[Any](layer)
    calls = [((4, 3, 5), 0.3)] * 9 + [((1, 3, 5), 0.3), ((4, 3, 5), 0.3), ((4, 3, 5), 0.6)] * 2
    calls += [((200, 300, 2), 0.5)] * 3 + [((0, 3, 5), 0.5)] * 2 + [((4, 3, 5), 0.3)] * 40
    for number, (shape, rate) in enumerate(calls):
        found = ahead.next(one, shape, rate, lambda masks: masks)
        np.testing.assert_array_equal(found, other.kept(layer, shape, rate))
        if number % 4 == 1:
            ahead.give_back()
            found = one.normal(layer, (3, 3, 5))
            np.testing.assert_array_equal(found, other.normal(layer, (3, 3, 5)))
    new = ahead.next(Noise(2), (4, 3, 5), 0.3, lambda masks: masks)
    np.testing.assert_array_equal(new, Noise(2).kept(layer, (4, 3, 5), 0.3))


def test_numbers_stand_at_the_axes_that_the_spec_declares() -> None:
    whole = Noise(1).normal(Drawer("stage.drop"), (2, 3, 4, 5))
    moved = Noise(1).normal(Drawer("stage__drop", (1, 2, 0)), (2, 4, 5, 3))
    np.testing.assert_array_equal(moved, whole.transpose(0, 2, 3, 1))
    kept = Noise(1).kept(Drawer("a"), (4, 500), 0.3)
    np.testing.assert_array_equal(kept, Noise(1).uniform(Drawer("a"), (4, 500)) >= 0.3)
    assert abs(kept.mean() - 0.7) < 0.05
    assert Noise(1).kept(Drawer("a"), (9,), 0.0).all()
    noise = Noise(1)
    assert (noise.uniform(Drawer("a"), (3,)) != noise.uniform(Drawer("a"), (3,))).all()
    assert (Noise(1).uniform(Drawer("a"), (3,)) != Noise(1).uniform(Drawer("b"), (3,))).all()


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize(
    "injection",
    [each for each in LATER if "gradient" in each.name],
    ids=lambda each: each.id,
)
def test_a_fault_that_only_drawing_shows_is_found(
    injection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = tuple(each for each in suite.AFTERWARDS if each[1] is suite.compare_training)
    monkeypatch.setattr(verifier, "AFTERWARDS", checks)
    monkeypatch.setattr(verifier, "WITH_EXACT", ())
    outcome = measure(injection, monkeypatch)
    assert outcome.is_caught
    assert outcome.is_blamed, outcome.blamed


def test_what_cannot_be_given_alike_is_off_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = network(SHARED)
    backends = [get_backend("torch"), get_backend("keras")]
    trained = with_noise(spec.graph, backends)
    assert [path for path, _ in silenced(spec.graph, trained)] == ["one.drop", "again.drop"]
    monkeypatch.setattr(backends[0], "can", Can.GRADIENTS | Can.TRAINING)
    trained = with_noise(spec.graph, backends)
    assert [path for path, _ in silenced(spec.graph, trained)] == [
        "one.drop",
        "again.drop",
        "alone",
    ]
    monkeypatch.undo()
    monkeypatch.setattr(verifier, "WITH_EXACT", ())
    report = nnspec.verify(spec, backends=("torch", "keras"), exporters=False, steps=1)
    assert report.passed
    reasons = {
        each.kind: each.reason for each in report.not_checked if "dropout off" in each.reason
    }
    assert set(reasons) == {"gradient", "training"}
    assert reasons["gradient"].startswith("with one.drop, again.drop at work")
