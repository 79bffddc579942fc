"""Models that take images as bytes, in ONNX Runtime alone, beside `nnspec predict` on the files."""

import json

import numpy as np
import onnxruntime
import polars as pl
import pytest
from onnx_cases import random_weights
from PIL import Image, ImageOps

from nnspec.data.images import fitted
from nnspec.data.pictures import Pictures
from nnspec.data.preprocessing import KEY
from nnspec.data.rows import load_data
from nnspec.deploy import batching
from nnspec.deploy.exporting import export
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError, UnsupportedError
from nnspec.network.loader import loads
from nnspec.weights.canonical import save_weights

MEAN = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]}
LEARNED = {"normalize": "learned"}
KINDS = {
    "as it is": ({}, (3, 9, 11), {}),
    "cropped": ({"crop": [7, 9], "range": [-1, 1]}, (3, 7, 9), {}),
    "both": ({"resize": [8, 13], **LEARNED}, (8, 13, 3), {"data_format": "channels_last"}),
    "shorter": ({"resize": 12, "crop": 9, "normalize": MEAN}, (3, 9, 9), {}),
    "bicubic": ({"resize": [20, 5], "interpolation": "bicubic"}, (3, 20, 5), {}),
    "box": ({"resize": 6, "crop": 6, "interpolation": "box"}, (6, 6), {}),
    "gray": ({"resize": [9, 9], **LEARNED}, (1, 9, 9), {}),
    "bytes": ({"resize": [9, 9]}, (3, 9, 9), {"dtype": "uint8"}),
}
"""Declaration of images, and the shape of the input."""


def save(folder, labels=("cat", "dog"), count=4, sides=None):
    """Write images of their own sizes, of which one has to be turned and one is gray."""
    draw = np.random.default_rng(3)
    for label in labels:
        (folder / label).mkdir(parents=True)
        for i in range(count):
            height, width = sides or draw.integers(9, 40, 2)
            pixels = draw.integers(0, 256, (height, width, 3), np.uint8)
            exif = Image.Exif()
            exif[0x0112] = 8 if i == 1 and sides is None else 1
            image = Image.fromarray(pixels)
            image = image.convert("L") if i == 2 else image
            image.save(folder / label / f"{i}.png", exif=exif)


def made(folder, image, shape, *, source="pets", column="file", layers=None, target="label",
         inputs=None, task="multiclass", batch=None, **more):  # fmt: skip
    """Write the model that takes bytes, and the one that leaves images to nnspec."""
    dtype = more.pop("dtype", "float32")
    cast = [{"type": "cast", "dtype": "float32"}] if dtype == "uint8" else []
    flat = [*cast, {"type": "flatten", "name": "flat"}]
    document = {
        "nnspec": 1, "name": "Pets", "inputs": inputs or {"x": {"shape": shape, "dtype": dtype}},
        "layers": layers
        or [*flat, {"type": "dense", "units": 2}, {"type": "softmax", "name": "p"}],
        "data": {"source": source, "features": {"x": column, **more.pop("features", {})},
                 "target": target,
                 "prepare": {column: {"image": image}, **more.pop("prepare", {})}},
        "training": {"task": task}, **more,
    }  # fmt: skip
    spec = loads(json.dumps(document), path=folder / "net.json")
    record = load_data(spec).preprocessing
    metadata = {KEY: record.to_json()}
    weights = save_weights(folder / "w.safetensors", random_weights(spec.graph, 3), metadata)
    export(spec, folder / "plain.onnx", weights=weights)
    fixed = {} if batch is None else {"batch": batch}
    export(spec, folder / "whole.onnx", weights=weights, preprocessing=True, **fixed)
    return record


def session_of(folder):
    return onnxruntime.InferenceSession(folder / "whole.onnx", providers=["CPUExecutionProvider"])


def raw(path, mode):
    """Return what a user without nnspec makes of a file."""
    with Image.open(path) as image:
        pixels = np.asarray(ImageOps.exif_transpose(image).convert(mode))
    return pixels.reshape(1, *pixels.shape[:2], -1)


@pytest.mark.parametrize("name", KINDS)
def test_a_model_takes_the_bytes_of_an_image(name, tmp_path):
    image, shape, more = KINDS[name]
    save(tmp_path / "pets", sides=(9, 11) if name == "as it is" else None)
    made(tmp_path, image, shape, **more)
    session = session_of(tmp_path)
    (given,) = session.get_inputs()
    mode = "RGB" if 3 in shape else "L"
    sides = [9, 11] if name == "as it is" else ["file_height", "file_width"]
    assert (given.name, given.type) == ("file", "tensor(uint8)")
    assert given.shape == ["batch", *sides, 3 if mode == "RGB" else 1]
    expected = predict(tmp_path / "plain.onnx", tmp_path / "pets")
    files = sorted((tmp_path / "pets").glob("*/*.png"))
    for i, file in enumerate(files):
        found = session.run(None, {"file": raw(file, mode)})
        shares, answer = (dict(zip(["p", "label"], found, strict=True))[k] for k in ("p", "label"))
        np.testing.assert_allclose(shares[0], expected.outputs["p"][i], rtol=1e-6, atol=1e-7)
        assert answer.tolist() == [expected.answer[i]]
    # `nnspec predict` takes it too, though each image has another size.
    whole = predict(tmp_path / "whole.onnx", tmp_path / "pets")
    np.testing.assert_allclose(whole.outputs["p"], expected.outputs["p"], rtol=1e-6, atol=1e-7)
    assert (whole.answer == expected.answer).all()


