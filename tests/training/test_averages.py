"""Averages of the weights: the same in both frameworks, measured, kept and resumed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_cases import Case, first_weights, run, script_of, trained, weights_of
from script_cases import spec_of as spec_with_rows

import nnspec
from nnspec.backend import get_backend
from nnspec.errors import SpecError
from nnspec.language.averages import Average
from nnspec.network.loader import Spec, loads
from nnspec.training.epochs import train
from nnspec.weights.canonical import load_weights
from tests.formatting import assert_clean
from tests.training.test_optimizer_state import BACKENDS, LAYERS, steps
from tests.training.test_training_tables import programs_of, spec_of

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]
AVERAGES: dict[str, dict[str, Any]] = {
    "ema": {"type": "ema", "decay": 0.75},
    "swa": {"type": "swa", "start": 2, "every": 2},
    "late": {"type": "swa", "start": 99},
}


def mixed(average: dict[str, Any], **training: Any) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Mixed",
        "data_format": "channels_last",
        "inputs": {"ids": {"shape": [3], "dtype": "int64"}},
        "layers": LAYERS,
        "training": {"task": "regression", "optimizer": "sgd", "average": average, **training},
    }
    return loads(json.dumps(document))


def averages(program: Any) -> dict[str, Any]:
    with program.averaged():
        found: dict[str, Any] = program.weights()
    return found


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_are_those_of_the_formula_in_every_source(name: str) -> None:
    spec = mixed(AVERAGES[name])
    record = Average.model_validate(AVERAGES[name])
    learnt = [name for name, parameter in spec.graph.parameters() if parameter.learns]
    programs = programs_of(spec)
    halves = {}
    for backend in BACKENDS:
        program = programs[backend]
        expected: dict[str, Any] = dict.fromkeys(learnt, 0.0)
        for step in range(1, 6):
            steps(program, range(step, step + 1))
            weights = program.weights()
            share = record.share(step)
            for key in learnt:
                expected[key] = expected[key] + share * (weights[key] - expected[key])
            given = averages(program)
            for key in learnt:
                wanted = expected[key] if record.has_begun(step) else weights[key]
                assert np.abs(given[key] - wanted).max() < 1e-12, (backend, step, key)
            after = program.weights()
            assert all(np.array_equal(after[key], weights[key]) for key in weights)
            if step == 3:
                halves[backend] = weights, program.optimizer_state()
    wanted = averages(programs["torch"])
    for start, end in (BACKENDS, BACKENDS[::-1]):
        weights, state = halves[start]
        program = programs[end]
        program.load_weights(weights)
        program.start_training()
        program.load_optimizer_state(state)
        steps(program, range(4, 6))
        given = averages(program)
        for key in learnt:
            assert np.abs(given[key] - wanted[key]).max() < 1e-9, (end, key)


@pytest.mark.parametrize("average", [AVERAGES["ema"], AVERAGES["swa"]], ids=["ema", "swa"])
def test_what_is_written_for_it_is_clean(average: dict[str, Any], tmp_path: Path) -> None:
    for backend in BACKENDS:
        found = get_backend(backend)
        spec = mixed(average)
        text = found.compile(spec, found.options(training=True)).source
        (tmp_path / f"{backend}_source.py").write_text(text)
    assert_clean(tmp_path)


@pytest.mark.parametrize(
    ("average", "said"),
    [
        ({"type": "ema", "start": 3}, "no `start`"),
        ({"type": "swa", "decay": 0.5}, "no `decay`"),
        ({"decay": 0.5}, "needs `type`"),
        ({"type": "mean"}, '"ema" or "swa"'),
    ],
)
def test_an_average_that_can_not_be_meant_is_refused(average: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=re.escape(said)):
        mixed(average)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("average", "inputs"),
    [
        (AVERAGES["ema"], 2),
        pytest.param(AVERAGES["ema"], 1, marks=pytest.mark.slow),
        pytest.param({"type": "swa", "start": 10, "every": 3}, 1, marks=pytest.mark.slow),
        pytest.param({"type": "swa", "start": 10, "every": 3}, 2, marks=pytest.mark.slow),
    ],
)
def test_a_script_ends_with_the_averages_of_train(
    backend: str, average: dict[str, Any], inputs: int, tmp_path: Path
) -> None:
    training = {"average": average, "epochs": 3}
    spec = spec_with_rows(Case("csv", inputs, "binary"), tmp_path, training=training)
    script = script_of(spec, backend)
    assert_clean(spec.folder)
    output = tmp_path / ("out.safetensors" if backend == "torch" else "out.keras")
    run(script, "--weights", first_weights(spec, backend), "--output", output)
    expected, given = trained(spec, backend), weights_of(spec, backend, output)
    for name, array in expected.items():
        assert np.abs(array - given[name]).max() < 2e-5, name
    last = load_weights(tmp_path / "run" / "last.safetensors")
    assert any(np.abs(array - expected[name]).max() > 1e-4 for name, array in last.items())


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resumed_run_ends_with_the_averages_of_a_whole_one(backend: str, tmp_path: Path) -> None:
    average = {"type": "swa", "start": 10, "every": 3}
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training={"average": average})
    whole = train(spec, backend, tmp_path / "whole", epochs=3)
    train(spec, backend, tmp_path / "parted", epochs=1)
    parted = train(spec, backend, tmp_path / "parted", epochs=3, resume=True)
    expected, given = load_weights(whole.best), load_weights(parted.best)
    assert all(np.array_equal(array, given[name]) for name, array in expected.items())


@pytest.mark.parametrize("average", [AVERAGES["ema"], AVERAGES["swa"]], ids=["ema", "swa"])
def test_a_verification_follows_the_averages(
    average: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import nnspec_torch.training as torch

    spec = spec_of("", [4], optimizer="sgd", average=average)
    assert nnspec.verify(spec, backends=BACKENDS, steps=1).passed
    wrong = Average.model_validate(
        average | ({"decay": 0.7} if "decay" in average else {"start": 3})
    )
    written = torch.average_source
    monkeypatch.setattr(torch, "average_source", lambda _, made: written(wrong, made))
    report = nnspec.verify(spec, backends=BACKENDS, steps=1)
    failed = [check for check in report.checks if not check.passed]
    assert [(check.kind, check.pair[0]) for check in failed] == [("optimizer", "torch")]
    assert "the average of the weights after step" in failed[0].detail
