"""Two specs that train alike, in other words, and otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest

import nnspec
from nnspec.judge.judgement import Judgement
from nnspec.judge.two_trainings import compare_trainings
from nnspec.verification.checks import Check

TRAINING: dict[str, Any] = {"task": "regression"}
COSINE = {"schedule": "cosine", "peak": 0.01, "steps": 100}


def spec_of(training: dict[str, Any] | None, name: str = "One", **rest: Any) -> nnspec.Spec:
    document: dict[str, Any] = {
        "nnspec": 1, "name": name, "inputs": {"x": {"shape": [4]}},
        "layers": [
            {"name": "a", "type": "dense", "units": 5, "activation": "tanh"},
            {"name": "b", "type": "dense", "units": 2},
        ],
    }  # fmt: skip
    if training is not None:
        document["training"] = training
    return nnspec.loads(json.dumps(document | rest))


def trained(first: dict[str, Any] | None, second: dict[str, Any] | None) -> Judgement:
    """Compare what two specs say, after steps that agree."""
    report = Judgement("One", "", {}, 0, against="Two", framework="torch")
    report.checks += [
        Check(kind, ("One", "Two"), "float64", 0.0, 1e-7, True) for kind in ("forward", "training")
    ]
    compare_trainings(spec_of(first), spec_of(second, "Two"), report)
    return report


@pytest.mark.parametrize(
    "second",
    [
        {"loss": {"type": "mse"}, "optimizer": {"type": "adam", "learning_rate": 0.001}},
        {"loss": "mse", "optimizer": {"type": "adam", "decay": 0.0, "amsgrad": False}},
        {"optimizer": {"type": "adamw", "decay": 0}},
        {"loss": {"b": "mse"}},
        {"optimizer": {"type": "adam", "learning_rate": {
            "schedule": "piecewise_constant", "rates": [0.001, 0.001], "milestones": [7]}}},
    ],
)  # fmt: skip
def test_the_same_in_other_words_is_the_same(second: dict[str, Any]) -> None:
    report = trained(TRAINING, TRAINING | second)
    assert report.verdict_of("training") == "same", report.to_json()
    assert not report.not_checked


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({}, {"loss": "mae"}, "it minimises mae, and One mse."),
        ({}, {"loss": {"type": "mse", "weight": 2.0}}, "it minimises mse (weight: 2.0), and "),
        ({}, {"optimizer": "sgd"}, "its optimizer is sgd, and not adam; "),
        ({}, {"optimizer": {"type": "adam", "beta_2": 0.99}}, "its beta_2 is 0.99, and not 0.999."),
        ({"optimizer": {"type": "adam", "learning_rate": COSINE}},
         {"optimizer": {"type": "adam", "learning_rate": {**COSINE, "steps": 2000}}},
         "its learning_rate is cosine ("),
        ({}, {"clip": {"norm": 1.0}}, "its `clip` is {norm: 1.0}, and not none."),
        ({}, {"accumulate": 2}, "its `accumulate` is 2, and not 1."),
        ({}, {"average": {"type": "ema", "decay": 0.99}}, "its `average` is ema (decay: 0.99"),
    ],
)  # fmt: skip
def test_specs_that_train_otherwise_are_told(
    first: dict[str, Any], second: dict[str, Any], told: str
) -> None:
    report = trained(TRAINING | first, TRAINING | second)
    assert report.verdict_of("training") == "differs"
    (failed,) = report.failures()
    assert told in failed.detail


def test_what_one_spec_alone_says_is_not_checked() -> None:
    for pair in ((TRAINING, None), (None, TRAINING)):
        report = trained(*pair)
        assert report.verdict_of("training") == "not checked"
        assert any("has no `training`" in each.reason for each in report.not_checked)
    term = {"regularization": [{"type": "l2", "factor": 0.1}]}
    halves = {"accumulate": 2, "batch_size": 16}
    for other in (term, halves):
        report = trained(TRAINING, TRAINING | other)
        assert report.verdict_of("training") == "not checked"
    assert trained(None, None).verdict_of("training") == "same"  # that of the steps stays
    longer = trained(TRAINING, TRAINING | {"epochs": 20})
    assert longer.verdict_of("training") == "same"
    assert "`epochs` is 10 in One, and 20 in Two, which the steps do not show" in longer.notes


def test_two_specs_are_compared_in_their_training() -> None:
    first = spec_of(TRAINING)
    assert nnspec.compare(first, spec_of(TRAINING, "Two")).verdict_of("training") == "same"
    for other in (spec_of(TRAINING | {"optimizer": "sgd"}), spec_of(TRAINING, freeze="a")):
        for pair in ((first, other), (other, first)):
            report = nnspec.compare(*pair)
            assert report.verdict == "not the same"
            assert report.verdict_of("training") == "differs"
            assert report.verdict_of("outputs") == "same"
