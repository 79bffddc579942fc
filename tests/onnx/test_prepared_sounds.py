"""Models that take samples as files have them, in ONNX Runtime alone, beside `nnspec predict`."""

import json

import numpy as np
import onnxruntime
import polars as pl
import pytest
import soundfile
from onnx_cases import random_weights

from nnspec.data.preprocessing import KEY
from nnspec.data.rows import load_data
from nnspec.deploy.exporting import export
from nnspec.deploy.predicting import predict
from nnspec.network.loader import loads
from nnspec.weights.canonical import save_weights

RATE, COUNT = 8000, 8
KINDS = {
    "as it is": ({}, [50], 1, {}),
    "end": ({"keep": "end", "normalize": "peak"}, [1, 50], 1, {}),
    "middle": ({"keep": "middle", "normalize": "peak"}, [2, 51], 2, {}),
    "learned": ({"normalize": "learned"}, [50, 2], 2, {"data_format": "channels_last"}),
    "mixed": ({"mix": True, "normalize": "learned"}, [50], 3, {}),
}
"""Declaration of sounds, the shape of the input, the channels of the files."""


def save(folder, channels):
    """Write sounds of 30 to 72 samples, of which one is silent."""
    draw = np.random.default_rng(3)
    for i in range(COUNT):
        path = folder / "calls" / ("hum", "tick")[i % 2] / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = draw.integers(-30000, 30000, (30 + 6 * i, channels)).astype(np.int16)
        soundfile.write(path, samples * (i != 5), RATE)
    return sorted((folder / "calls").glob("*/*.wav"))


def made(folder, sound, shape, *, source="calls", target="label", layers=None, inputs=None,
         column="file", task="multiclass", features=None, prepare=None, batch=None,
         **more):  # fmt: skip
    """Write the model that takes samples, and the one that leaves sounds to nnspec."""
    classes = [{"type": "flatten"}, {"type": "dense", "units": 2}, {"type": "softmax", "name": "p"}]
    document = {
        "nnspec": 1, "name": "Heard", "inputs": inputs or {"x": {"shape": shape}},
        "layers": layers or (classes if len(shape) > 1 else classes[1:]),
        "data": {"source": source, "features": {"x": column, **(features or {})}, "target": target,
                 "prepare": {column: {"sound": {"rate": RATE, **sound}}, **(prepare or {})}},
        "training": {"task": task}, **more,
    }  # fmt: skip
    spec = loads(json.dumps(document), path=folder / "net.json")
    metadata = {KEY: load_data(spec).preprocessing.to_json()}
    weights = save_weights(folder / "w.safetensors", random_weights(spec.graph, 3), metadata)
    export(spec, folder / "plain.onnx", weights=weights)
    fixed = {} if batch is None else {"batch": batch}
    export(spec, folder / "whole.onnx", weights=weights, preprocessing=True, **fixed)
    return onnxruntime.InferenceSession(folder / "whole.onnx", providers=["CPUExecutionProvider"])


def raw(path):
    """Return what a user without nnspec reads of a file."""
    return soundfile.read(path, dtype="float32", always_2d=True)[0][None]


@pytest.mark.parametrize("name", KINDS)
def test_a_model_takes_the_samples_of_a_file(name, tmp_path):
    sound, shape, channels, more = KINDS[name]
    paths = save(tmp_path, channels)
    session = made(tmp_path, sound, shape, **more)
    (given,) = session.get_inputs()
    assert (given.name, given.type) == ("file", "tensor(float)")
    named = "file_channels" if name == "mixed" else channels
    assert given.shape == ["batch", "file_samples", named]
    expected = predict(tmp_path / "plain.onnx", tmp_path / "calls")
    for i, path in enumerate(paths):
        shares, answer = session.run(["p", "label"], {"file": raw(path)})
        np.testing.assert_allclose(shares[0], expected.outputs["p"][i], rtol=1e-6, atol=1e-7)
        assert answer.tolist() == [expected.answer[i]]
    # Several of one length go in at once.
    both = np.concatenate([raw(paths[0]), raw(paths[0])[:, ::-1] / 2])
    np.testing.assert_array_equal(
        session.run(["p"], {"file": both})[0][:1], session.run(["p"], {"file": both[:1]})[0]
    )
    # `nnspec predict` takes it too, though each sound has another length.
    whole = predict(tmp_path / "whole.onnx", tmp_path / "calls")
    np.testing.assert_allclose(whole.outputs["p"], expected.outputs["p"], rtol=1e-6, atol=1e-7)
    assert (whole.answer == expected.answer).all()


