"""Optimizers that treat parameters by their shapes, over whatever Keras holds otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_cases import Case, first_weights, run, script_of, trained, weights_of
from script_cases import spec_of as spec_with_rows

import nnspec
from nnspec.errors import SpecError
from nnspec.network.loader import Spec, loads
from nnspec.network.matrices import hidden_matrices
from nnspec.verification.samples import random_inputs, random_target
from nnspec.weights.canonical import load_weights
from tests.formatting import assert_clean
from tests.training.test_optimizer_state import BACKENDS
from tests.training.test_training_tables import programs_of, spec_of

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]

# Kernels of every rank, of which Keras has the axes in another order, cut or merged; lengths of
# normalised weights; matrices that it transposes, and some that it does not; a pair in a variable.
LAYERS: list[dict[str, Any]] = [
    {"type": "conv2d", "filters": 4, "kernel_size": [2, 3], "padding": "same"},
    {"type": "depthwise_conv2d", "kernel_size": 3, "depth_multiplier": 2, "padding": "same"},
    {"type": "layer_normalization", "axis": [-2, -1]},
    {"type": "conv2d_transpose", "filters": 3, "kernel_size": 2, "padding": "same"},
    {"type": "separable_conv2d", "filters": 5, "kernel_size": 2, "depth_multiplier": 2,
     "weight_normalization": True},
    {"type": "reshape", "shape": [9, 5]},
    {"type": "conv1d", "filters": 4, "kernel_size": 3},
    {"type": "depthwise_conv1d", "kernel_size": 2, "depth_multiplier": 2},
    {"type": "bidirectional", "layer": {"type": "gru", "units": 3, "return_sequences": True}},
    {"type": "multi_head_attention", "num_heads": 2, "use_bias": False},
    {"type": "global_average_pooling1d"},
    {"type": "dense", "name": "hidden", "units": 4, "activation": "tanh"},
    {"type": "dense", "name": "scores", "units": 2},
]  # fmt: skip


def shaped(optimizer: dict[str, Any], **training: Any) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Shaped",
        "data_format": "channels_last",
        "inputs": {"x": {"shape": [4, 4, 2]}},
        "layers": LAYERS,
        "training": {"task": "regression", "optimizer": optimizer, **training},
    }
    return loads(json.dumps(document))


def followed(programs: Any, spec: Spec, numbers: range) -> None:
    for number in numbers:
        inputs = random_inputs(spec.graph, 3, {}, number)
        target = random_target(spec.graph, "regression", 3, {}, number)
        for program in programs.values():
            program.train_step(inputs, target)


@pytest.mark.parametrize("kind", ["adafactor", "muon", "schedule_free_adamw"])
def test_parameters_of_every_shape_move_alike_and_what_is_remembered_moves(kind: str) -> None:
    spec = shaped({"type": kind, "learning_rate": 0.05, "decay": {"rate": 0.1, "of": "weights"}})
    programs = programs_of(spec)
    followed(programs, spec, range(3))
    states = {name: programs[name].optimizer_state() for name in BACKENDS}
    weights = {name: programs[name].weights() for name in BACKENDS}
    for key, array in states["torch"].items():
        other = states["keras"][key]
        assert other.shape == array.shape
        assert np.abs(other - array).max() <= 1e-9 * np.abs(array).max(), key
    followed(programs, spec, range(3, 5))
    expected = programs["torch"].weights()
    for start, end in (BACKENDS, BACKENDS[::-1]):
        program = programs[end]
        program.load_weights(weights[start])
        program.start_training()
        program.load_optimizer_state(states[start])
        followed({end: program}, spec, range(3, 5))
        after = program.weights()
        for key, array in expected.items():
            assert np.abs(after[key] - array).max() < 1e-9, (end, key)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["schedule_free_adamw", "sgd"])
def test_averages_are_followed_in_processes_of_their_own_too(kind: str) -> None:
    average = {} if kind != "sgd" else {"average": {"type": "ema", "decay": 0.5}}
    spec = spec_of("", [4], optimizer=kind, **average)
    report = nnspec.verify(spec, backends=BACKENDS, steps=1, processes=True)
    assert [check.detail for check in report.checks if not check.passed] == []
    assert any(check.kind == "optimizer" for check in report.checks)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_measured_and_kept_is_the_average_of_the_formula(backend: str) -> None:
    spec = spec_of("", [4], optimizer={"type": "schedule_free_adamw", "learning_rate": 0.1})
    program = programs_of(spec)[backend]
    optimizer = spec.model.training.optimizer  # type: ignore[union-attr]
    first = program.weights()
    steps = {name: optimizer.steps() for name in first}
    for number in range(1, 5):
        inputs = random_inputs(spec.graph, 3, {}, number)
        target = random_target(spec.graph, "regression", 3, {}, number)
        _, gradients = program.gradients(inputs, target)
        before = program.weights()
        program.train_step(inputs, target)
        for name, gradient in gradients.items():
            steps[name](before[name], gradient, number)
    live = program.weights()
    with program.averaged():
        given = program.weights()
    assert all(np.array_equal(array, live[name]) for name, array in program.weights().items())
    for name, array in given.items():
        assert np.abs(array - vars(steps[name])["average"]()).max() < 1e-12, name
        assert np.abs(array - live[name]).max() > 1e-4, name


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_script_without_a_schedule_ends_with_the_averages_of_train(
    backend: str, tmp_path: Path
) -> None:
    optimizer = {"type": "schedule_free_adamw", "learning_rate": 0.05}
    training = {"optimizer": optimizer, "epochs": 3}
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=training)
    script = script_of(spec, backend)
    assert_clean(spec.folder)
    output = tmp_path / ("out.safetensors" if backend == "torch" else "out.keras")
    run(script, "--weights", first_weights(spec, backend), "--output", output)
    expected, given = trained(spec, backend), weights_of(spec, backend, output)
    for name, array in expected.items():
        assert np.abs(array - given[name]).max() < 2e-5, name
    last = load_weights(tmp_path / "run" / "last.safetensors")
    assert any(np.abs(array - expected[name]).max() > 1e-4 for name, array in last.items())


def test_hidden_matrices_are_neither_embeddings_nor_the_last_weights() -> None:
    layers: list[dict[str, Any]] = [
        {"type": "embedding", "name": "ids", "input_dim": 9, "output_dim": 6},
        {"type": "multi_head_attention", "name": "attend", "num_heads": 2},
        {"type": "layer_normalization", "name": "norm", "axis": [-2, -1]},
        {"type": "conv1d", "name": "conv", "filters": 6, "kernel_size": 3},
        {"type": "gru", "name": "memory", "units": 4},
        {"type": "dense", "name": "left", "units": 3},
        {"type": "dense", "name": "right", "inputs": ["memory"], "units": 3},
        {"type": "add", "name": "both", "inputs": ["left", "right"]},
    ]
    document = {
        "nnspec": 1, "name": "Net", "data_format": "channels_last",
        "inputs": {"x": {"shape": [6], "dtype": "int64"}},
        "layers": layers, "training": {"task": "regression", "optimizer": "muon"},
    }  # fmt: skip
    spec = loads(json.dumps(document))
    assert hidden_matrices(spec.graph) == {
        *(f"attend.{part}.weight" for part in ("q", "k", "v", "out")),
        *("memory.weight_ih_l0", "memory.weight_hh_l0"),
    }


@pytest.mark.parametrize("training", [
    {"average": {"type": "ema", "decay": 0.5}, "optimizer": "schedule_free_adamw"},
])  # fmt: skip
def test_an_average_beside_an_average_is_refused(training: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="keeps an average of its own"):
        spec_of("", [4], **training)


@pytest.mark.parametrize("optimizer", ["nadam", "schedule_free_adamw"])
def test_groups_are_those_of_each_weight_where_one_has_no_gradient(optimizer: str) -> None:
    """Keras's Nadam builds anew at each step, of the weights that have one."""
    spec = loads(
        """
nnspec: 1
name: A
inputs: {x: {shape: [3]}}
layers:
  - {name: idle, type: dense, units: 2, inputs: x}
  - {name: quiet, type: stop_gradient}
  - {name: hidden, type: dense, units: 4, activation: tanh, inputs: x}
  - {name: both, type: concatenate, inputs: [quiet, hidden]}
  - {name: y, type: dense, units: 1}
training: {task: regression, optimizer: {type: nadam, decay: {rate: 0.1, of: weights}}}
data: {source: a.csv, features: {x: "x_*"}, target: y}
""".replace("nadam", optimizer)
    )
    report = nnspec.verify(
        spec, backends=("torch", "keras"), exporters=False, levels="gradients,training"
    )
    assert report.passed, report.to_json()
