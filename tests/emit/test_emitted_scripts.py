"""Emitted scripts, run from their files: they end where `nnspec train` ends, and serve raw rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from script_cases import (
    MATRIX,
    Case,
    first_weights,
    require_weights_of_train,
    run,
    script_of,
    spec_of,
    trained,
    weights_of,
)

import nnspec
from nnspec.deploy.predicting import predict
from nnspec.network.loader import loads

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.usefixtures("eager"),
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


def cases() -> list[object]:
    return [
        pytest.param(case, marks=() if case in FEW else pytest.mark.slow, id=str(case))
        for case in MATRIX
    ]


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("case", cases())
def test_a_script_ends_with_the_weights_of_train(
    case: Case, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(case, tmp_path)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    # The saved network takes raw rows, and answers as the exported one does. Keras's needs nothing
    # that the script defines.
    if backend == "keras":
        import keras

        known = keras.saving.get_custom_objects()
        for name in list(known):
            monkeypatch.delitem(known, name)
    values, answers = module.predict(output, tmp_path / spec.model.data.source)
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    expected = predict(tmp_path / "net.onnx", tmp_path / spec.model.data.source)
    (wanted,) = expected.outputs.values()
    assert values.shape == wanted.shape
    assert np.abs(values - wanted).max() <= 1e-4
    if case.task != "regression":
        assert (answers == expected.answer).all()


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_script_over_dynamic_axes_ends_with_the_weights_of_train(
    backend: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    length = rng.integers(1, 6, size=20)
    words = rng.integers(0, 7, size=(20, 5))
    likely = rng.dirichlet(np.ones(3), size=20)
    np.savez(tmp_path / "rows.npz", length=length, words=words, likely=likely)
    document = {
        "nnspec": 1,
        "name": "Sequences",
        "inputs": {
            "length": {"shape": [], "dtype": "int32"},
            "words": {"shape": ["time"], "dtype": "int32"},
        },
        "layers": [
            {
                "name": "e",
                "type": "embedding",
                "inputs": ["words"],
                "input_dim": 7,
                "output_dim": 3,
            },
            {"name": "p", "type": "position_embedding", "max_length": 8},
            {"name": "g", "type": "gru", "units": 4, "inputs": ["p", "length"]},
            {"name": "o", "type": "dense", "units": 3},
            {"type": "softmax"},
        ],
        "data": {
            "source": "rows.npz",
            "features": {"length": "length", "words": "words"},
            "target": "likely",
        },
        "training": {"task": "multiclass", "optimizer": "sgd", "epochs": 2, "seed": 1},
    }
    spec = loads(json.dumps(document), path=tmp_path / "net.json", is_json=True)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    ours, theirs = trained(spec, backend), weights_of(spec, backend, output)
    for name, array in ours.items():
        assert np.abs(array - theirs[name]).max() <= 1e-5, name
    values, answers = module.predict(output, tmp_path / "rows.npz")
    assert values.shape == (20, 3)
    assert (values.argmax(-1) == answers).all()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_script_is_a_program_whose_result_another_process_loads(
    backend: str, tmp_path: Path
) -> None:
    case = Case("csv", 2, "binary", 40, has_words=True)
    script_of(spec_of(case, tmp_path), backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    script = f"script_of_{backend}.py"
    load = (
        f"import keras; print(keras.saving.load_model({str(output)!r}).count_params())"
        if backend == "keras"
        else f"from safetensors.torch import load_file; print(load_file({str(output)!r}))"
    )
    for call in ([script, "--output", output.name], ["-c", load]):
        ended = subprocess.run(
            [sys.executable, *call], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr[-2000:]
        assert ended.stdout


@pytest.mark.parametrize(
    ("backend", "name"), [("torch", "hidden"), ("torch", "type"), ("keras", "hidden")]
)
def test_a_script_stores_lengths_and_directions_as_the_spec_names_them(
    backend: str, name: str, tmp_path: Path
) -> None:
    """PyTorch calls them `parametrizations.weight.original0` and 1, and some layers otherwise."""
    hidden = {"name": name, "type": "dense", "units": 4, "weight_normalization": True}
    layers = [hidden, {"type": "tanh"}, {"name": "out", "type": "dense", "units": 1}]
    spec = spec_of(Case("csv", 1, "regression", 4), tmp_path, layers=layers)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    ours, theirs = trained(spec, backend), weights_of(spec, backend, output)
    assert ours.keys() == theirs.keys()
    assert {f"{name}.weight_g", f"{name}.weight_v"} < ours.keys()
    for key, array in ours.items():
        assert np.abs(array - theirs[key]).max() <= 1e-5 * max(1, np.abs(array).max()), key
    values, _ = module.predict(output, tmp_path / "rows.csv")
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    (wanted,) = predict(tmp_path / "net.onnx", tmp_path / "rows.csv").outputs.values()
    assert np.abs(values - wanted).max() <= 1e-4