def test_prepared_samples_are_those_of_nnspec(tmp_path):
    paths = save(tmp_path, 3)
    layers = [{"type": "linear", "name": "p"}]
    sound = {"mix": True, "keep": "middle", "normalize": "peak"}
    session = made(tmp_path, sound, [50], layers=layers, target=None, task="autoencoder")
    expected = predict(tmp_path / "plain.onnx", tmp_path / "calls").outputs["p"]
    for path, row in zip(paths, expected, strict=True):
        np.testing.assert_array_equal(session.run(None, {"file": raw(path)})[0][0], row)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_sound_has_no_answer(wrong, tmp_path):
    (path, *_) = save(tmp_path, 1)
    session = made(tmp_path, {"normalize": "peak"}, [50])
    samples = np.repeat(raw(path), 2, axis=0)
    samples[1, 7] = wrong
    shares, answer = session.run(["p", "label"], {"file": samples})
    assert np.isfinite(shares[0]).all()
    assert np.isnan(shares[1]).all()
    assert answer[1] == ""
    nothing = session.run(["p"], {"file": samples[:, :0]})[0]
    assert np.isnan(nothing).all()


def test_sounds_beside_columns_at_a_fixed_batch(tmp_path):
    paths = [path.relative_to(tmp_path).as_posix() for path in save(tmp_path, 1)]
    table = pl.DataFrame({"path": paths, "age": np.arange(8.0), "y": np.arange(8.0) * 10})
    table.write_csv(tmp_path / "t.csv")
    layers = [{"type": "concatenate", "inputs": ["x", "age"]},
              {"type": "dense", "units": 1, "name": "p"}]  # fmt: skip
    inputs = {"x": {"shape": [50]}, "age": {"shape": [1]}}
    session = made(tmp_path, {}, [50], source="t.csv", column="path", layers=layers, target="y",
                   inputs=inputs, features={"age": "age"}, task="regression", batch=3,
                   prepare={"age": {"scale": "log"}})  # fmt: skip
    assert [value.shape[0] for value in session.get_inputs()] == [3, 3]
    expected = predict(tmp_path / "plain.onnx", tmp_path / "t.csv").outputs["p"]
    whole = predict(tmp_path / "whole.onnx", tmp_path / "t.csv").outputs["p"]
    np.testing.assert_allclose(whole, expected, rtol=1e-6)


def test_the_same_sound_feeds_two_inputs(tmp_path):
    (path, *_) = save(tmp_path, 1)
    layers = [{"type": "concatenate", "inputs": ["x", "z"]},
              {"type": "dense", "units": 2}, {"type": "softmax", "name": "p"}]  # fmt: skip
    inputs = {"x": {"shape": [50]}, "z": {"shape": [40]}}
    session = made(tmp_path, {"keep": "end"}, [50], layers=layers, inputs=inputs,
                   features={"z": "file"})  # fmt: skip
    assert [value.name for value in session.get_inputs()] == ["file"]
    expected = predict(tmp_path / "plain.onnx", tmp_path / "calls").outputs["p"]
    (shares,) = session.run(["p"], {"file": raw(path)})
    np.testing.assert_allclose(shares[0], expected[0], rtol=1e-6)
