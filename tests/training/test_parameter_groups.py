"""Coupled and decoupled decay, of all parameters or of some, and groups with rates of their own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.backend import get_backend
from nnspec.errors import SpecError, UnsupportedError
from nnspec.language.optimizers import OPTIMIZERS, Optimizer
from nnspec.network.loader import Spec, loads
from nnspec.network.parameter_groups import parameter_settings
from nnspec.verification.samples import random_inputs, random_target
from tests.formatting import assert_clean
from tests.training.test_optimizer_state import BACKENDS, mixed
from tests.training.test_training_tables import programs_of

DECAYS: dict[str, dict[str, Any]] = {
    "l2": {"l2": 0.1},
    "decay": {"decay": 0.2},
    "both": {"l2": 0.1, "decay": 0.2},
    "of weights": {"decay": {"rate": 0.2, "of": "weights"}},
    "of some": {"l2": {"rate": 0.1, "of": ["*.weight", "lstm_1.*"]}, "decay": 0.2},
    "groups": {
        "l2": 0.1,
        "groups": [
            {"match": "scores.*", "learning_rate": 0.003},
            {"match": ["*.bias*", "batch_normalization_1.*"], "decay": 0.1, "l2": 0.0},
            {"match": "gru_1.*", "learning_rate": {"scale": 0.1}},
        ],
    },
}


def source_of(spec: Spec, backend: str) -> str:
    found = get_backend(backend)
    return found.compile(spec, found.options(training=True)).source


def followed(spec: Spec, program: Any, numbers: range) -> float:
    """Return the largest difference of a weight from what the formula makes of it."""
    optimizer: Optimizer = spec.model.training.optimizer  # type: ignore[union-attr]
    own = parameter_settings(spec.graph, optimizer)
    formulas = {name: optimizer.steps(settings) for name, settings in own.items()}
    worst = 0.0
    for number in numbers:
        inputs = random_inputs(spec.graph, 4, {}, number)
        target = random_target(spec.graph, "regression", 4, {}, number)
        before = program.weights()
        _, gradients = program.gradients(inputs, target)
        program.train_step(inputs, target)
        after = program.weights()
        for name, step in formulas.items():
            assert step is not None
            expected = step(before[name], gradients[name], number + 1)
            worst = max(worst, float(np.abs(after[name] - expected).max()))
    return worst


@pytest.mark.parametrize("case", DECAYS)
def test_each_parameter_is_decayed_as_its_settings_say(case: str) -> None:
    for kind in ("adam", "sgd"):
        spec = mixed({"type": kind, "learning_rate": 0.03, **DECAYS[case]})
        for name, program in programs_of(spec).items():
            assert followed(spec, program, range(2)) < 1e-12, (kind, name)


WORDED: dict[str, dict[str, Any]] = {
    "ftrl": {"ridge": 0.3, "l1": 0.01, "beta": 0.2},
    "asgd": {"pull": 0.1},
    "nadam": {"momentum_decay": 0.5},
}
"""Options whose names in a framework may be those of a group's own settings."""
PAIR = [{"match": "out.*", "decay": 0.2, "l2": 0.01}, {"match": "first.weight", "l2": 0.4}]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_settings_of_a_group_are_no_options_of_the_optimizer(kind: str) -> None:
    optimizer = {"type": kind, "learning_rate": 0.03, "groups": PAIR, **WORDED.get(kind, {})}
    spec = two_layers(optimizer)
    program = program_of(spec, "torch")
    assert followed(spec, program, range(2)) < 1e-12


def two_layers(optimizer: dict[str, Any]) -> Spec:
    """Return a small network."""
    document = {
        "nnspec": 1,
        "name": "Small",
        "inputs": {"x": {"shape": [3]}},
        "layers": [
            {"name": "first", "type": "dense", "units": 3, "activation": "tanh"},
            {"name": "out", "type": "dense", "units": 2},
        ],
        "training": {"task": "regression", "optimizer": optimizer},
    }
    return loads(json.dumps(document), is_json=True)


def program_of(spec: Spec, backend: str) -> Any:
    """Return the network of a backend as it is trained, in float64."""
    found = get_backend(backend)
    return found.compile(spec, found.options(training=True)).build(dtype="float64")


def test_what_is_written_for_it_is_clean(tmp_path: Path) -> None:
    for case, settings in DECAYS.items():
        for kind in ("adam", "sgd"):
            spec = mixed({"type": kind, "learning_rate": 0.03, **settings})
            for backend in BACKENDS:
                text = source_of(spec, backend)
                (tmp_path / f"{case.replace(' ', '_')}_{kind}_{backend}.py").write_text(text)
    assert_clean(tmp_path)


def test_weights_are_neither_biases_nor_of_normalisations_nor_of_one_axis() -> None:
    spec = mixed({"type": "sgd", "decay": {"rate": 0.5, "of": "weights"}})
    settings = parameter_settings(spec.graph, spec.model.training.optimizer)  # type: ignore[union-attr]
    assert {name for name, own in settings.items() if own.decay} == {
        "conv1d_1.weight",
        "gru_1.weight_ih_l0",
        "gru_1.weight_hh_l0",
        "lstm_1.weight_ih_l0",
        "lstm_1.weight_hh_l0",
        "dense_1.weight_v",
        "scores.weight",
    }


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"decay": {"rate": 0.1, "of": "score.*"}},
            'no parameter that is trained is called "score',
        ),
        ({"groups": [{"match": ["embedding_1.*"], "decay": 0}]}, 'called "embedding_1.*"'),
        ({"groups": [{"match": "scores.*"}]}, "sets neither learning_rate, l2 nor decay"),
        ({"groups": [{"match": [], "decay": 0}]}, "is empty"),
        ({"decay": {"rate": 0.1}}, "needs `of`"),
        ({"decay": -1.0}, "at least 0"),
        ({"decay": "much"}, "a number"),
        (
            {
                "learning_rate": {"schedule": "cosine", "peak": 0.1, "steps": 9},
                "groups": [{"match": "scores.*", "learning_rate": 0.1}],
            },
            "follows a schedule",
        ),
        *(
            (
                {
                    "learning_rate": {"schedule": "plateau", "initial": 0.1},
                    "groups": [{"match": "scores.*", "learning_rate": rate}],
                },
                "on a plateau one rate is reduced",
            )
            for rate in (0.1, {"scale": 0.1})
        ),
    ],
)
def test_what_can_not_be_meant_is_said_at_its_place(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=re.escape(said)) as found:
        mixed({"type": "sgd", **settings})
    (problem,) = found.value.problems
    assert problem.mark is not None
    assert problem.hint


def test_two_parameters_that_keras_has_in_one_variable_have_the_same_settings() -> None:
    spec = mixed({"type": "sgd", "groups": [{"match": "gru_1.bias_ih_l0", "decay": 0.1}]})
    with pytest.raises(UnsupportedError, match=r"gru_1.bias_ih_l0 and gru_1.bias_hh_l0"):
        source_of(spec, "keras")
    assert "group" in source_of(spec, "torch")
