"""Each example spec all the way: trained, exported, and predicting from raw rows."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import nnspec
from nnspec.data.rows import load_data
from nnspec.deploy.predicting import predict
from nnspec.support.streams import permutation
from nnspec.training.batches import batches
from nnspec.weights.canonical import initial_weights, load_weights, save_weights
from tests.golden_files import GOLDEN, ROOT, SPECS


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_train_export_predict(path: Path, backend: str, tmp_path: Path) -> None:
    spec = nnspec.load(path)
    run = nnspec.train(spec, backend, tmp_path / "run", epochs=2)
    model = tmp_path / "model.onnx"
    report = nnspec.export(spec, model, weights=run.best)
    assert report.bytes == model.stat().st_size
    assert spec.model.data is not None
    source = spec.folder / spec.model.data.source
    predicted = predict(model, source)
    # Raw rows in, so the order is that of the file; the same rows, prepared by hand, must agree.
    inputs = load_data(spec).preprocessing.apply(pl.read_csv(source))
    program = nnspec.compile(spec, backend).build(load_weights(run.best))
    (expected,) = program.forward(inputs).values()
    (given,) = predicted.outputs.values()
    assert given.shape == expected.shape
    assert np.abs(given - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_emitted_torch_script_trains_as_nnspec_does(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = nnspec.load(path)
    if any(at.node.layer.type == "dropout" for at in spec.graph.walk()):
        pytest.skip("dropout draws from a generator that the script seeds once")
    run = nnspec.train(spec, "torch", tmp_path / "run", epochs=2)
    first, last = tmp_path / "first.safetensors", tmp_path / "best.safetensors"
    save_weights(first, initial_weights(spec.graph, 0), {})
    script = GOLDEN / path.stem / "torch_training.py"
    assert spec.model.data is not None
    data = ROOT / "specs" / spec.model.data.source
    arguments = [script, "--data", data, "--weights", first, "--output", last, "--epochs", "2"]
    monkeypatch.setattr(sys, "argv", [str(argument) for argument in arguments])
    runpy.run_path(str(script), run_name="__main__")
    ours, theirs = load_weights(run.best), load_weights(last)
    for name, array in ours.items():
        assert np.array_equal(array, theirs[name]), name


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_fitting_the_emitted_keras_program_is_training_step_by_step(path: Path) -> None:
    """In float64: over two epochs of float32, rounding alone grows to 1e-3 in a convolution."""
    from nnspec_keras.precision import precision

    spec = nnspec.load(path)
    if any(at.node.layer.type == "dropout" for at in spec.graph.walk()):
        pytest.skip("dropout draws other masks in one call of fit")
    training = spec.model.training
    assert training is not None
    train = load_data(spec).train.take(slice(330))
    compiled = nnspec.compile(spec, "keras", training=True)
    stepped, fitted = (compiled.build(dtype="float64") for _ in range(2))
    for epoch in (1, 2):
        order = permutation(len(train), "order", training.seed, epoch)
        for batch in batches(train, training.batch_size, order if training.shuffle else None):
            stepped.train_step(batch.inputs, batch.target)  # type: ignore[attr-defined]
    emitted = fitted.emitted  # type: ignore[attr-defined]
    (inputs,) = train.inputs.values()
    with precision("float64"):
        network = emitted.compiled(fitted.model)
        arrays = (inputs.astype("float64"), train.target)
        if training.shuffle:
            rows = emitted.Batches(*arrays)
            network.fit(rows, epochs=2, shuffle=False, verbose=0)
        else:
            size = training.batch_size
            network.fit(*arrays, batch_size=size, epochs=2, shuffle=False, verbose=0)
    ours, theirs = stepped.weights(), fitted.weights()  # type: ignore[attr-defined]
    for name, array in ours.items():
        assert np.abs(array - theirs[name]).max() <= 1e-10, name
