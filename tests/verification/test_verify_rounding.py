"""Gradients that are rounding noise: no difference, and no hiding place for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import nnspec
from nnspec import verify
from nnspec.emit.code import Call
from nnspec.language.optimizers.adam import Adam
from nnspec.network.loader import loads
from nnspec.verification.report import Report
from nnspec_torch.optimizers import OPTIMIZERS, Made
from tests.golden_files import ROOT

# The second normalisation takes away what the first one's bias adds, and Adam makes whole steps of
# the noise that is left of its gradient, the more so the smaller its epsilon.
SPEC = """
nnspec: 1
name: Noisy
inputs:
  image: {shape: [2, 6, 6]}
layers:
  - {name: conv, type: conv2d, filters: 6, kernel_size: 3, use_bias: false}
  - {name: norm1, type: batch_normalization}
  - {name: project, type: conv2d, filters: 4, kernel_size: 1, use_bias: false}
  - {name: norm2, type: batch_normalization}
  - {name: bend, type: relu}
  - {name: flat, type: flatten}
  - {name: scores, type: dense, units: 3}
training: {task: regression, optimizer: {type: adam, learning_rate: 0.01, epsilon: 1.0e-12}}
"""


def verified() -> Report:
    return nnspec.verify(loads(SPEC), backends=("torch", "keras"))


def test_noise_is_measured() -> None:
    report = verified()
    assert report.passed, report.to_json()
    (training,) = [check for check in report.checks if check.kind == "training"]
    assert training.error > 1e-7
    assert training.tolerance > training.error
    (note,) = [note for note in report.notes if "rounding alone moves" in note]
    assert "norm1.bias" in note
    assert "conv.weight" not in note


def inject(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Adam], dict[str, float]]) -> None:
    """Let torch's Adam have other settings than the spec says."""

    def lowered(row: Made, optimizer: Adam) -> Call:
        return original(row, optimizer.model_copy(update=wrong(optimizer)))

    original = type(OPTIMIZERS[Adam]).__call__
    monkeypatch.setattr(type(OPTIMIZERS[Adam]), "__call__", lowered)


def test_a_wrong_optimizer_still_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    inject(monkeypatch, lambda optimizer: {"epsilon": 1e-6})
    failures = [failure for failure in verified().failures() if failure.kind == "training"]
    assert len(failures) == 1
    assert failures[0].error > 1e-6
    assert failures[0].tolerance <= 2e-7
    assert failures[0].detail == "gradients agree, the optimizer differs."


def bent() -> Report:
    """Verify layers whose slope Keras rounds to float32; many gradients are as small as that."""
    path = ROOT / "specs" / "zoo" / "dcgan_discriminator.yaml"
    spec = nnspec.load(path, variables={"width": 8})
    return verify(spec, backends=("torch", "keras"), steps=1, batch=2)


def test_what_adam_makes_of_a_rounded_constant_is_measured() -> None:
    report = bent()
    assert report.passed, report.to_json()
    assert any("rounding alone, by 2.4e-07 in constants" in note for note in report.notes)


def test_a_wrong_optimizer_shows_beside_a_rounded_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    inject(monkeypatch, lambda optimizer: {"learning_rate": 2 * optimizer.learning_rate})
    assert [each.kind for each in bent().failures() if each.kind == "training"] == ["training"]
