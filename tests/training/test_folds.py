"""Cross-validation: folds of rows, and a training for each."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.data.folding import Fold, folded
from nnspec.data.splitting import split
from nnspec.errors import DataError, UsageError
from nnspec.language.training_schema import Data
from nnspec.training.run import TrainingInterrupted
from nnspec.training.runs import RunFolder, begun
from nnspec.weights.canonical import load_weights

COUNT = 97
KINDS = ("random", "group", "stratify", "time")


def declared(kind: str, test: float) -> Data:
    by = {} if kind == "random" else {"split": {kind: "by"}}
    return Data(source="r.csv", features={"x": "a"}, target="y", test=test, **by)  # type: ignore[arg-type]


def keys_for(kind: str) -> Any:
    draw = np.random.default_rng(3)
    return None if kind == "random" else draw.integers(0, 4 if kind == "stratify" else 21, COUNT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("test", [0.0, 0.2])
def test_each_row_is_in_one_fold(kind: str, test: float) -> None:
    data, keys = declared(kind, test), keys_for(kind)
    folds = [folded(COUNT, data, 5, "r.csv", keys, Fold(i, 4)) for i in range(4)]
    kept = folds[0]["test"].tolist()
    if test:
        assert data.validation == 0.2
        assert kept == split(COUNT, data, 5, "r.csv", keys)["test"].tolist()
    validated = [row for parts in folds for row in parts["validation"].tolist()]
    assert len(set(validated)) == len(validated)
    for parts in folds:
        train, held = set(parts["train"].tolist()), set(parts["validation"].tolist())
        assert not train & held
        assert not (train | held) & set(kept)
        assert parts["test"].tolist() == kept
        assert parts["train"].tolist() == sorted(train)
    if kind == "time":
        return
    assert sorted([*validated, *kept]) == [*range(COUNT)]
    sizes = [len(parts["validation"]) for parts in folds]
    assert max(sizes) - min(sizes) <= (15 if kind == "group" else 1)


def test_groups_are_whole() -> None:
    keys = keys_for("group")
    data = declared("group", 0.2)
    where: dict[int, set[int]] = {}
    for number in range(4):
        for row in folded(COUNT, data, 0, "r.csv", keys, Fold(number, 4))["validation"]:
            where.setdefault(int(keys[row]), set()).add(number)
    assert all(len(folds) == 1 for folds in where.values())


def test_each_fold_has_as_many_rows_of_a_class_but_one() -> None:
    keys = keys_for("stratify")
    counts = [
        Counter(
            keys[folded(COUNT, declared("stratify", 0), 0, "r", keys, Fold(i, 5))["validation"]]
        )
        for i in range(5)
    ]
    for each in range(4):
        found = [count[each] for count in counts]
        assert max(found) - min(found) <= 1


def test_rows_before_a_fold_train() -> None:
    keys = keys_for("time")
    before = -1
    for number in range(4):
        parts = folded(COUNT, declared("time", 0.1), 0, "r.csv", keys, Fold(number, 4))
        assert keys[parts["train"]].max() < keys[parts["validation"]].min()
        assert keys[parts["validation"]].max() < keys[parts["test"]].min()
        assert len(parts["train"]) > before
        before = len(parts["train"])


def test_without_folds_the_last_weights_are_as_before() -> None:
    """Rows that are split at random are drawn as they always were."""
    parts = split(10, declared("random", 0.2), 0)
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [1, 2, 4, 5, 7, 9], "validation": [6, 8], "test": [0, 3],
    }  # fmt: skip


def test_more_folds_than_groups_are_refused() -> None:
    keys = np.repeat(np.arange(3), 10)
    with pytest.raises(DataError, match='3 values of "by" in 30 rows are too few for 4 folds'):
        folded(30, declared("group", 0), 0, "r.csv", keys, Fold(0, 4))


SPEC = """\
nnspec: 1
name: Folded
inputs: {x: {shape: [2]}}
layers:
  - {name: hidden, type: dense, units: 4, activation: tanh}
  - {name: chance, type: dense, units: 1, activation: sigmoid}
training: {task: binary, optimizer: adam, epochs: 2, batch_size: 8}
data:
  source: rows.csv
  features: {x: [a, b]}
  target: y
  standardize: true
  test: 0.1
  split: {group: who}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    draw = np.random.default_rng(1)
    table = {"a": draw.normal(size=60), "b": draw.normal(size=60), "who": draw.integers(0, 20, 60)}
    pl.DataFrame({**table, "y": (table["a"] > 0).astype(int)}).write_csv(tmp_path / "rows.csv")
    path = tmp_path / "folded.yaml"
    path.write_text(SPEC)
    return path


