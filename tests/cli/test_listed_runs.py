"""`nnspec runs`: the runs that folders hold, compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.training.listing import runs_in

SPEC = """\
nnspec: 1
name: Listed
inputs: {{x: {{shape: [2]}}}}
layers: [{{type: dense, units: 1, activation: sigmoid}}]
training:
  task: binary
  epochs: 2
  optimizer: {{type: {optimizer}, learning_rate: {rate}}}
data: {{source: rows.csv, features: {{x: [a, b]}}, target: y, test: {test}}}
"""
RUNS = {"slow": ("sgd", 0.01, 0.2), "fast": ("sgd", 0.5, 0.2), "other/adam": ("adam", 0.01, 0)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs, a record that is none, and folders without any."""
    home = tmp_path_factory.mktemp("runs")
    draw = np.random.default_rng(0)
    table = pl.DataFrame({"a": draw.normal(size=40), "b": draw.normal(size=40)})
    table.with_columns(y=(pl.col("a") > 0).cast(pl.Int64)).write_csv(home / "rows.csv")
    for name, (optimizer, rate, test) in RUNS.items():
        path = home / "spec.yaml"
        path.write_text(SPEC.format(optimizer=optimizer, rate=rate, test=test))
        nnspec.train(nnspec.load(path), "torch", home / name)
    (home / "broken").mkdir()
    (home / "broken" / "run.json").write_text('{"status": "\\u001b[2Jfinished"}')
    (home / ".hidden").mkdir()
    (home / ".hidden" / "run.json").write_text("{}")
    (home / "empty").mkdir()
    return home


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["runs", *map(str, arguments)])


def test_runs_are_listed_with_measures_and_what_differs(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0, result.output
    head, *rows, more = result.stdout.splitlines()
    assert head.split()[:6] == ["run", "network", "status", "by", "epochs", "best"]
    assert {"val_loss", "val_accuracy", "test_loss", "type", "learning_rate", "test"} <= {
        *head.split()
    }
    assert [Path(row.split()[0]).name for row in rows] == ["fast", "adam", "slow"]
    assert "more settings differ" in more
    assert "0.5" in rows[0].split()
    assert "epochs" not in head.split()[6:]
    assert "broken" in result.stderr
    assert "is no record of a run: no 'name'" in result.stderr
    assert "\x1b" not in result.output
    assert ".hidden" not in result.output


def test_runs_are_sorted_by_a_measure(folder: Path) -> None:
    names = {
        by: [
            Path(each["folder"]).name
            for each in json.loads(run(folder, "--sort", by, "--json").stdout)
        ]
        for by in ("val_loss", "-val_loss", "test_loss")
    }
    assert names["val_loss"][:3] == names["-val_loss"][2::-1]
    assert {*names["test_loss"][2:]} == {"broken", "adam"}
    unknown = run(folder, "--sort", "val_los")
    assert unknown.exit_code == 2
    assert 'no run measured "val_los"' in unknown.output


def test_a_run_is_told_whole_in_json(folder: Path) -> None:
    (found,) = json.loads(run(folder / "other", "--json").stdout)
    record = json.loads((folder / "other" / "adam" / "run.json").read_text())
    assert found["status"] == "finished"
    assert found["epochs"] == 2
    assert found["best_epoch"] == record["best"]["epoch"]
    assert found["measures"]["val_loss"] == record["best"]["val_loss"]
    assert found["settings"]["training.optimizer.type"] == "adam"
    assert not any(name.startswith("test_") for name in found["measures"])


def test_folders_without_runs_are_told(folder: Path) -> None:
    result = run(folder / "empty")
    assert (result.exit_code, result.output) == (0, f"no runs in {folder / 'empty'}\n")
    assert json.loads(run(folder / "empty", "--json").output) == []
    missing = run(folder / "nowhere")
    assert missing.exit_code == 2
    assert "nowhere is no folder" in missing.output


def test_a_run_is_listed_once(folder: Path) -> None:
    assert len(runs_in([folder, folder / "other", folder / "other" / "adam"])) == 4


def test_a_run_without_a_checkpoint_is_listed(folder: Path, tmp_path: Path) -> None:
    record = (folder / "slow" / "run.json").read_text()
    (tmp_path / "run.json").write_text(record)
    (found,) = runs_in([tmp_path])
    assert found.measures
    assert not found.settings
    (tmp_path / "run.json").write_text(record[:-40])
    (cut,) = runs_in([tmp_path])
    assert "is no record of a run" in cut.problem


def test_variables_in_which_runs_differ_are_told(folder: Path, tmp_path: Path) -> None:
    """Before the settings that follow from them; one that is computed stays as it is written."""
    text = (folder / "spec.yaml").read_text().replace("rows.csv", str(folder / "rows.csv"))
    layer = "{type: dense, units: 1, activation: sigmoid}"
    hidden = f"{{type: dense, units: '${{twice}}'}}, {layer}"
    variables = "variables: {hidden: 4, twice: '${hidden * 2}', same: [1, 2]}\n"
    (tmp_path / "spec.yaml").write_text(variables + text.replace(layer, hidden))
    for units in (3, 5):
        spec = nnspec.load(tmp_path / "spec.yaml", variables={"hidden": units})
        nnspec.train(spec, "torch", tmp_path / f"of_{units}")
        record = json.loads((tmp_path / f"of_{units}" / "run.json").read_text())
        assert record["variables"] == {"hidden": units, "twice": "${hidden * 2}", "same": [1, 2]}
    result = run(tmp_path)
    head, *rows = result.stdout.splitlines()
    assert head.split()[-1] == "hidden"
    assert [row.split()[-1] for row in rows] == ["3", "5"]
    every = runs_in([tmp_path])[0].settings
    assert every["variables.hidden"] == 3
    assert every["training.optimizer.type"] == "adam"


def test_a_lost_checkpoint_makes_no_setting_differ(folder: Path, tmp_path: Path) -> None:
    text = (folder / "spec.yaml").read_text().replace("rows.csv", str(folder / "rows.csv"))
    (tmp_path / "spec.yaml").write_text("variables: {hidden: 4}\n" + text)
    for name in ("a", "b", "c"):
        spec = nnspec.load(tmp_path / "spec.yaml", variables={"hidden": 9 if name == "c" else 4})
        nnspec.train(spec, "torch", tmp_path / name)
    (tmp_path / "a" / "checkpoint.safetensors").unlink()
    head, *rows = run(tmp_path).stdout.splitlines()
    assert head.split()[-1] == "hidden"
    assert [row.split()[-1] for row in rows] == ["4", "4", "9"]
    assert "more settings differ" not in "".join(rows)
