"""A measurement of rounding costs no more than it may, and what it leaves open is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.verification import effort, memory, training_checks
from nnspec.verification.comparison import Tolerance
from nnspec.verification.effort import FAR, SECONDS, Cost, Effort, leave_near
from nnspec.verification.recorder import Recorder
from nnspec.verification.report import Report
from nnspec.verification.tolerance import PROBES
from tests.verification.test_verify_alarms import BENT
from tests.verification.test_verify_conditioning import network, verified

ZOO = Path(__file__).parents[2] / "specs" / "zoo"
NEEDED = BENT["tanh"]
"""A network whose gradients differ by more than is explained without this measurement."""


def cost(text: str, rows: int = 8, **axes: int) -> Cost:
    return Cost.of(nnspec.loads(text).graph, rows, axes)


def dense(units: int, shape: str = "[16]") -> str:
    layers = f"[{{type: dense, units: {units}}}]"
    return f"nnspec: 1\nname: D\ninputs: {{x: {{shape: {shape}}}}}\nlayers: {layers}\n"


def test_the_cost_grows_with_the_rows_the_layers_and_the_sizes_of_axes() -> None:
    small = cost(dense(10))
    assert 0 < small.seconds < 1e-2
    assert cost(dense(10), 80).seconds > small.seconds
    assert cost(dense(10), 80).bytes > small.bytes
    assert cost(dense(10_000)).seconds > 5 * small.seconds
    sequence = dense(1000, "[time, 16]")
    one, many = (cost(sequence, time=steps) for steps in (1, 1000))
    assert many.seconds > 100 * one.seconds
    assert many.bytes > 100 * one.bytes


def test_a_small_network_is_measured_whole() -> None:
    assert cost(dense(10)).of_training(5) == Effort(PROBES, 5)
    assert cost(dense(10)).of_gradients(2) == Effort(PROBES, 1)


@pytest.mark.parametrize("name", ["densenet121", "efficientnet_b0"])
def test_a_large_network_is_measured_roughly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2**40)
    found = Cost.of(nnspec.load(ZOO / f"{name}.yaml").graph, 8, {})
    training, gradients = found.of_training(5), found.of_gradients(2)
    assert training.draws < PROBES
    assert "measured roughly" in training.why
    assert 1 <= gradients.draws <= PROBES


@pytest.mark.parametrize("seconds", [1e-4, 0.5, 2.0, 6.0, 20.0, 100.0, 1e6])
def test_no_more_is_measured_than_fits(seconds: float) -> None:
    for steps in (1, 2, 5, 100):
        found = Cost(seconds, 0).of_training(steps)
        spent = seconds * (2 + 1.6 * found.draws * found.steps)
        assert spent <= max(SECONDS, 4 * seconds)
        assert found.draws >= 1
        assert (found.draws, found.steps) == (PROBES, steps) if not found.why else found.why
    spent = seconds * (2 + 2 * 1.6 + 2 * Cost(seconds, 0).of_gradients(2).draws)
    assert spent <= max(SECONDS, 7.2 * seconds) * (1 + 1e-12)


def test_what_does_not_fit_into_memory_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 4 * 10**9)
    found = Cost(1.0, 3e9).of_training(5)
    assert found.draws == 0
    assert "3.0 GB of the 4.0 GB that are free" in found.why
    assert Cost(1.0, 1e9).of_training(5).draws
    monkeypatch.setattr(memory, "available", lambda: None)
    assert Cost(1.0, 3e15).of_gradients(2).draws


def left_out(report: Report) -> set[Any]:
    return {each.kind for each in report.not_checked if "rounding within layers" in each.reason}


def test_a_rough_measurement_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "SECONDS", 0.0)
    for spec in (NEEDED, BENT["elu, then normalised"]):
        report = verified(spec, "torch", "keras")
        assert report.passed, report.to_json()


def test_what_is_not_measured_is_said_and_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 0)
    # Rounding of parameters explains all here, if either source is asked.
    monkeypatch.setattr(
        training_checks._Pair, "_widened_by_rounding", lambda self, least, rounding, name: least
    )
    report = verified(NEEDED, "torch", "keras")
    assert report.passed, report.to_json()
    assert left_out(report) >= {"gradient"}
    assert any("differ by up to" in each.reason for each in report.not_checked)


@pytest.mark.parametrize("spec", [NEEDED, network("type: dense, units: 4", "type: tanh")])
def test_a_wrong_derivative_is_seen_by_a_rough_measurement(
    monkeypatch: pytest.MonkeyPatch, spec: Any
) -> None:
    from nnspec_torch.runtime import TorchProgram

    original = TorchProgram.gradients

    def gradients(self: Any, inputs: Any, target: Any) -> Any:
        loss, found = original(self, inputs, target)
        return loss, {name: a * 1.01 if a.ndim == 2 else a for name, a in found.items()}

    monkeypatch.setattr(effort, "SECONDS", 0.0)
    monkeypatch.setattr(TorchProgram, "gradients", gradients)
    report = verified(spec, "torch", "keras")
    assert "gradient" in {check.kind for check in report.failures()}


def test_what_lies_far_beyond_a_rough_measurement_differs() -> None:
    recorder = Recorder(Report("Net", "", {}, 1))
    errors = {"near": 1e-8, "far": 1e-6, "lost": float("inf"), "same": 1e-12}
    tolerance = Tolerance(1e-9)
    left = dict(errors)
    leave_near(recorder, "gradient", ("a", "b"), left, tolerance, Effort(1, 1, "roughly"))
    assert left.keys() == {"far", "lost", "same"}
    assert errors["near"] < FAR * tolerance.least < errors["far"]
    (said,) = recorder.report.not_checked
    assert said.reason == "near: roughly; they differ by up to 1.0e-08, which may be rounding"
    # After several steps, of which one was measured, rounding may have grown.
    several = {"near": 1e-6, "far": 1e-4}
    leave_near(
        recorder, "training", ("a", "b"), several, tolerance, Effort(1, 1, "roughly"), steps=5
    )
    assert several.keys() == {"far"}
    left = dict(errors)
    leave_near(recorder, "training", ("a", "b"), left, tolerance, Effort(0, 0, "not"))
    assert left.keys() == {"lost", "same"}
    left = dict(errors)
    leave_near(recorder, "training", ("a", "b"), left, tolerance, Effort(PROBES, 1))
    assert left == errors
