"""Clipping and accumulation: one meaning, equal in both sources, whose scripts follow it too."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_cases import Case, first_weights, require_weights_of_train, run, script_of
from script_cases import spec_of as spec_with_rows

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.emit.loading import load_source
from nnspec.language.clipping import Clip
from nnspec.network.loader import Spec, loads
from nnspec.training.epochs import train
from nnspec.training.run import TrainingInterrupted
from nnspec.verification.samples import random_inputs, random_target
from nnspec_keras.options import KerasOptions
from tests.formatting import assert_clean

BACKENDS = ("torch", "keras")
CLIPS: list[dict[str, float] | None] = [
    None, {"norm": 0.05}, {"norm_each": 0.02}, {"value": 0.003}, {"norm": 1e6},
]  # fmt: skip
COUNTS = (1, 3)
OPTIMIZERS: list[dict[str, Any]] = [
    {"type": "sgd", "learning_rate": 0.5},
    {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
    {"type": "adam", "learning_rate": {"schedule": "cosine", "peak": 0.03, "steps": 9}},
    {"type": "adamw"},
]
# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]


def network(
    clip: dict[str, float] | None, accumulate: int, optimizer: object = "sgd", name: str = "ids"
) -> Spec:
    """Return a network with ids that repeat, and a GRU, of which Keras holds two biases in one."""
    document = {
        "nnspec": 1,
        "name": "Small",
        "inputs": {name: {"shape": [6], "dtype": "int64"}},
        "layers": [
            {"name": "table", "type": "embedding", "input_dim": 4, "output_dim": 3},
            {"name": "memory", "type": "gru", "units": 3},
            {"name": "scores", "type": "dense", "units": 3},
        ],
        "training": {
            "task": "multiclass",
            "optimizer": optimizer,
            "clip": clip,
            "accumulate": accumulate,
        },
    }
    if clip is None:
        del document["training"]["clip"]  # type: ignore[attr-defined]
    return loads(json.dumps(document))


def built(spec: Spec, backend: str, **options: Any) -> Any:
    own = get_backend(backend).options(training=True, **options)
    return get_backend(backend).compile(spec, own).build(dtype="float64")


def batch(spec: Spec, number: int) -> tuple[Any, Any]:
    inputs = random_inputs(spec.graph, 4, {}, number)
    return inputs, random_target(spec.graph, "multiclass", 4, {}, number)


@pytest.mark.parametrize("clip", CLIPS, ids=str)
def test_steps_follow_the_formula_in_both_sources(clip: dict[str, float] | None) -> None:
    """Batches that do not fill a step wait; the mean of several is clipped, and clipped once."""
    for count, optimizer in zip(COUNTS, OPTIMIZERS[1:], strict=False):
        spec = network(clip, count, optimizer)
        training = spec.model.training
        assert training is not None
        for backend in BACKENDS:
            program = built(spec, backend)
            weights = program.weights()
            steps = {name: training.optimizer.steps() for name in weights}
            total: dict[str, Any] = {}
            for number in range(3 * count):
                total = {} if number % count == 0 else total
                rows = batch(spec, number)
                for name, gradient in program.gradients(*rows)[1].items():
                    total[name] = total.get(name, 0.0) + gradient / count
                program.train_step(*rows)
                if (number + 1) % count == 0:
                    clipped = training.clip.clipped(total) if training.clip else total
                    for name, gradient in clipped.items():
                        step = steps[name]
                        assert step is not None
                        weights[name] = step(weights[name], gradient, 1 + number // count)
                after = program.weights()
                for name, array in weights.items():
                    assert np.abs(array - after[name]).max() < 1e-12, (backend, count, name)


def test_a_clipping_is_that_of_pytorch() -> None:
    import torch

    draw = np.random.default_rng(3)
    arrays = {"a": draw.normal(size=(3, 2)), "b": 1e3 * draw.normal(size=4), "c": np.zeros(2)}
    for kind, limit in itertools.product(("norm", "norm_each", "value"), (1e-3, 0.5, 1e5)):
        tensors = {name: torch.zeros(array.shape).double() for name, array in arrays.items()}
        for name, tensor in tensors.items():
            tensor.grad = torch.from_numpy(arrays[name].copy())
        for group in [tensors.values()] if kind != "norm_each" else [[t] for t in tensors.values()]:
            if kind == "value":
                torch.nn.utils.clip_grad_value_(group, limit)
            else:
                torch.nn.utils.clip_grad_norm_(group, limit)
        for name, array in Clip(**{kind: limit}).clipped(arrays).items():
            given = tensors[name].grad
            assert given is not None
            np.testing.assert_allclose(given.numpy(), array, rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("of", BACKENDS)
def test_a_run_goes_on_within_a_step_in_either_framework(of: str, backend: str) -> None:
    spec = network({"norm": 0.05}, 3, OPTIMIZERS[2])
    whole, cut = built(spec, of), built(spec, backend)
    for number in range(4):
        whole.train_step(*batch(spec, number))
    cut.train_step(*batch(spec, 9))
    cut.load_weights(whole.weights())
    cut.load_optimizer_state(whole.optimizer_state())
    for number in range(4, 8):
        whole.train_step(*batch(spec, number))
        cut.train_step(*batch(spec, number))
        expected = whole.weights()
        for name, array in cut.weights().items():
            assert np.abs(array - expected[name]).max() <= (0 if of == backend else 1e-13)


def test_a_state_that_lacks_what_waits_is_refused() -> None:
    program = built(network(None, 3), "torch")
    state = program.optimizer_state()
    for wrong, said in (
        ({"batch": np.array(3)}, "3"),
        ({"gradient/table.weight": np.zeros(2)}, "expected to be"),
        ({"gradient/other": np.zeros(2)}, "does not"),
    ):
        with pytest.raises(nnspec.WeightsError, match=said):
            program.load_optimizer_state({**state, **wrong})
    del state["batch"]
    with pytest.raises(nnspec.WeightsError, match="batch"):
        program.load_optimizer_state(state)


def test_the_emitted_sources_are_clean_whatever_the_input_is_called(tmp_path: Path) -> None:
    names = ("ids", "number", "parameter")
    for i, (clip, count) in enumerate(itertools.product(CLIPS, COUNTS)):
        spec = network(clip, count, OPTIMIZERS[i % 4], names[i % 3])
        for backend, options in (
            ("torch", Options(True)), ("keras", Options(True)),
            ("keras", KerasOptions(True, stock=True)),
        ):  # fmt: skip
            compiled = get_backend(backend).compile(spec, options)
            compiled.write(tmp_path / f"{backend}_{i}_{type(options).__name__}.py")
    assert_clean(tmp_path)
    for name in names[1:]:
        spec = network({"norm_each": 0.5}, 2, name=name)
        built(spec, "torch").train_step(*batch(spec, 1))


def test_an_optimizer_of_keras_is_made_again_from_its_config() -> None:
    for clip, count in itertools.product(CLIPS, COUNTS):
        optimizer = built(network(clip, count, OPTIMIZERS[2]), "keras").training.make_optimizer()
        again = type(optimizer).from_config(optimizer.get_config())
        assert again.get_config() == optimizer.get_config()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_script_ends_with_the_weights_of_train(backend: str, tmp_path: Path, eager: None) -> None:
    """46 rows in batches of 8 are 6 an epoch: a step of 4 batches goes on in the next epoch."""
    settings = {
        "optimizer": {"type": "adam", "learning_rate": {**OPTIMIZERS[2]["learning_rate"]}},
        "clip": {"norm": 0.3},
        "accumulate": 4,
        "epochs": 3,
    }
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=settings)
    module = script_of(spec, backend)
    output = tmp_path / ("out.safetensors" if backend == "torch" else "out.keras")
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resumed_run_is_the_uninterrupted_one(backend: str, tmp_path: Path, eager: None) -> None:
    settings = {"optimizer": OPTIMIZERS[1], "accumulate": 4, "clip": {"value": 0.1}, "epochs": 3}
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=settings)

    def interrupt(epoch: int, step: int, steps: int, loss: float) -> None:
        if (epoch, step) == (2, 4):
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        train(spec, backend, tmp_path / "cut", on_step=interrupt)
    cut = train(spec, backend, tmp_path / "cut", resume=True)
    whole = train(spec, backend, tmp_path / "whole")
    assert cut.last.read_bytes() == whole.last.read_bytes()


@pytest.mark.parametrize(
    ("clip", "count"), [({"norm": 0.05}, 2), ({"norm_each": 1e4}, 1), ({"value": 1e-4}, 5)]
)
def test_a_verification_proves_what_is_clipped_and_accumulated(
    clip: dict[str, float], count: int
) -> None:
    report = nnspec.verify(network(clip, count, OPTIMIZERS[2]), backends=BACKENDS)
    assert report.passed, report.to_json()
    assert {"training", "optimizer"} <= {check.kind for check in report.checks}


def test_an_optimizer_of_keras_is_built_within_a_graph() -> None:
    """No variable of it may begin as another: the first step of `fit` makes them."""
    import keras
    import tensorflow as tf

    spec = network({"norm": 0.05}, 1, {"type": "rprop", "decay": 0.1})
    compiled = get_backend("keras").compile(spec, Options(training=True))
    optimizer = load_source(compiled.source, "built_within").make_optimizer()
    variable = keras.Variable(np.ones((2, 3), "float32"))

    @tf.function
    def step() -> None:
        optimizer.apply([tf.ones((2, 3))], [variable])

    step()
    assert not (np.asarray(variable) == 1).any()
