"""Keeping the best epoch by a measure, and stopping early: alike in runs and in scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.errors import UsageError
from nnspec.training.history import Epoch
from nnspec.training.watching import Watched
from nnspec.weights.canonical import load_weights
from tests.script_cases import Case, first_weights, run, script_of, spec_of, weights_of

SETTINGS: dict[str, dict[str, Any]] = {
    "classes": {
        "metrics": ["accuracy", "f1", {"type": "auc", "average": "weighted"}, "confusion_matrix"],
        "keep": {"metric": "val_f1"},
        "stop": {"metric": "val_loss", "patience": 2, "min_delta": 0.01},
    },
    "one measure": {"stop": {"patience": 3}, "metrics": ["log_loss"]},
    "standardised numbers": {
        "metrics": ["mape", "rmse", "r2"],
        "keep": {"metric": "val_rmse"},
        "stop": {"metric": "val_r2", "patience": 2, "min_delta": 0.02},
    },
    "of training rows": {
        "metrics": ["f1"],
        "keep": {"metric": "f1", "mode": "max"},
        "stop": {"metric": "f1", "patience": 2},
    },
}


def history_of(*values: float) -> list[Epoch]:
    return [Epoch(i, {"loss": value}, 0.0) for i, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("is_less", "delta", "values", "best", "ends"),
    [
        (True, 0.0, (3, 2, 2, 2), 2, True),
        (True, 0.0, (3, 2, 2, 1), 4, False),
        (True, 0.5, (3, 2.75, 2.5, 2.25), 4, False),
        (True, 1.0, (3, 2.5, 2.0, 2.0), 1, True),
        (False, 0.0, (1, 2, 1, 1), 2, True),
        (False, 0.0, (1, 1, 2, 1), 3, False),
    ],
)
def test_the_best_is_the_first_of_equals_and_patience_counts_epochs_in_a_row(
    is_less: bool, delta: float, values: tuple[float, ...], best: int, ends: bool
) -> None:
    watched = Watched("loss", is_less, delta)
    history = history_of(*values)
    assert watched.best_of(history).number == best
    assert watched.has_ended(history, 2) is ends
    assert not watched.has_ended([], 2)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("case", SETTINGS)
def test_scripts_keep_and_stop_as_training_does(
    case: str, backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = {"type": "sgd", "learning_rate": 0.3, "momentum": 0.9}
    training = {**SETTINGS[case], "epochs": 12, "optimizer": rate, "batch_size": 16}
    inputs = 1 if case == "of training rows" else 2
    task = "multiclass"
    data: dict[str, Any] = {}
    if case == "standardised numbers":
        task, data = "regression", {"standardize_target": True}
        rate["learning_rate"] = 0.1
    spec = spec_of(Case("csv", inputs, task), tmp_path, training=training, data=data)
    found = nnspec.train(spec, backend, tmp_path / "run")
    assert len(found.history) < 12
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["stopped_early"] is True
    module = script_of(spec, backend)
    output = tmp_path / ("out.safetensors" if backend == "torch" else "out.keras")
    capsys.readouterr()
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    printed = capsys.readouterr().out
    if backend == "torch":
        assert f"stopped after epoch {len(found.history)}\n" in printed
    else:
        epochs = {int(number) for number in re.findall(r"Epoch (\d+)/12", printed)}
        assert max(epochs) == len(found.history)
    weights = weights_of(spec, backend, output)
    for name, expected in load_weights(found.best).items():
        np.testing.assert_allclose(weights[name], expected, rtol=1e-4, atol=1e-6, err_msg=name)
    if found.test is not None:
        line = next(each for each in printed.splitlines() if each.startswith("test {"))
        measured = json.loads(line.removeprefix("test ").replace("'", '"'))
        assert measured == pytest.approx(found.test, rel=1e-4)


def test_a_resumed_run_stops_where_the_uninterrupted_one_would(tmp_path: Path) -> None:
    training = {**SETTINGS["classes"], "epochs": 12, "batch_size": 16}
    training["optimizer"] = {"type": "sgd", "learning_rate": 0.3, "momentum": 0.9}
    spec = spec_of(Case("csv", 2, "multiclass"), tmp_path, training=training)
    whole = nnspec.train(spec, "torch", tmp_path / "whole")
    nnspec.train(spec, "torch", tmp_path / "parts", epochs=len(whole.history) - 2)
    parts = nnspec.train(spec, "torch", tmp_path / "parts", resume=True)
    assert len(parts.history) == len(whole.history) < 12
    assert parts.best_epoch == whole.best_epoch
    for one, other in ((whole.best, parts.best), (whole.last, parts.last)):
        assert {n: a.tolist() for n, a in load_weights(one).items()} == {
            n: a.tolist() for n, a in load_weights(other).items()
        }
    # It has ended; only more patience takes it further.
    again = nnspec.train(spec, "torch", tmp_path / "parts", resume=True)
    assert len(again.history) == len(whole.history)
    patient = {**training, "stop": {"patience": 12}}
    more = spec_of(Case("csv", 2, "multiclass"), tmp_path, training=patient)
    assert len(nnspec.train(more, "torch", tmp_path / "parts", resume=True).history) == 12


def test_what_is_not_defined_for_the_rows_is_left_out_and_said(tmp_path: Path) -> None:
    spec = spec_of(Case("csv", 2, "binary"), tmp_path, training={"metrics": ["auc", "f1"]})
    rows = tmp_path / "rows.csv"
    lines = rows.read_text().splitlines()
    ones = [lines[0], *(f"{line.rpartition(',')[0]},1" for line in lines[1:])]
    rows.write_text("\n".join(ones) + "\n")
    found = nnspec.train(spec, "torch", tmp_path / "run")
    assert "val_auc" not in found.history[0].values
    assert "val_f1" in found.history[0].values
    assert any(note.startswith("auc of the validation rows") for note in found.notes)
    kept = {"metrics": ["auc"], "keep": {"metric": "val_auc"}}
    spec = spec_of(Case("csv", 2, "binary"), tmp_path, training=kept)
    rows.write_text("\n".join(ones) + "\n")
    with pytest.raises(UsageError, match="is not defined for the rows"):
        nnspec.train(spec, "torch", tmp_path / "other")