@pytest.mark.parametrize("interpolation", ["box", "bilinear", "bicubic"])
def test_resized_bytes_are_those_of_pillow(interpolation, tmp_path):
    draw = np.random.default_rng(11)
    for _ in range(12):
        sides = draw.integers(1, 40, 2).tolist()
        folder = tmp_path / "_".join(map(str, sides))
        save(folder / "pets", ("cat",), 5)
        image = {"resize": sides, "interpolation": interpolation, "range": [0, 255]}
        layers = [{"type": "linear", "name": "p"}]
        record = made(folder, image, [*sides, 3], layers=layers, task="autoencoder",
                      target=None, data_format="channels_last")  # fmt: skip
        session = session_of(folder)
        for _ in range(6):
            size = draw.integers(1, 130, 2)
            pixels = draw.integers(0, 256, (*size, 3), np.uint8)
            pixels[: size[0] // 2] //= 255  # edges, which bicubic overshoots
            by = record.inputs["x"].image
            expected = fitted(Image.fromarray(pixels), by, tuple(sides))
            (found,) = session.run(None, {"file": pixels[None]})
            np.testing.assert_array_equal(found[0], expected.astype(np.float32))
        # Several images of one size go in at once.
        (both,) = session.run(None, {"file": np.stack([pixels, pixels[::-1]])})
        np.testing.assert_array_equal(both[0], found[0])


def test_images_beside_columns_of_which_some_are_refused(tmp_path):
    save(tmp_path / "pets")
    names = [f"pets/{label}/{i}.png" for label in ("cat", "dog") for i in range(4)]
    table = pl.DataFrame({"path": names, "age": np.arange(8.0), "y": np.arange(8.0) * 10})
    table.write_csv(tmp_path / "t.csv")
    layers = [{"type": "flatten", "name": "flat", "inputs": "x"},
              {"type": "concatenate", "inputs": ["flat", "age"]},
              {"type": "dense", "units": 1, "name": "p"}]  # fmt: skip
    inputs = {"x": {"shape": [3, 9, 9]}, "age": {"shape": [1]}}
    made(tmp_path, {"resize": [9, 9]}, None, source="t.csv", column="path", layers=layers,
         target="y", inputs=inputs, features={"age": "age"}, task="regression",
         prepare={"age": {"scale": "log"}})  # fmt: skip
    session = session_of(tmp_path)
    assert [value.name for value in session.get_inputs()] == ["path", "age"]
    expected = predict(tmp_path / "plain.onnx", tmp_path / "t.csv").outputs["p"]
    whole = predict(tmp_path / "whole.onnx", tmp_path / "t.csv").outputs["p"]
    np.testing.assert_allclose(whole, expected, rtol=1e-6)
    for i, name in enumerate(names):
        feeds = {"path": raw(tmp_path / name, "RGB"), "age": np.array([float(i)])}
        np.testing.assert_allclose(session.run(None, feeds)[0], expected[i : i + 1], rtol=1e-6)
    feeds["age"] = np.array([-2.0])
    assert np.isnan(session.run(None, feeds)[0]).all()
    with pytest.raises(DataError, match="has no log"):
        predict(tmp_path / "plain.onnx", table.with_columns(age=pl.lit(-2.0)))


def test_a_model_of_a_fixed_batch_is_run_on_images_of_any_size(tmp_path):
    save(tmp_path / "pets", count=3)
    made(tmp_path, *KINDS["shorter"][:2], batch=4)
    assert session_of(tmp_path).get_inputs()[0].shape == [4, "file_height", "file_width", 3]
    expected = predict(tmp_path / "plain.onnx", tmp_path / "pets").outputs["p"]
    whole = predict(tmp_path / "whole.onnx", tmp_path / "pets").outputs["p"]
    np.testing.assert_allclose(whole, expected, rtol=1e-6)


def test_images_are_predicted_few_at_a_time(tmp_path, monkeypatch):
    save(tmp_path / "pets", count=3)
    made(tmp_path, *KINDS["shorter"][:2])
    whole = predict(tmp_path / "plain.onnx", tmp_path / "pets").outputs["p"]
    sizes = []
    array = Pictures.__array__
    monkeypatch.setattr(
        Pictures, "__array__", lambda self, *rest, **more: sizes.append(len(self)) or array(self)
    )
    monkeypatch.setattr(batching, "LARGE_INPUTS", 2 * 3 * 9 * 9 * 4)
    few = predict(tmp_path / "plain.onnx", tmp_path / "pets").outputs["p"]
    np.testing.assert_allclose(few, whole, rtol=1e-6)
    assert max(sizes) == 2
    assert len(sizes) >= 3


@pytest.mark.parametrize("interpolation", ["nearest", "lanczos"])
def test_what_is_not_resized_as_pillow_does_is_refused(interpolation, tmp_path):
    save(tmp_path / "pets")
    with pytest.raises(UnsupportedError, match=f'input "x" resizes its images by {interpolation}'):
        made(tmp_path, {"resize": [9, 9], "interpolation": interpolation}, (3, 9, 9))


def test_images_smaller_than_a_crop_are_never_joined(tmp_path):
    """Two of half the height have as many numbers as one that fits."""
    save(tmp_path / "pets", sides=(8, 9))
    made(tmp_path, {"crop": [8, 9]}, (3, 8, 9))
    small = np.zeros((2, 4, 9, 3), np.uint8)
    with pytest.raises(Exception, match="Reshape"):
        session_of(tmp_path).run(None, {"file": small})
