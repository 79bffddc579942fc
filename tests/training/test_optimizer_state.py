"""What an optimizer remembers, by neutral names: one framework goes on from another's."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from nnspec.errors import WeightsError
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.network.loader import Spec, loads
from nnspec.verification.samples import random_inputs, random_target
from nnspec.weights.optimizer_state import slots_of
from tests.training.test_training_tables import programs_of, spec_of
from tests.variants import named, variants

BACKENDS = ("torch", "keras")
# Parameters that Keras holds in another order of axes, of gates, or two in one variable; frozen
# ones; lengths and directions; and running statistics.
LAYERS: list[dict[str, Any]] = [
    {"type": "embedding", "input_dim": 7, "output_dim": 4, "trainable": False},
    {"type": "conv1d", "filters": 3, "kernel_size": 2, "use_bias": False},
    {"type": "batch_normalization"},
    {"type": "gru", "units": 3, "return_sequences": True},
    {"type": "lstm", "units": 2},
    {"type": "dense", "units": 3, "weight_normalization": True},
    {"type": "dense", "name": "scores", "units": 2},
]


def mixed(optimizer: dict[str, Any]) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Mixed",
        "data_format": "channels_last",
        "inputs": {"ids": {"shape": [3], "dtype": "int64"}},
        "layers": LAYERS,
        "training": {"task": "regression", "optimizer": optimizer},
    }
    return loads(json.dumps(document))


@cache
def batch(number: int) -> tuple[Any, Any]:
    graph = mixed({"type": "sgd"}).graph
    return random_inputs(graph, 4, {}, number), random_target(graph, "regression", 4, {}, number)


def steps(program: Any, numbers: range) -> None:
    for number in numbers:
        program.train_step(*batch(number))


@pytest.mark.parametrize("fields", list(variants(OPTIMIZERS)), ids=named)
def test_either_framework_goes_on_from_the_state_of_the_other(fields: dict[str, Any]) -> None:
    rate: Any = {"schedule": "exponential", "initial": 0.03, "factor": 0.5, "steps": 2}
    if not OPTIMIZERS[fields["type"]].takes_schedule:
        rate = 0.03
    spec = mixed({**fields, "learning_rate": rate})
    programs = programs_of(spec)
    at_half, expected = {}, {}
    for name in BACKENDS:
        steps(programs[name], range(3))
        at_half[name] = programs[name].weights(), programs[name].optimizer_state()
        steps(programs[name], range(3, 6))
        expected[name] = programs[name].weights()
    optimizer = spec.model.training.optimizer  # type: ignore[union-attr]
    names = {"step", *optimizer.scalars, *(name for name, *_ in slots_of(spec.graph, optimizer))}
    learnt = [name for name, parameter in spec.graph.parameters() if parameter.learns]
    for start, end in (BACKENDS, BACKENDS[::-1]):
        weights, state = at_half[start]
        assert set(state) == names
        assert state["step"] == 3
        program = programs[end]
        program.load_weights(weights)
        program.start_training()
        program.load_optimizer_state(state)
        again = program.optimizer_state()
        assert all(np.array_equal(again[name], array) for name, array in state.items())
        steps(program, range(3, 6))
        after = program.weights()
        for name in learnt:
            for other in BACKENDS:
                assert np.abs(after[name] - expected[other][name]).max() < 1e-9, (end, name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_state_of_no_step_begins_anew(backend: str) -> None:
    spec = spec_of("", [4], optimizer={"type": "adagrad", "initial_sum": 0.5})
    graph = spec.graph
    rows = random_inputs(graph, 4, {}, 1), random_target(graph, "regression", 4, {}, 1)
    new, used = programs_of(spec)[backend], programs_of(spec)[backend]
    state = new.optimizer_state()
    assert state["step"] == 0
    assert state["hidden.bias/sum"].tolist() == [0.5] * 5
    weights = new.weights()
    used.train_step(*rows)
    used.load_weights(weights)
    used.load_optimizer_state(state)
    for program in (new, used):
        program.train_step(*rows)
    after = new.weights()
    assert all(np.array_equal(after[name], array) for name, array in used.weights().items())


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_state_of_anything_else_is_refused(backend: str) -> None:
    spec = spec_of("", [4], optimizer={"type": "adam"})
    program = programs_of(spec)[backend]
    state = program.optimizer_state()
    wrong = [
        ({"0.exp_avg": np.zeros(3)}, "another version of nnspec"),
        ({**state, "step": np.array(0.5)}, "no number of steps"),
        ({**state, "step": np.array(-1)}, "no number of steps"),
        ({**state, "hidden.bias/velocity": np.zeros(5)}, "does not remember"),
        ({**state, "hidden.bias/mean": np.zeros(4)}, r"shape \(4,\), and \(5,\)"),
        ({n: a for n, a in state.items() if n != "scores.bias/square"}, 'lacks "scores.bias'),
    ]
    for given, said in wrong:
        with pytest.raises(WeightsError, match=said):
            program.load_optimizer_state(given)


def test_slots_have_names_that_no_other_ends_with() -> None:
    # Keras's variables are found by the ends of their names.
    for fields in variants(OPTIMIZERS):
        slots = OPTIMIZERS[fields["type"]].model_validate(fields).slots
        assert not [(a, b) for a in slots for b in slots if a != b and a.endswith(f"_{b}")]
