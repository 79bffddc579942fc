"""What is said of trainings that are given by output, and of two networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nnspec.errors import Problem, SpecError
from nnspec.network.loader import load_any, loads, loads_any

ROOT = Path(__file__).parents[2]


def document(first: str = "a", second: str = "b", **training: Any) -> str:
    layers = [
        {"name": name, "type": "dense", "units": 1, "inputs": "x"} for name in (first, second)
    ]
    return json.dumps(
        {
            "nnspec": 1,
            "name": "Net",
            "inputs": {"x": {"shape": [4]}},
            "layers": layers,
            "outputs": [first, second],
            "training": training,
        }
    )


def problem_of(text: str) -> Problem:
    with pytest.raises(SpecError) as caught:
        loads_any(text)
    (problem,) = caught.value.problems
    return problem


NUMBERS = 'numbers, which the task "regression" predicts'
UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "one kind": ({"loss": {"a": "mse", "b": "mae"}}, NUMBERS),
    "two kinds": (
        {"loss": {"a": "mse", "b": {"type": "value"}}},
        f"{NUMBERS} nor for a loss without a target, which the loss value compares",
    ),
    "of tasks": ({"task": {"a": "regression", "b": "regression"}}, NUMBERS),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_metric_that_fits_no_output_says_what_each_predicts(case: str) -> None:
    training, words = UNFIT[case]
    problem = problem_of(document(**training, metrics=["accuracy"]))
    assert problem.code == "unfit-metric"
    assert problem.message == f'the metric "accuracy" is not defined for {words}'


OF_TYPE: dict[str, dict[str, Any]] = {
    "words": {"type": "mse", "b": "mae"},
    "records": {"type": {"type": "mse"}, "b": {"type": "huber", "delta": 2.0}},
    "both": {"type": "mse", "b": {"type": "mae", "weight": 0.5}},
}


@pytest.mark.parametrize("case", OF_TYPE)
def test_an_output_that_is_called_type_has_a_loss(case: str) -> None:
    spec = loads(document("type", loss=OF_TYPE[case]))
    assert spec.advice == ()
    assert spec.model.training is not None
    assert set(spec.model.training.loss) == {"type", "b"}  # type: ignore[arg-type]
    again = loads(spec.to_yaml())
    assert again.model.training == spec.model.training


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [({"type": "huber", "delta": 2.0}, None), ({"type": "value", "output": "a"}, {"a"})],
)
def test_a_field_of_a_loss_makes_no_output_of_its_type(
    loss: dict[str, Any], outputs: set[str] | None
) -> None:
    training = loads(document(task="regression", loss=loss)).model.training
    assert training is not None
    found = {*training.loss} if isinstance(training.loss, dict) else None
    assert found == outputs


def test_metrics_of_classes_are_listed_by_the_first() -> None:
    text = json.dumps(
        {
            "nnspec": 1,
            "name": "Net",
            "inputs": {"x": {"shape": [4]}},
            "layers": [{"type": "dense", "units": 5, "activation": "softmax"}],
            "training": {
                "task": "multiclass",
                "metrics": [{"type": "recall", "average": "per_class"}],
                "keep": {"metric": "recal"},
            },
        }
    )
    hint = problem_of(text).hint
    assert "val_recall_class_0 and so on, one for each class" in hint
    assert "class_1" not in hint


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("standardize: true", "a `rescaling` at the start of the discriminator"),
        ("standardize_target: true", "a `rescaling` at the start of the discriminator"),
        ("validation: 0.2", "take every row"),
        ("target: label", "none is predicted"),
        ("sample_weight: w", "every row counts alike"),
    ],
)
@pytest.mark.parametrize("place", ["data", "training", "top"])
def test_two_networks_say_why_their_rows_have_no_such_key(key: str, words: str, place: str) -> None:
    text = (ROOT / "specs" / "digits_gan.yaml").read_text(encoding="utf-8")
    assert load_any(ROOT / "specs" / "digits_gan.yaml").advice == ()
    line = f"{key}\n" if place == "top" else f"{place}:\n  {key}\n"
    head = {"top": "data:\n"}.get(place, f"{place}:\n")
    whole = text.replace(f"\n{head}", f"\n{line}{head if place == 'top' else ''}")
    problem = problem_of(whole)
    assert problem.code == "unknown-key"
    assert words in problem.hint
