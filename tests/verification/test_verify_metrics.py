"""`nnspec verify` measures by what the scripts measure with, and finds it where it is wrong."""

from __future__ import annotations

from typing import Any

import pytest

import nnspec
from nnspec.emit import metrics as emitted
from tests.training.test_metric_tables import network

METRICS = ["accuracy", "f1", "log_loss", {"type": "auc", "average": "per_class"}]


def report(**more: Any) -> nnspec.Report:
    spec = network("multiclass", METRICS, **more)
    return nnspec.verify(spec, backends=("torch", "keras"), steps=1)


def test_metrics_of_scripts_are_those_of_the_spec() -> None:
    found = report(ends="logits")
    (check,) = (each for each in found.checks if each.kind == "metrics")
    assert found.passed
    assert check.passed


def test_a_wrong_average_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = emitted._VALUES["f1"]
    wrong = {**emitted._VALUES, "f1": lambda *given: right(*given).replace("macro", "weighted")}
    monkeypatch.setattr(emitted, "_VALUES", wrong)
    found = report()
    wrong_ones = [each for each in found.checks if each.kind == "metrics"]
    assert len(wrong_ones) == 2
    assert not any(each.passed for each in wrong_ones)
    assert "f1 is" in str(wrong_ones)


def test_a_metric_that_is_not_measured_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec_keras.runtime import KerasProgram

    right = KerasProgram.measured

    def measured(self: Any, inputs: Any, target: Any) -> dict[str, float]:
        return {name: value for name, value in right(self, inputs, target).items() if name != "f1"}

    monkeypatch.setattr(KerasProgram, "measured", measured)
    (wrong,) = report().failures()
    assert wrong.kind == "metrics"
    assert wrong.pair[0] == "keras"
    assert wrong.detail == "f1 is not measured."
