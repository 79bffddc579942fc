"""Emitted scripts, run from their files: they end where `nnspec train` ends, and serve raw rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from script_cases import MATRIX, Case, first_weights, run, script_of, spec_of, trained, weights_of

import nnspec
from nnspec.predicting import predict

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]

SUFFIX = {"torch": "safetensors", "keras": "keras"}
FEW = {
    Case("csv", 1, "regression", 4),
    Case("csv", 2, "multiclass", 40, has_words=True),
    Case("csv", 3, "binary", 4),
    Case("parquet", 2, "regression", 40),
    Case("parquet", 3, "binary", 4, has_words=True),
    Case("parquet", 1, "multiclass", 4, has_words=True),
    Case("npz", 1, "binary", 40, has_words=True),
    Case("npz", 2, "regression", 4),
    Case("npz", 3, "multiclass", 40),
}


@pytest.fixture(autouse=True)
def _eager(request: pytest.FixtureRequest) -> Iterator[None]:
    """Spare Keras the compilation of each small network, which takes most of the time."""
    if "keras" not in request.node.name:
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def cases() -> list[object]:
    return [
        pytest.param(case, marks=() if case in FEW else pytest.mark.slow, id=str(case))
        for case in MATRIX
    ]


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("case", cases())
def test_a_script_ends_with_the_weights_of_train(case: Case, backend: str, tmp_path: Path) -> None:
    spec = spec_of(case, tmp_path)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    ours, theirs = trained(spec, backend), weights_of(spec, backend, output)
    for name, array in ours.items():
        assert np.abs(array - theirs[name]).max() <= 1e-5 * max(1, np.abs(array).max()), name
    # The saved network takes raw rows, and answers as the exported one does.
    values, answers = module.predict(output, tmp_path / spec.model.data.source)
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    expected = predict(tmp_path / "net.onnx", tmp_path / spec.model.data.source)
    assert np.abs(values - next(iter(expected.outputs.values()))).max() <= 1e-4
    if case.task != "regression":
        assert (answers == expected.answer).all()
