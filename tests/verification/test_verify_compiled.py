"""Sources that run through their framework's compiler, as `nnspec verify --compile` has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.backend import declared_options, get_backend
from nnspec.errors import UsageError
from nnspec.verification import suite, verifier
from tests.training.moving_spec import spec_in
from tests.training.test_moving import require_equal

# torch's compiler imports what torch itself calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

DOCUMENT = {
    "nnspec": 1,
    "name": "Compiled",
    "inputs": {"x": {"shape": [5]}},
    "layers": [
        {"type": "dense", "units": 6, "activation": "tanh"},
        {"type": "dropout", "rate": 0.4},
        {"name": "scores", "type": "dense", "units": 3},
        {"type": "softmax"},
    ],
    "training": {"task": "multiclass", "optimizer": {"type": "adam", "learning_rate": 0.01}},
}


@pytest.mark.parametrize("name", ["keras", pytest.param("torch", marks=pytest.mark.slow)])
def test_a_compiled_source_is_verified_as_an_engine_of_its_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = tuple(each for each in suite.AFTERWARDS if each[1] is suite.compare_training)
    monkeypatch.setattr(verifier, "AFTERWARDS", checks)
    outputs = tuple(each for each in suite.WITH_EXACT if each[1] is suite.compare_outputs)
    monkeypatch.setattr(verifier, "WITH_EXACT", outputs)
    options: dict[str, Any] = {"compile": True}
    spec = nnspec.loads(json.dumps(DOCUMENT), is_json=True)
    report = nnspec.verify(spec, backends=(name,), exporters=False, steps=2, **options)
    assert report.passed, report.failures()
    compared = {check.kind for check in report.checks if f"{name}-compiled" in check.pair}
    assert compared >= {"forward", "gradient", "training"}


@pytest.mark.slow
@pytest.mark.parametrize("layer", [{}, {"padding": 1, "count_include_pad": True}], ids=str)
def test_a_last_window_that_hangs_over_has_its_gradient_when_compiled(
    layer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = tuple(each for each in suite.AFTERWARDS if each[1] is suite.compare_training)
    monkeypatch.setattr(verifier, "AFTERWARDS", checks)
    monkeypatch.setattr(verifier, "WITH_EXACT", ())
    pooling = {"type": "average_pooling1d", "pool_size": 3, "strides": 2, "ceil_mode": True}
    document = {
        "nnspec": 1,
        "name": "Compiled",
        "inputs": {"x": {"shape": [1, 8]}},
        "layers": [
            {"type": "conv1d", "filters": 2, "kernel_size": 1},
            {**pooling, **layer},
            {"type": "flatten"},
            {"type": "dense", "units": 1},
        ],
        "training": {"task": "regression", "optimizer": {"type": "sgd", "learning_rate": 0.1}},
    }
    spec = nnspec.loads(json.dumps(document), is_json=True)
    options: dict[str, Any] = {"compile": True}
    report = nnspec.verify(spec, backends=("torch",), exporters=False, steps=2, **options)
    assert report.passed, report.failures()
    assert any("torch-compiled" in check.pair for check in report.checks)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["keras", "torch"])
def test_a_compiled_run_ends_as_one_that_is_not(tmp_path: Path, name: str) -> None:
    spec = spec_in(tmp_path, "adam")
    nnspec.train(spec, name, tmp_path / "plain", epochs=3, dtype="float64")
    nnspec.train(spec, name, tmp_path / "compiled", epochs=3, dtype="float64", compiled=True)
    require_equal(tmp_path / "compiled", tmp_path / "plain")


def test_what_cannot_compile_says_so(tmp_path: Path) -> None:
    assert not declared_options(get_backend("keras"))["compile"].in_source
    with pytest.raises(UsageError, match="compile"):
        nnspec.train(spec_in(tmp_path, "adam"), "onnx", tmp_path / "run", compiled=True)
