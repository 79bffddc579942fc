"""Losses that the target of the task does not fit."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from nnspec.errors import SpecError
from nnspec.network.loader import loads


def text_of(training: dict[str, Any], units: int = 3, **more: Any) -> str:
    spec = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [4]}},
        "layers": [
            {"type": "dense", "name": "hidden", "units": 4},
            {"type": "dense", "name": "kind", "units": units, "inputs": ["hidden"]},
            {"type": "dense", "name": "score", "units": units, "inputs": ["hidden"]},
        ],
    }
    if not isinstance(training["task"], dict):
        spec["layers"] = spec["layers"][:2]  # type: ignore[index]
    else:
        spec["outputs"] = ["kind", "score"]
    return json.dumps({**spec, **more, "training": {"optimizer": "sgd", **training}}, indent=1)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "binary_cross_entropy", "dice"])
def test_a_loss_of_numbers_takes_no_class_number(loss: str) -> None:
    text = text_of({"task": "multiclass", "loss": loss})
    with pytest.raises(SpecError) as caught:
        loads(text, is_json=True)
    (problem,) = caught.value.problems
    assert problem.code == "loss-task"
    assert problem.message.startswith(f"{loss} compares each number")
    assert problem.mark is not None
    assert f'"loss": "{loss}"' in text.splitlines()[problem.mark.line]


def test_nor_does_that_of_one_of_several_outputs() -> None:
    losses = {"kind": "mse", "score": "mse"}
    text = text_of({"task": {"kind": "multiclass", "score": "regression"}, "loss": losses})
    with pytest.raises(SpecError) as caught:
        loads(text, is_json=True)
    (problem,) = caught.value.problems
    assert problem.code == "loss-task"
    assert problem.mark is not None
    assert '"kind": "mse"' in text.splitlines()[problem.mark.line]


def test_shares_of_classes_are_numbers_in_regression() -> None:
    columns = {
        "source": "t.csv",
        "features": {"x": ["a", "b", "c", "d"]},
        "target": ["p", "q", "r"],
    }
    assert loads(text_of({"task": "regression", "loss": "mse"}, data=columns), is_json=True)
    with pytest.raises(SpecError, match="loss-task"):
        loads(text_of({"task": "multiclass", "loss": "mse"}, data=columns), is_json=True)


@pytest.mark.parametrize(("loss", "shape"), [("similarity", [1]), ("embedding", [2, 1])])
def test_one_element_has_no_direction(loss: str, shape: list[int]) -> None:
    def text(*shape: int) -> str:
        layers = [{"type": "dense", "units": math.prod(shape)}, {"type": "reshape", "shape": shape}]
        training = {"task": "regression", "loss": f"cosine_{loss}"}
        return text_of(training, layers=layers)

    with pytest.raises(SpecError, match="vectors of 2 elements or more"):
        loads(text(*shape), is_json=True)
    assert loads(text(*shape[:-1], 2), is_json=True)