def test_both_frameworks_end_with_the_same_folds(spec: Path, tmp_path: Path) -> None:
    found = {
        backend: nnspec.cross_validate(
            nnspec.load(spec), 3, backend, tmp_path / backend, dtype="float64"
        )
        for backend in ("torch", "keras")
    }
    for one, other in zip(found["torch"].runs, found["keras"].runs, strict=True):
        mine, theirs = load_weights(one.last), load_weights(other.last)
        for name, array in mine.items():
            np.testing.assert_allclose(theirs[name], array, atol=1e-6, err_msg=name)
    result = found["torch"]
    assert len(result.runs) == 3
    assert {"val_loss", "val_accuracy"} <= result.measures.keys()
    losses = result.measures["val_loss"]
    assert len(set(losses)) == 3
    assert result.summary["val_loss"] == (statistics.fmean(losses), statistics.stdev(losses))
    record = json.loads((tmp_path / "torch" / "folds.json").read_text())
    assert record["measures"]["val_loss"] == losses
    assert "3 folds" in repr(result)
    assert "fold 3" in result._repr_html_()


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_the_command_tells_each_fold_and_their_mean(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    command = ("train", spec, "-o", folder, "--folds", 3)
    result = run(*command)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines[-6:-1]] == [
        "fold",
        "fold",
        "fold",
        "mean",
        "deviation",
    ]
    assert (folder / "fold3" / "best.safetensors").exists()
    again = run(*command)
    assert again.exit_code == 2
    assert "already holds a run" in again.output
    more = run(*command, "--resume", "--epochs", 3, "--json")
    assert more.exit_code == 0, more.output
    assert len(json.loads(more.output)["measures"]["val_loss"]) == 3
    other = run("train", spec, "-o", folder, "--folds", 4, "--resume")
    assert other.exit_code == 2
    assert 'the fold was "1 of 3" and is "1 of 4"' in other.output


@pytest.mark.parametrize(
    ("options", "told"),
    [(("--folds", 1), "2<=x<=100"), (("--folds", 2, "--diagnose"), "none is diagnosed"),
     (("--folds", 30), "are too few for 30 folds")],
)  # fmt: skip
def test_what_cannot_be_folded_is_told(
    options: tuple[object, ...], told: str, spec: Path, tmp_path: Path
) -> None:
    result = run("train", spec, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert told in result.output
    assert not (tmp_path / "out").exists()


def test_an_interrupted_fold_goes_on(spec: Path, tmp_path: Path) -> None:
    loaded, whole = nnspec.load(spec), tmp_path / "whole"
    expected = nnspec.cross_validate(loaded, 2, "torch", whole)

    def interrupted(number: int, train: Any) -> Any:
        def stop(epoch: Any) -> None:
            raise KeyboardInterrupt

        return train(on_epoch=stop) if number == 2 else train()

    folder = tmp_path / "out"
    with pytest.raises(TrainingInterrupted, match=f"fold2.*train into {folder} with 2 folds"):
        nnspec.cross_validate(loaded, 2, "torch", folder, on_fold=interrupted)
    found = nnspec.cross_validate(loaded, 2, "torch", folder, resume=True)
    assert found.measures == expected.measures


def test_folds_that_were_not_begun_are_trained_as_the_first_was(spec: Path, tmp_path: Path) -> None:
    loaded, folder = nnspec.load(spec), tmp_path / "out"

    def stop(epoch: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        nnspec.cross_validate(
            loaded, 2, "keras", folder, dtype="float64", save_every=2,
            on_fold=lambda number, train: train(on_epoch=stop),
        )  # fmt: skip
    nnspec.cross_validate(loaded, 2, folder=folder, resume=True)
    for place in (folder / "fold1", folder / "fold2"):
        assert begun(RunFolder(place).checkpoint) == ("keras", "float64", 2)


def test_the_number_of_folds_is_checked(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 to 100 folds are expected, not 1"):
        nnspec.cross_validate(nnspec.load(spec), 1, folder=tmp_path / "out")


def test_what_is_replaced_leaves_nothing_that_looks_like_what_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = nnspec.load(Path(__file__).parents[2] / "specs" / "simple_nn.yaml")
    nnspec.cross_validate(spec, 3, "torch", tmp_path / "cv", epochs=1)
    assert (tmp_path / "cv" / "folds.json").exists()

    def stop(epoch: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(UsageError):  # which is refused before anything goes
        nnspec.cross_validate(spec, 2, "onnx", tmp_path / "cv", overwrite=True)
    assert (tmp_path / "cv" / "folds.json").exists()
    assert (tmp_path / "cv" / "fold3" / "best.safetensors").exists()

    def ended(number: int, train: Any) -> Any:
        """As the command line ends, by an error of its own."""
        with pytest.raises(TrainingInterrupted):
            train(on_epoch=stop)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        nnspec.cross_validate(
            spec, 2, "torch", tmp_path / "cv", epochs=1, overwrite=True, on_fold=ended
        )
    assert not (tmp_path / "cv" / "folds.json").exists()
    assert not list((tmp_path / "cv" / "fold3").iterdir())
    assert not (tmp_path / "cv" / "fold2" / "best.safetensors").exists()


def test_a_share_for_validation_says_nothing_of_folds() -> None:
    data = Data(source="r.csv", features={"x": "a"}, target="y", validation=0.02, test=0.25)  # type: ignore[arg-type]
    parts = [folded(12, data, 1, "r.csv", None, Fold(i, 3)) for i in range(3)]
    assert [len(each["validation"]) for each in parts] == [3, 3, 3]
    assert len(parts[0]["test"]) == 3
