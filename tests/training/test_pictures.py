"""Pictures of a finished run: which there are, and that they say what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.training import drawing, pictures, results
from nnspec.training.measures import Rows, curves
from tests.script_cases import Case, run, script_of, spec_of


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "DRAWS", True)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("multiclass", {"confusion.png", "curves.png"}),
        ("binary", {"confusion.png", "curves.png"}),
        ("regression", {"predictions.png"}),
    ],
)
def test_a_run_has_the_pictures_of_its_task(task: str, expected: set[str], tmp_path: Path) -> None:
    rate = {"schedule": "cosine", "peak": 0.1, "steps": 8}
    training = {"optimizer": {"type": "sgd", "learning_rate": rate}}
    spec = spec_of(
        Case("csv", 2, task, has_words=task != "regression"), tmp_path, training=training
    )
    nnspec.train(spec, "torch", tmp_path / "run")
    found = {path.name for path in (tmp_path / "run").glob("*.png")}
    assert found == {"history.png", *expected}
    # What a run draws, a run in its place takes away.
    nnspec.train(spec, "torch", tmp_path / "run", overwrite=True)


def test_a_process_of_its_own_draws_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training: dict[str, Any] = {"metrics": ["confusion_matrix", "accuracy"]}
    spec = spec_of(Case("csv", 2, "multiclass"), tmp_path, training=training)
    here = nnspec.train(spec, "torch", tmp_path / "here")
    numbers = np.random.default_rng(0).normal(size=(9, 2))
    given = {"target": numbers, "output": numbers.T.copy().T, "name": "y", "title": "Net"}
    drawing.draw("numbers", path=tmp_path / "here" / "more.png", **given)
    monkeypatch.setattr(drawing, "APART", True)
    with monkeypatch.context() as patch, drawing.apart():
        patch.setattr(drawing, "_drawn", None)
        apart = nnspec.train(spec, "torch", tmp_path / "apart")
        drawing.draw("numbers", path=tmp_path / "apart" / "more.png", **given)
    assert apart.confusion == here.confusion is not None
    drawn = [path.name for path in (tmp_path / "here").glob("*.png")]
    assert {"history.png", "confusion.png", "curves.png", "more.png"} == {*drawn}
    for name in drawn:
        found = [(tmp_path / folder / name).read_bytes() for folder in ("here", "apart")]
        assert found[0] == found[1], name
    # What fails there fails here, with its own error.
    with drawing.apart(), pytest.raises(nnspec.UsageError, match="no folder"):
        drawing.draw("numbers", path=tmp_path / "absent" / "more.png", **given)


def test_the_confusion_matrix_is_that_of_the_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training: dict[str, Any] = {"metrics": ["confusion_matrix", "accuracy"], "epochs": 3}
    spec = spec_of(Case("csv", 2, "multiclass"), tmp_path, training=training)
    found = nnspec.train(spec, "torch", tmp_path / "run")
    assert found.confusion is not None
    assert found.test is not None
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["confusion_matrix"] == found.as_json()["confusion_matrix"] == found.confusion
    right = np.trace(found.confusion) / np.sum(found.confusion)
    assert found.test["accuracy"] == pytest.approx(right)
    module = script_of(spec, "torch")
    from nnspec.weights.canonical import initial_weights, save_weights

    first = save_weights(tmp_path / "first.safetensors", initial_weights(spec.graph, 1))
    run(module, "--weights", first, "--output", tmp_path / "out.safetensors")
    assert f"test {{'confusion_matrix': {found.confusion}}}" in capsys.readouterr().out


def test_many_classes_of_long_names_are_drawn(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((400, 90))
    rows = Rows("multiclass", scores, rng.integers(0, 90, size=400), "scores")
    names = [f"a rather long name of the class of number {i}" for i in range(90)]
    assert pictures.plot_curves(tmp_path / "curves.png", rows, names, "Net")
    table = rng.integers(0, 1000, size=(90, 90)).tolist()
    pictures.plot_confusion(tmp_path / "confusion.png", table, names, "Net")
    assert len({pictures._short(name) for name in names}) == 90
    for path in tmp_path.iterdir():
        assert path.stat().st_size > 10_000


def test_the_areas_of_the_curves_are_the_metrics() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, size=(50, 1)).astype("float32")
    rows = Rows("binary", rng.random((50, 1)), target)
    (curve,) = curves(rows)
    assert curve.area == pytest.approx(np.trapezoid(curve.true_positives, curve.false_positives))
    assert curve.recall[0] == 0
    assert curves(Rows("binary", rows.output, np.ones((50, 1)))) == []


def test_several_numbers_have_a_panel_each(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(30, 6))
    pictures.plot_predictions(tmp_path / "p.png", values, values + 1, "price", "Net")
    constant = np.ones((3, 1))
    pictures.plot_predictions(tmp_path / "q.png", constant, constant, "price", "Net")
    assert len([*tmp_path.iterdir()]) == 2
