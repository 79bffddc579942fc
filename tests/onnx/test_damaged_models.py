"""Damage to an exported model is told by `predict` in a sentence, whatever byte it hits."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_cases import random_weights

from nnspec.data.feature import Feature
from nnspec.data.preprocessing import KEY, Preprocessing
from nnspec.deploy.exporting import export
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError, NnspecError
from nnspec.network.loader import loads
from nnspec.weights.canonical import save_weights

Change = Callable[[dict[str, Any]], None]
ROWS = {"x": np.zeros((3, 2), "float32")}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    spec = loads(
        "{nnspec: 1, name: Net, inputs: {x: {shape: [2]}}, "
        "layers: [{type: dense, units: 1}, {type: sigmoid}], training: {task: binary}}"
    )
    feature = Feature(columns=("f1", "f2"), shape=(2,), dtype="float32")
    record = Preprocessing(inputs={"x": feature}, task="binary", target="y", labels=("a", "b"))
    weights = random_weights(spec.graph, 1)
    path = save_weights(folder / "w.safetensors", weights, {KEY: record.to_json()})
    export(spec, folder / "net.onnx", weights=path)
    return folder / "net.onnx"


def test_bytes_that_changed_or_are_lost_are_never_a_traceback(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = model.read_bytes()
    draw = random.Random(1)
    path = tmp_path / "damaged.onnx"
    refused = 0
    for i in range(300):
        damaged = bytearray(whole)
        if i % 3 == 0:
            damaged = damaged[: draw.randrange(len(whole))]
        else:
            for _ in range(1 if i % 3 == 1 else 5):
                damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            predict(path, ROWS)
        except NnspecError:
            refused += 1
    assert refused > 150
    assert capfd.readouterr().err == ""  # what ONNX Runtime would log is in the error


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r.update(inputs={}), 'of the inputs of no name, and the model takes "x"'),
        (lambda r: r.update(inputs={"q": r["inputs"]["x"]}), 'of the inputs "q"'),
        (lambda r: r.update(labels=["a"]), "names 1 classes"),
        (lambda r: r["inputs"]["x"].update(mean=[1.0], scale=[1.0]), "standardised with 1"),
        (lambda r: r.update(target_mean=[1.0], target_scale=[2.0]), "binary task has no mean"),
        (lambda r: r.update(task="anything"), "cannot be read: task"),
        (lambda r: r.update(more=1), "cannot be read: more"),
    ],
)
def test_a_record_of_something_else_is_refused(
    model: Path, tmp_path: Path, change: Change, told: str
) -> None:
    proto = onnx.load(model)
    (entry,) = (each for each in proto.metadata_props if each.key == "nnspec.preprocessing")
    record = json.loads(entry.value)
    change(record)
    entry.value = json.dumps(record)
    onnx.save(proto, tmp_path / "other.onnx")
    with pytest.raises(DataError, match=told):
        predict(tmp_path / "other.onnx", ROWS)


@pytest.mark.parametrize("key", ["nnspec.preprocessing", "nnspec.domain"])
def test_a_record_that_cannot_be_read_is_told_with_its_file(
    model: Path, tmp_path: Path, key: str
) -> None:
    proto = onnx.load(model)
    (entry,) = (each for each in proto.metadata_props if each.key == key)
    entry.value = entry.value[:-3]
    onnx.save(proto, tmp_path / "other.onnx")
    with pytest.raises(DataError, match=r"other\.onnx: the .*record"):
        predict(tmp_path / "other.onnx", ROWS)
