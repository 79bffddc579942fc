"""What a run notes of its rows, and what its domain refuses of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.data.rows import load_data
from nnspec.errors import DataError
from nnspec.network.loader import Spec, loads
from nnspec.training.notes import notes_on

ROWS = 100


def spec_of(folder: Path, yes: int, **training: Any) -> Spec:
    return loaded(document_of(folder, yes, **training), folder)


def loaded(document: dict[str, Any], folder: Path) -> Spec:
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


def document_of(folder: Path, yes: int, **training: Any) -> dict[str, Any]:
    y = np.array(["yes"] * yes + ["no"] * (ROWS - yes))
    np.savez(folder / "rows.npz", x=np.arange(ROWS * 2.0).reshape(ROWS, 2), y=y)
    return {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [2]}},
        "layers": [{"type": "dense", "units": 1}, {"type": "sigmoid"}],
        "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "y", "validation": 0},
        "training": {"task": "binary", "batch_size": 10, "epochs": 2, **training},
    }


def noted(spec: Spec) -> list[str]:
    training = spec.model.training
    assert training is not None
    return list(notes_on(training, load_data(spec), training.epochs))


def test_accuracy_alone_on_unbalanced_classes_is_noted(tmp_path: Path) -> None:
    (note,) = noted(spec_of(tmp_path, 95))
    assert note.startswith('unbalanced-classes: 95.0% of the training rows are "yes"')
    assert noted(spec_of(tmp_path, 85)) == []


def test_unbalanced_classes_of_an_output_by_name_are_noted(tmp_path: Path) -> None:
    document = document_of(tmp_path, 95)
    document["layers"] = [
        {"name": "a", "type": "dense", "units": 1, "inputs": "x"},
        {"name": "b", "type": "dense", "units": 2, "inputs": "x"},
    ]
    document["outputs"] = ["a", "b"]
    document["data"]["target"] = {"a": "y", "b": "z"}
    document["training"] |= {"task": {"a": "binary", "b": "multiclass"}}
    rows = dict(np.load(tmp_path / "rows.npz"))
    np.savez(tmp_path / "rows.npz", **rows, z=np.arange(ROWS) < 3)
    first, second = noted(loaded(document, tmp_path))
    assert '95.0% of the training rows of "a" are "yes"' in first
    assert '97.0% of the training rows of "b" are the class 0' in second
    document["outputs"], document["layers"] = ["a"], document["layers"][:1]
    document["data"]["target"], document["training"]["task"] = {"a": "y"}, {"a": "binary"}
    (note,) = noted(loaded(document, tmp_path))
    assert '95.0% of the training rows are "yes"' in note


@pytest.mark.parametrize(("steps", "is_long"), [(20, False), (24, False), (25, True), (500, True)])
def test_a_schedule_beyond_the_run_is_noted(steps: int, is_long: bool, tmp_path: Path) -> None:
    rate = {"schedule": "cosine", "peak": 0.01, "steps": steps}
    found = noted(spec_of(tmp_path, 50, optimizer={"type": "adam", "learning_rate": rate}))
    assert bool(found) == is_long
    if is_long:
        assert found[0].startswith("long-schedule: the schedule cosine turns last at step")
        assert "takes 20 optimizer steps" in found[0]


AVERAGES = {
    "begins at the end": ({"type": "swa", "start": 20}, ""),
    "begins after the end": ({"type": "swa", "start": 21}, "swa starts at step 21, and the run "),
    "forgets the first weights": ({"type": "ema", "decay": 0.96}, ""),
    "holds the first weights": ({"type": "ema"}, "after the 20 optimizer steps of the run 98%"),
}


@pytest.mark.parametrize("case", AVERAGES)
def test_an_average_of_nothing_trained_is_noted(case: str, tmp_path: Path) -> None:
    average, words = AVERAGES[case]
    found = noted(spec_of(tmp_path, 50, average=average))
    assert len(found) == bool(words)
    if words:
        assert found[0].startswith(f"late-average: {words}")


def test_an_embedding_smaller_than_its_ids_names_the_row(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.array([[0], [3], [7]]), y=np.zeros(3))
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [1], "dtype": "int32"}},
        "layers": [
            {"type": "embedding", "input_dim": 7, "output_dim": 2},
            {"type": "flatten"},
            {"type": "dense", "units": 1},
        ],
        "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "y", "validation": 0},
        "training": {"task": "regression"},
    }
    spec = loads(json.dumps(document), path=tmp_path / "net.json", is_json=True)
    with pytest.raises(DataError, match=r'array "x", row 3.*7.*0 to 6'):
        load_data(spec)
