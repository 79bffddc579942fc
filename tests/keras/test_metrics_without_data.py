"""The metrics that a Keras source of a spec without data is compiled with, as they are defined."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.emit.loading import load_source
from nnspec.network.loader import Spec, loads
from nnspec.training.metrics import r2

WORDS = {"words": {"shape": [5], "dtype": "int64"}}
TEXTS = {"words": {"shape": ["time"], "dtype": "int64"}}
ROWS = {"x": {"shape": [5, 4]}}
SERIES = {"x": {"shape": ["time", 4]}}


def spec_of(inputs: dict[str, Any], units: int = 3, **training: Any) -> Spec:
    """Return a network with a loss at each place; ids that are 0 do not count."""
    layers: list[dict[str, Any]] = [{"type": "dense", "name": "scores", "units": units}]
    if "words" in inputs:
        layers.insert(0, {"type": "embedding", "input_dim": 4, "output_dim": 3})
        training["mask"] = "words"
    spec = {"nnspec": 1, "name": "Net", "inputs": inputs, "layers": layers}
    return loads(json.dumps({**spec, "training": {"optimizer": "sgd", **training}}), is_json=True)


@pytest.mark.parametrize("inputs", [WORDS, TEXTS, ROWS, SERIES], ids=["w", "texts", "x", "series"])
@pytest.mark.parametrize(
    ("task", "units"),
    [("regression", 1), ("regression", 3), ("binary", 1), ("multilabel", 3), ("multiclass", 3)],
)
def test_each_is_the_spec_s(inputs: dict[str, Any], task: str, units: int) -> None:
    spec = spec_of(inputs, units, task=task)
    report = nnspec.verify(spec, backends=("torch", "keras"), exporters=False)
    assert report.passed, report.failures()
    assert any(check.kind == "metrics" and check.pair[0] == "keras" for check in report.checks)
    assert any(check.kind == "training" for check in report.checks)


@pytest.mark.parametrize(
    ("task", "loss", "units", "last"),
    [
        ("regression", "binary_cross_entropy", 3, "sigmoid"),
        ("regression", "binary_focal", 3, "sigmoid"),
        ("binary", "categorical_cross_entropy", 3, "softmax"),
        ("regression", "categorical_focal", 3, "softmax"),
        ("binary", "generalized_cross_entropy", 3, "linear"),
        ("multiclass", "categorical_cross_entropy", 1, "linear"),  # Keras takes it for yes and no
    ],
)
def test_none_is_of_other_numbers(task: str, loss: str, units: int, last: str) -> None:
    """Of logits, where it is of outputs; of numbers, where the target is a class."""
    layers = [{"type": "dense", "units": units, "activation": last}]
    training = {"optimizer": "sgd", "task": task, "loss": loss}
    spec = {"nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [4]}}, "layers": layers}
    report = nnspec.verify(
        loads(json.dumps({**spec, "training": training}), is_json=True),
        backends=("torch", "keras"),
        exporters=False,
    )
    assert report.passed, report.failures()


def test_r2_counts_places_by_their_weights_over_all_batches() -> None:
    source = nnspec.compile(spec_of(TEXTS, 2, task="regression"), to="keras", training=True).source
    assert "weighted_metrics=" in source
    metric = load_source(source, "weighted").R2(2)
    draw = np.random.default_rng(0)
    target, output = draw.normal(5.0, 1.0, (2, 6, 3, 2))
    weight = draw.uniform(0.5, 2.0, (6, 3))
    weight[0], weight[3, 1] = 0, 0  # the first batch begins with what does not count
    target[weight == 0] = 1e6
    output[weight == 0] = np.nan
    for rows in (slice(0, 1), slice(1, 4), slice(4, 6)):
        metric.update_state(target[rows], output[rows], weight[rows])
    there = weight > 0
    wanted = r2(output[there], target[there], weight[there])
    assert float(metric.result()) == pytest.approx(wanted, rel=1e-12)


def test_r2_is_left_out_where_a_row_has_no_number_of_elements() -> None:
    source = nnspec.compile(spec_of(SERIES, task="regression"), to="keras", training=True).source
    assert "MeanAbsoluteError" in source
    assert "R2" not in source
