"""Optimizers that treat parameters by their shapes, over whatever Keras holds otherwise."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from nnspec.network.loader import Spec, loads
from nnspec.verification.samples import random_inputs, random_target
from tests.training.test_optimizer_state import BACKENDS
from tests.training.test_training_tables import programs_of

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


@pytest.mark.parametrize("kind", ["adafactor"])
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
