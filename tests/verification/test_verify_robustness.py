"""No report is lost: an engine that fails, whenever it does, costs its own checks and no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

import nnspec
from nnspec.errors import UnsupportedError
from nnspec.network.loader import loads
from nnspec.support.causes import MAX_CAUSE, cause_of
from nnspec.verification import blame, engines, verifier
from nnspec.verification.report import Report

SPEC = """
nnspec: 1
name: Small
inputs: {x: {shape: [time, 3]}}
layers: [{name: d, type: dense, units: 2}, {name: t, type: tanh}]
"""
KINDS = {"forward", "export", "dynamic_shape", "range", "meaning"}
"""Of checks that torch and onnx have in any case."""


class Program:
    """A program of which calls fail."""

    def __init__(self, real: Any, fails: Callable[[Mapping[str, Any]], bool]) -> None:
        self.real = real
        self.fails = fails

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def in_runtime(self) -> Any:
        return Program(self.real.in_runtime(), self.fails)

    def forward(self, inputs: Mapping[str, Any]) -> Any:
        if self.fails(inputs):
            raise RuntimeError("\x1b[31mfirst line\x1b[0m\nsecond [/bold] line\r\x07")
        return self.real.forward(inputs)


def broken(
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    *,
    at: Callable[[str, bool], bool],
    fails: Callable[[Mapping[str, Any]], bool] = lambda inputs: True,
) -> None:
    """Let the engines of a kind fail, in these precisions, on these inputs."""
    real = kind.build  # type: ignore[attr-defined]

    def build(self: Any, spec: Any, weights: Any, dtype: str, *, optimized: bool = False) -> Any:
        program = real(self, spec, weights, dtype, optimized=optimized)
        return Program(program, fails) if at(dtype, optimized) else program

    monkeypatch.setattr(kind, "build", build)


def verified(*backends: str, exporters: bool = False) -> Report:
    return nnspec.verify(loads(SPEC), backends=backends, steps=1, batch=2, exporters=exporters)


def details(report: Report) -> list[str]:
    return [check.detail for check in report.failures()]


CAUSE = "RuntimeError: first line second [/bold] line"


def test_an_engine_that_fails_at_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(
        monkeypatch,
        engines.DirectOnnx,
        at=lambda dtype, optimized: True,
        fails=lambda inputs: inputs["x"].shape[1] == 4,
    )
    report = verified("torch", "onnx")
    assert details(report) == [f"onnx does not run at time = 4: {CAUSE}"]
    sizes = [c for c in report.checks if (c.kind, c.dtype) == ("dynamic_shape", "float64")]
    assert sum(check.passed for check in sizes) == 4


@pytest.mark.parametrize("optimized", [False, True])
def test_an_engine_that_fails_in_float32(
    monkeypatch: pytest.MonkeyPatch, *, optimized: bool
) -> None:
    broken(
        monkeypatch,
        engines.DirectOnnx,
        at=lambda dtype, given: dtype == "float32" and given == optimized,
    )
    report = verified("torch", "onnx")
    label = "onnx, optimized" if optimized else "onnx"
    assert details(report) == [f"{label} does not run in float32: {CAUSE}"]
    assert {check.kind for check in report.checks if check.passed} >= KINDS


def test_the_next_source_takes_over_from_a_reference_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = engines.SourceEngine.build

    def build(self: Any, *arguments: Any, **options: Any) -> Any:
        program = real(self, *arguments, **options)
        return Program(program, lambda inputs: True) if self.name == "torch" else program

    monkeypatch.setattr(engines.SourceEngine, "build", build)
    report = verified("torch", "keras", "onnx")
    assert details(report) == [f"torch does not run: {CAUSE}"]
    sizes = [c for c in report.checks if (c.kind, c.dtype) == ("dynamic_shape", "float64")]
    assert {check.pair[1] for check in sizes} == {"keras"}
    assert {each.kind for each in report.not_checked} >= {"gradient", "training"}


def test_a_report_where_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, engines.SourceEngine, at=lambda dtype, optimized: True)
    report = verified("torch", "onnx")
    assert not report.passed
    assert details(report) == [f"torch does not run: {CAUSE}"]


def test_training_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec_torch.runtime import TorchProgram

    def step(*given: Any) -> float:
        raise ValueError("no step")

    monkeypatch.setattr(TorchProgram, "train_step", step)
    report = verified("torch", "keras")
    assert details(report) == ["torch does not run in training: ValueError: no step"]
    kinds = {each.kind for each in report.not_checked}
    assert kinds == {"gradient", "training", "export", "dynamic_shape"}


def test_a_blame_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(*given: Any) -> str:
        raise KeyError("layer")

    monkeypatch.setattr(blame, "relative_error", find)
    monkeypatch.setattr(blame, "first_diverging_layer", find)
    broken_outputs(monkeypatch)
    report = verified("torch", "onnx")
    assert not report.passed
    assert any("layer at fault was not found: KeyError" in detail for detail in details(report))


def broken_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    real = engines.DirectOnnx.build

    def build(self: Any, *arguments: Any, **options: Any) -> Any:
        program = real(self, *arguments, **options)
        forward = program.forward
        program.forward = lambda inputs: {k: v + 1 for k, v in forward(inputs).items()}  # type: ignore[method-assign]
        return program

    monkeypatch.setattr(engines.DirectOnnx, "build", build)


def test_a_check_that_breaks_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(given: Any) -> None:
        raise LookupError("nothing there")

    suite = (("forward", check), *verifier.WITH_EXACT)
    monkeypatch.setattr(verifier, "WITH_EXACT", suite)
    report = verified("torch", "onnx")
    assert details(report) == ["the check itself broke: LookupError: nothing there"]
    assert {check.kind for check in report.checks if check.passed} >= KINDS


def test_an_engine_that_refuses_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*given: Any, **options: Any) -> Any:
        raise UnsupportedError("no such thing") from ValueError("deep\ncause")

    monkeypatch.setattr(engines.ExportedOnnx, "build", build)
    report = verified("torch", "onnx", exporters=True)
    assert report.passed
    (left_out,) = [each for each in report.not_checked if not (each.kind or each.by_call)]
    assert left_out.pair == ("onnx-via-torch",)
    assert left_out.reason == "no such thing (caused by ValueError: deep cause)"


def test_what_is_left_out_is_said_everywhere() -> None:
    report = verified("torch", "onnx")
    assert report.passed
    assert [(each.kind, each.pair) for each in report.not_checked] == [
        (None, ("keras",)),
        ("export", ("onnx-via-torch",)),
        ("dynamic_shape", ()),
        ("dynamic_shape", ("torch, onnx",)),
        ("gradient", ("torch",)),
        ("training", ("torch",)),
    ]
    assert json.loads(report.to_json())["not_checked"][4] == {
        "kind": "gradient",
        "pair": ["torch"],
        "reason": "it takes two sources that train, and here is only torch",
        "by_call": False,
    }
    stream = StringIO()
    report.print(Console(file=stream, width=100))
    assert "not checked: loss and gradients of torch: it takes two sources" in stream.getvalue()
    assert "checks passed, 6 not checked in" in stream.getvalue()
    assert "6 not checked" in report.to_html()


def test_a_cause_is_whole_and_safe_to_print() -> None:
    try:
        try:
            raise ValueError("\x1b]8;;http://x\x07the\tcause\x1b[1m\nin two lines\x00")
        except ValueError as error:
            raise RuntimeError("step 1 of 3\nfailed") from error
    except RuntimeError as error:
        text = cause_of(error)
    assert text == (
        "RuntimeError: step 1 of 3 failed (caused by ValueError: the cause in two lines)"
    )
    assert len(cause_of(ValueError("x" * 10_000))) == MAX_CAUSE


def test_markup_in_a_cause_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, engines.DirectOnnx, at=lambda dtype, optimized: dtype == "float64")
    report = verified("torch", "onnx")
    stream = StringIO()
    report.print(Console(file=stream, width=200))
    assert "second [/bold] line" in stream.getvalue()
    assert report.to_html()
