"""Every example spec is verified: all pairs, twenty training steps, exports of all kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnspec.api import verify
from nnspec.network.loader import load
from tests.golden_files import SPECS

ENGINES = {"torch", "keras", "onnx", "onnx-via-torch", "onnx-via-keras"}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_example_is_the_same_everywhere(spec: Path) -> None:
    report = verify(load(spec), steps=20)
    assert report.passed, report.to_json()
    exact = [c for c in report.checks if c.kind == "forward" and c.dtype == "float64"]
    pairs = {frozenset(check.pair) for check in exact}
    assert pairs == {frozenset((a, b)) for a in ENGINES for b in ENGINES if a != b}
    assert all(check.tolerance <= 1.1e-9 for check in exact)
    gradients = [check for check in report.checks if check.kind == "gradient"]
    assert gradients
    assert all(check.error <= 1e-9 for check in gradients)
    trained = [check for check in report.checks if check.kind == "training"]
    assert trained
    assert all(check.error <= 1e-7 for check in trained)
    exports = {check.pair[0] for check in report.checks if check.kind == "export"}
    onnx = {name for name in ENGINES if name.startswith("onnx")}
    assert exports == onnx | {f"{name}, optimized" for name in onnx}
