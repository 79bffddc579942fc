"""Two specs that train alike, in other words, and otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest

import nnspec
from nnspec.judge.judgement import Judgement
from nnspec.judge.sources import Source
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


def grouped(first: dict[str, Any], second: dict[str, Any], *, is_known: bool = True) -> Judgement:
    """Compare two specs whose layers have other names, with these settings of adam."""
    specs = []
    for i, (optimizer, names) in enumerate(((first, "ab"), (second, "cd"))):
        layers = [{"name": name, "type": "dense", "units": 2} for name in names]
        training = TRAINING | {"optimizer": {"type": "adam"} | optimizer}
        specs.append(spec_of(training, ("One", "Two")[i], layers=layers))
    report = Judgement("One", "", {}, 0, against="Two", framework="torch")
    report.checks.append(Check("training", ("One", "Two"), "float64", 0.0, 1e-7, True))
    if is_known:
        for name, other in (("a", "c"), ("b", "d")):
            for own in ("weight", "bias"):
                report.sources[f"{name}.{own}"] = Source(f"{other}.{own}", (), ())
    compare_trainings(*specs, report)
    return report


BY_NAME = [
    ({"groups": [{"match": "a.*", "learning_rate": 0.1}]},
     {"groups": [{"match": "c.*", "learning_rate": {"scale": 100}}]},
     {"groups": [{"match": "d.*", "learning_rate": 0.1}]},
     "the learning rate of its c.weight is 0.001, and that of a.weight 0.1."),
    ({"decay": {"rate": 0.1, "of": "a.weight"}}, {"decay": {"rate": 0.1, "of": "c.w*"}},
     {"decay": 0.1}, "the decay of its c.bias is 0.1, and that of a.bias 0.0."),
    ({"l2": {"rate": 0.1, "of": "a.*"}}, {"groups": [{"match": "c.*", "l2": 0.1}]},
     {"l2": {"rate": 0.2, "of": "c.*"}},
     "the l2 of its c.weight is 0.2, and that of a.weight 0.1."),
    ({"learning_rate": 0.1, "groups": [{"match": "*", "decay": 0.2}]},
     {"decay": 0.2, "groups": [{"match": "*", "learning_rate": 0.1}]},
     {"decay": 0.2}, "the learning rate of its c.weight is 0.001, and that of a.weight 0.1."),
]  # fmt: skip


@pytest.mark.parametrize(("first", "same", "other", "told"), BY_NAME)
def test_settings_by_names_are_compared_by_parameter(
    first: dict[str, Any], same: dict[str, Any], other: dict[str, Any], told: str
) -> None:
    assert grouped(first, same).verdict_of("training") == "same"
    assert grouped(first, same, is_known=False).verdict_of("training") == "not checked"
    (failed,) = grouped(first, other).failures()
    assert failed.detail == told


def masked(inputs: str, mask: str, name: str) -> nnspec.Spec:
    """Return a spec of these inputs, of which one is the mask."""
    shapes: dict[str, Any] = {each: {"shape": [4, 2]} for each in inputs}
    shapes |= {each: {"shape": [4], "dtype": "int64"} for each in inputs if each in "mn"}
    table = {"type": "embedding", "input_dim": 2, "output_dim": 2}
    layers: list[dict[str, Any]] = [
        table | {"name": f"of_{each}", "inputs": each} for each in inputs if each in "mn"
    ]
    layers.append({"name": "a", "type": "dense", "units": 2, "inputs": "x"})
    added = [each for each in inputs if each in "yz"] + [each["name"] for each in layers]
    layers.append({"name": "b", "type": "add", "inputs": added})
    return spec_of(TRAINING | {"mask": mask}, name, inputs=shapes, layers=layers)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (("xym", "m"), ("mxy", "m"), "same"),
        (("xym", "m"), ("xyn", "n"), "same"),
        (("xym", "m"), ("nxy", "n"), "same"),
        (("xymn", "m"), ("xymn", "n"), "differs"),
        (("xym", "m"), ("nxz", "n"), "not checked"),
    ],
)
def test_a_mask_goes_by_its_name(
    first: tuple[str, str], second: tuple[str, str], verdict: str
) -> None:
    report = Judgement("One", "", {}, 0, against="Two", framework="torch")
    report.checks.append(Check("training", ("One", "Two"), "float64", 0.0, 1e-7, True))
    compare_trainings(masked(*first, "One"), masked(*second, "Two"), report)
    assert report.verdict_of("training") == verdict, report.to_json()


@pytest.mark.parametrize(("other", "verdict"), [("mae", "same"), ("mse", "differs")])
def test_losses_go_by_the_names_of_outputs(other: str, verdict: str) -> None:
    layers = [{"name": name, "type": "dense", "units": 2, "inputs": "x"} for name in "ab"]
    report = Judgement("One", "", {}, 0, against="Two", framework="torch")
    report.checks.append(Check("training", ("One", "Two"), "float64", 0.0, 1e-7, True))
    first = spec_of({"loss": {"a": "mse", "b": "mae"}}, outputs=["a", "b"], layers=layers)
    second = spec_of({"loss": {"a": "mse", "b": other}}, "Two", outputs=["b", "a"], layers=layers)
    compare_trainings(first, second, report)
    assert report.verdict_of("training") == verdict, report.to_json()


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
