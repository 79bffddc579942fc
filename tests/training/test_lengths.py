"""Lengths of schedules that are shares of all steps, or epochs: in steps where rows are known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_cases import ROWS, Case, first_weights, run, script_of, trained, weights_of
from script_cases import spec_of as spec_with_rows

import nnspec
from nnspec.language.schedules import SCHEDULES
from nnspec.language.schedules.lengths import in_steps
from nnspec.network.loader import Spec
from nnspec.training.lengths import with_assumed_steps, with_rows_read, with_steps

RATE = {"schedule": "cosine", "peak": 0.05, "warmup": "10%", "steps": "2.5 epochs"}
BATCHES = math.ceil(ROWS / 8)


def spec_of(folder: Path, rate: object = RATE, **training: Any) -> Spec:
    settings = {"optimizer": {"type": "sgd", "learning_rate": rate}, "epochs": 5, **training}
    return spec_with_rows(Case("csv", 1, "binary"), folder, training=settings)


def rate_in(spec: Spec) -> Any:
    assert spec.model.training is not None
    return spec.model.training.optimizer.learning_rate


def test_lengths_follow_from_the_rows(tmp_path: Path) -> None:
    for count in (1, 4):
        found = rate_in(with_rows_read(spec_of(tmp_path, accumulate=count)))
        assert found.steps == round(2.5 * BATCHES / count)
        assert found.warmup == round(0.1 * (5 * BATCHES // count))
    assert rate_in(with_assumed_steps(spec_of(tmp_path))).steps == 250
    plain = spec_of(tmp_path, 0.1)
    assert with_steps(plain, 9) is plain


@pytest.mark.parametrize(
    ("length", "steps"),
    [(7, 7), ("10%", 50), ("0%", 0), ("0.001%", 1), ("1 epoch", 100), ("0.5 epochs", 50)],
)
def test_a_length_in_steps(length: int | str, steps: int) -> None:
    assert in_steps(length, 100.0, 500) == steps


def test_lengths_within_a_chain_are_in_steps_too() -> None:
    inner = {"schedule": "multi_step", "initial": 0.1, "milestones": ["1 epoch", 150]}
    fields = {"schedule": "chained", "schedules": [0.1, inner], "lengths": ["50%"]}
    chain = SCHEDULES["chained"].model_validate(fields)
    assert chain.is_relative
    found: Any = chain.in_steps(100, 1000)
    assert not found.is_relative
    assert (found.lengths, found.schedules[1].milestones) == ((500,), (100, 150))


@pytest.mark.parametrize("length", ["10", "ten%", "-5%", "2 weeks", "", "1e3%"])
def test_what_is_no_length_is_refused(length: str, tmp_path: Path) -> None:
    with pytest.raises(nnspec.SpecError, match="whole number of steps"):
        spec_of(tmp_path, {**RATE, "steps": length})


def test_lengths_that_do_not_fit_in_steps_are_refused(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, {**RATE, "warmup": "100%"})
    with pytest.raises(nnspec.SpecError, match="warmup of fewer than its 15 steps"):
        nnspec.compile(spec, "torch", training=True)
    with pytest.raises(nnspec.SpecError, match="there are none"):
        nnspec.train(spec_of(tmp_path, accumulate=999), "torch", tmp_path / "run")


def test_a_length_that_the_rows_refuse_is_shown_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(spec_of(tmp_path, {**RATE, "warmup": "100%"}).to_yaml())
    lines = file.read_text().splitlines()
    (line,) = (i for i, text in enumerate(lines, 1) if "learning_rate:" in text)
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.train(nnspec.load(file), "torch", tmp_path / "run")
    (problem,) = caught.value.problems
    assert problem.code == "not-trainable"
    assert problem.file == str(file)
    assert problem.mark is not None
    assert problem.mark.line + 1 in (line, line + 1)  # the mapping, or its first key
    assert str(caught.value).startswith(f"{file}:{problem.mark.line + 1}:")


def test_rows_that_are_not_known_are_asked_for(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    without = nnspec.loads(spec.to_yaml().partition("\ndata:")[0] + "\ntraining: " + str(
        {"task": "binary", "optimizer": {"type": "sgd", "learning_rate": RATE}}
    ))  # fmt: skip
    with pytest.raises(nnspec.SpecError, match="write lengths in steps"):
        nnspec.compile(without, "keras", training=True)
    report = nnspec.verify(without, backends=("torch", "keras"), exporters=False, steps=1)
    assert report.passed, report.to_json()
    assert any("epochs of 100 batches" in note for note in report.notes)


def test_a_script_ends_with_the_weights_of_train(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    module = script_of(with_rows_read(spec), "torch")
    assert "in 12 steps" in str(module.learning_rate_factor.__doc__)
    output = tmp_path / "out.safetensors"
    run(module, "--weights", first_weights(spec, "torch"), "--output", output)
    ours, theirs = trained(spec, "torch"), weights_of(spec, "torch", output)
    for name, array in ours.items():
        assert np.abs(array - theirs[name]).max() <= 1e-6, name
