"""Scripts that read images: they learn and serve as `nnspec train` does, with Pillow alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.rows import load_data
from nnspec.deploy.predicting import predict
from nnspec.network.loader import Spec, loads

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.usefixtures("eager"),
]

SIDE = 10
MEAN = {"mean": [0.4, 0.5, 0.6], "std": 0.2}
DECLARED: dict[str, tuple[str, dict[str, Any], list[int], dict[str, Any]]] = {
    "folder": (
        "pets",
        {"resize": 12, "crop": SIDE, "normalize": "learned"},
        [3, SIDE, SIDE],
        {},
    ),
    "csv": ("pets.csv", {"resize": [SIDE, SIDE], "interpolation": "bicubic"}, [SIDE, SIDE], {}),
    "parquet": (
        "pets.parquet",
        {"crop": SIDE, "range": [-1, 1], "normalize": MEAN},
        [SIDE, SIDE, 3],
        {"data_format": "channels_last"},
    ),
    "as they are": ("same", {}, [1, SIDE, SIDE], {"data": {"standardize": True}}),
    "bytes": ("same", {}, [3, SIDE, SIDE], {"dtype": "uint8"}),
}


def spec_of(folder: Path, name: str) -> Spec:
    source, image, shape, more = DECLARED[name]
    draw = np.random.default_rng(4)
    names, labels = [], []
    for label in ("cat", "dog"):
        for i in range(12):
            sides = (SIDE, SIDE) if source == "same" else draw.integers(SIDE, 25, 2)
            pixels = draw.integers(0, 256, (*sides, 3), np.uint8)
            file = folder / source.partition(".")[0] / label / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
            names.append(file.relative_to(folder).as_posix())
            labels.append(label)
    table = pl.DataFrame({"path": names, "kind": labels, "age": draw.normal(size=len(names))})
    is_table = "." in source
    if is_table:
        getattr(table, f"write_{source.rpartition('.')[2]}")(folder / source)
    dtype = more.get("dtype", "float32")
    column = "path" if is_table else "file"
    cast = [{"type": "cast", "dtype": "float32"}] if dtype == "uint8" else []
    flat = [*cast, {"type": "flatten", "name": "flat"}]
    inputs: dict[str, Any] = {"photo": {"shape": shape, "dtype": dtype}}
    features = {"photo": column}
    if is_table:
        inputs["age"] = {"shape": [1]}
        features["age"] = "age"
        flat = [{**flat[0], "inputs": "photo"}, {"type": "concatenate", "inputs": ["flat", "age"]}]
    document = {
        "nnspec": 1, "name": "Pets", "inputs": inputs,
        "data_format": more.get("data_format", "channels_first"),
        "layers": [*flat, {"type": "dense", "units": 2, "name": "out"}, {"type": "softmax"}],
        "data": {"source": source, "features": features, "target": "kind" if is_table else "label",
                 "test": 0.1, "prepare": {column: {"image": image}}, **more.get("data", {})},
        "training": {"task": "multiclass", "optimizer": {"type": "sgd", "learning_rate": 0.01},
                     "epochs": 2, "batch_size": 6, "seed": 1},
    }  # fmt: skip
    return loads(json.dumps(document), path=folder / "net.json")


@pytest.mark.parametrize("name", DECLARED)
def test_a_script_reads_images_as_train_does(name: str, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, name)
    assert spec.model.data is not None
    module = script_of(spec, "torch")
    parts, record = module.load_data(tmp_path / spec.model.data.source)
    expected = load_data(spec)
    for part, (*arrays, target) in parts.items():
        wanted = getattr(expected, part)
        for array, values in zip(arrays, wanted.inputs.values(), strict=True):
            assert array.dtype == values.dtype
            assert np.array_equal(array, values)
        assert np.array_equal(target, wanted.target)
    assert Preprocessing.from_json(json.dumps(record)) == expected.preprocessing
    text = Path(str(module.__file__)).read_text()
    assert "nnspec." not in text
    # Nothing that it defines is left unused.
    defined = {n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    assert {each for each in defined if text.count(f"{each}(") < 2} <= {"predict", "evaluate"}
    assert ("resize" in text) == (name in ("folder", "csv"))
    assert ("def cropped" in text) == (name in ("folder", "parquet"))
    assert ("def learnt_channels" in text) == (name in ("folder", "as they are"))


@pytest.mark.parametrize("name", ["folder", "csv"])
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_script_ends_with_the_weights_of_train_and_serves_images(
    name: str, backend: str, tmp_path: Path
) -> None:
    spec = spec_of(tmp_path, name)
    assert spec.model.data is not None
    source = tmp_path / spec.model.data.source
    module = script_of(spec, backend)
    output = tmp_path / f"out.{ {'torch': 'safetensors', 'keras': 'keras'}[backend] }"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    if name == "folder":  # images that have no label
        for file in (tmp_path / "pets" / "dog").iterdir():
            source = tmp_path / "new"
            source.mkdir(exist_ok=True)
            file.rename(source / file.name)
    values, answers = module.predict(output, source)
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    expected = predict(tmp_path / "net.onnx", source)
    (wanted,) = expected.outputs.values()
    assert len(values) == 12 if name == "folder" else 24
    assert np.abs(values - wanted).max() <= 1e-6
    assert (answers == expected.answer).all()


def test_a_script_says_which_image_is_wrong(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "csv")
    module = script_of(spec, "torch")
    spoiled = tmp_path / "pets" / "cat" / "3.png"
    whole = spoiled.read_bytes()
    spoiled.write_bytes(whole[:-30])
    place = r'pets.csv, line 5: column "path", row 4: .*cat/3.png: '
    with pytest.raises(ValueError, match=f"{place}image file is truncated"):
        module.load_data(tmp_path / "pets.csv")
    spoiled.write_text("no image")
    with pytest.raises(ValueError, match=f"{place}cannot identify image file"):
        module.load_data(tmp_path / "pets.csv")
    spoiled.unlink()
    with pytest.raises(ValueError, match=f"{place}.*No such file"):
        module.load_data(tmp_path / "pets.csv")
    (tmp_path.parent / "other.png").write_bytes(whole)
    spoiled.symlink_to(tmp_path.parent / "other.png")
    with pytest.raises(ValueError, match=f"{place}it is outside of the folder"):
        module.load_data(tmp_path / "pets.csv")
    with pytest.raises(SystemExit):
        run(module, "--output", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
    for label in ("cat", "dog"):
        for i in range(12):
            Image.new("RGBA", (SIDE, SIDE)).save(tmp_path / "new.png")
            (tmp_path / "pets" / label / f"{i}.png").unlink(missing_ok=True)
            (tmp_path / "new.png").rename(tmp_path / "pets" / label / f"{i}.png")
    with pytest.raises(ValueError, match="it has transparent pixels"):
        module.load_data(tmp_path / "pets.csv")


def test_a_script_of_a_folder_refuses_what_train_refuses(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "folder")
    module = script_of(spec, "torch")
    (tmp_path / "pets" / "empty").mkdir()
    with pytest.raises(ValueError, match='the folder of the label "empty" has no image'):
        module.load_data(tmp_path / "pets")
    (tmp_path / "pets" / "empty" / "a.txt").write_text("x")
    with pytest.raises(ValueError, match=r"a\.txt is no image"):
        module.load_data(tmp_path / "pets")


def test_an_image_of_more_pixels_than_pillow_takes_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow refuses it by an error that is none of a file or a value."""
    spec = spec_of(tmp_path, "csv")
    module = script_of(spec, "torch")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 8)
    with pytest.raises(ValueError, match=r'column "path", row 1: .*0.png: Image size'):
        module.load_data(tmp_path / "pets.csv")
