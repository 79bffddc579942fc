"""Tuning: what is chosen, what is kept, and what the end of a process loses."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import nnspec
from nnspec.errors import DataError, SpecError, UsageError
from nnspec.language.setting import set_at
from nnspec.training.run import TrainingInterrupted
from nnspec.training.runs import RunFolder
from nnspec.training.search_space import Choices, Range, read_space
from nnspec.training.trials import Outcome, Task, Worker, tried
from nnspec.training.tuned import JOURNAL, PICTURE, RECORD
from nnspec.training.tuning import trial_folder

SPEC = """\
nnspec: 1
name: Tuned
variables: {units: 4}
inputs: {x: {shape: [3]}}
layers:
  - {name: hidden, type: dense, units: "${units}", activation: relu}
  - {name: y, type: dense, units: 1}
data: {source: rows.csv, features: {x: [a, b, c]}, target: y}
training: {task: regression, optimizer: adam, epochs: 3, batch_size: 16}
"""
OVER = {
    "units": "2..32:log",
    "training.optimizer.learning_rate": "1e-3..0.1:log",
    "layers.hidden.activation": "relu,tanh",
}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    draw = np.random.default_rng(5)
    x = draw.normal(size=(96, 3))
    y = x[:, 0] * x[:, 1] + draw.normal(0, 0.1, 96)
    pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}).write_csv(
        tmp_path / "rows.csv"
    )
    path = tmp_path / "tuned.nnspec.yaml"
    path.write_text(SPEC)
    return path


def best_of(run: Any, name: str) -> float:
    (best,) = (each for each in run.history if each.number == run.best_epoch)
    return float(best.values[name])


def test_the_best_spec_trains_to_the_score_that_is_told(spec: Path, tmp_path: Path) -> None:
    told = []
    found = nnspec.tune(
        spec, OVER, tmp_path / "tune", trials=8, backend="torch",
        on_trial=lambda tried, ended: told.append((tried.number, ended)),
    )  # fmt: skip
    assert len(found.trials) == 8
    assert [ended for _, ended in told] == [*range(1, 9)]
    assert found.metric == "val_loss"
    scores = [each.score for each in found.trials if each.state == "complete"]
    assert found.best.score == min(score for score in scores if score is not None)
    for each in found.trials:
        assert 2 <= each.values["units"] <= 32
        assert 1e-3 <= each.values["training.optimizer.learning_rate"] <= 0.1
        assert (trial_folder(found.folder, each.number) / "checkpoint.safetensors").exists()
    run = nnspec.train(found.best_spec, "torch", tmp_path / "again")
    assert best_of(run, "val_loss") == found.best.score
    again = nnspec.load(found.best_spec)
    assert again.model.variables["units"] == found.best.values["units"]
    assert set(found.importance) == set(OVER)
    assert sum(found.importance.values()) == pytest.approx(1)
    assert (found.folder / PICTURE).stat().st_size > 1000
    record = json.loads((found.folder / RECORD).read_text())
    assert record["best"]["number"] == found.best.number
    # The same seed chooses the same settings.
    other = nnspec.tune(spec, OVER, tmp_path / "other", trials=8, backend="torch")
    assert [each.values for each in other.trials] == [each.values for each in found.trials]


@pytest.mark.slow
def test_trials_run_beside_one_another(spec: Path, tmp_path: Path) -> None:
    found = nnspec.tune(
        spec, {**OVER, "units": [4, 16, 0]}, tmp_path / "tune", trials=9, backend="torch", jobs=2,
        seed=3,
    )  # fmt: skip
    assert sorted(each.number for each in found.trials) == [*range(9)]
    assert {each.state for each in found.trials if each.values["units"] == 0} <= {"failed"}
    run = nnspec.train(found.best_spec, "torch", tmp_path / "again")
    assert best_of(run, "val_loss") == found.best.score
    more = nnspec.tune(
        spec, {**OVER, "units": [4, 16, 0]}, tmp_path / "tune", trials=10, backend="torch",
        seed=3, resume=True,
    )  # fmt: skip
    assert len(more.trials) == 10


@pytest.mark.parametrize("jobs", [1, 2])
def test_trials_take_the_hardware_that_is_asked_for(spec: Path, tmp_path: Path, jobs: int) -> None:
    asked: dict[str, Any] = {"device": "cpu", "precision": "bf16-mixed", "backend": "torch"}
    folder = tmp_path / "tune"
    nnspec.tune(spec, {"units": "4,8"}, folder, trials=2, jobs=jobs, **asked)
    for number in range(2):
        record = json.loads((trial_folder(folder, number) / "run.json").read_text())
        assert (record["device"], record["precision"]) == ("cpu", "bf16-mixed")
    with pytest.raises(UsageError, match="precision"):
        nnspec.tune(spec, {"units": "4,8"}, folder, trials=3, resume=True, backend="torch")


def test_hardware_that_is_not_there_is_told(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mps"):
        nnspec.tune(
            spec, {"units": "4,8"}, tmp_path / "tune", trials=2, device="mps", backend="torch"
        )


def test_what_is_better_may_be_more(spec: Path, tmp_path: Path) -> None:
    found = nnspec.tune(
        spec, {"units": [2, 16]}, tmp_path / "tune", trials=3, metric="val_r2", backend="torch",
        epochs=2, prune=False,
    )  # fmt: skip
    assert found.mode == "max"
    assert found.best.score == max(each.score for each in found.trials if each.score is not None)
    assert all(each.epochs == 2 for each in found.trials)
    again = nnspec.load(found.best_spec).model.training
    assert again is not None
    assert again.epochs == 2
    assert again.keep is not None
    assert again.keep.metric == "val_r2"


def test_a_trial_that_fails_is_told_and_the_others_go_on(spec: Path, tmp_path: Path) -> None:
    found = nnspec.tune(
        spec, {"units": [8, 0]}, tmp_path / "tune", trials=6, backend="torch", seed=1
    )
    failed = [each for each in found.trials if each.state == "failed"]
    assert failed
    assert all("units" in each.problem for each in failed)
    assert found.best.values == {"units": 8}
    # A rate that explodes ends its trial, and not the tuning.
    wild = nnspec.tune(
        spec,
        {"training.optimizer": [{"type": "sgd", "learning_rate": 1e30}, "adam"]},
        tmp_path / "wild",
        trials=6,
        backend="torch",
    )
    assert {each.state for each in wild.trials} >= {"failed", "complete"}


def test_where_every_trial_fails_the_reason_is_raised(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: Any, **more: Any) -> None:
        raise RuntimeError("no memory is left")

    with monkeypatch.context() as patch:
        patch.setattr("nnspec.training.trials.train", fails)
        with pytest.raises(UsageError, match="every trial fails: RuntimeError: no memory is left"):
            nnspec.tune(spec, {"units": "2..8"}, tmp_path / "tune", trials=9, backend="torch")
    (tmp_path / "rows.csv").write_text("a,b,c,y\n1,2,x,3\n")
    with pytest.raises(DataError, match='"x" is not a number'):
        nnspec.tune(spec, {"units": "2..8"}, tmp_path / "other", trials=9, backend="torch")
    assert not (tmp_path / "other").exists()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "nothing is to be tuned"),
    "one value": ({"units": "8"}, "is no choice: give a range such as 16..256"),
    "falling": ({"units": "9..2"}, "a smaller number comes first"),
    "logarithm of 0": ({"units": "0..8:log"}, "logarithms are above 0"),
    "step": ({"units": "2..8:step=9"}, "a step of 9 does not fit"),
    "no variable": ({"unit": "2..8"}, 'no variable "unit"; did you mean "units"?'),
    "no section": ({"trainin.epochs": "2..8"}, 'the spec has no "trainin"'),
    "no layer": ({"layers.hiden.units": "2..8"}, 'nothing is "layers.hiden"'),
    "no keys": ({"nnspec.x": "2..8"}, '"nnspec" is 1, and has no keys'),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_tuned_is_refused(case: str, spec: Path, tmp_path: Path) -> None:
    over, message = WRONG[case]
    with pytest.raises(UsageError) as found:
        nnspec.tune(spec, over, tmp_path / "tune", backend="torch")
    assert message in str(found.value)
    assert not (tmp_path / "tune").exists()


def test_a_key_that_is_none_is_told_with_its_place(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="has no key"):
        nnspec.tune(spec, {"training.optimizer.rate_": "1e-3..1"}, tmp_path / "tune")
    with pytest.raises(SpecError, match=r"val_nothing.*no epoch measures"):
        nnspec.tune(spec, {"units": "2..8"}, tmp_path / "tune", metric="val_nothing")


def test_a_folder_keeps_its_tuning(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tune"
    with pytest.raises(UsageError, match="holds no tuning to resume"):
        nnspec.tune(spec, {"units": "2..8"}, folder, trials=2, backend="torch", resume=True)
    first = nnspec.tune(spec, {"units": "2..8"}, folder, trials=2, backend="torch")
    with pytest.raises(UsageError, match="already holds a tuning"):
        nnspec.tune(spec, {"units": "2..8"}, folder, trials=2, backend="torch")
    with pytest.raises(UsageError, match="another over"):
        nnspec.tune(spec, {"units": "2..9"}, folder, trials=2, backend="torch", resume=True)
    more = nnspec.tune(spec, {"units": "2..8"}, folder, trials=4, backend="torch", resume=True)
    assert more.trials[:2] == first.trials
    assert len(more.trials) == 4
    anew = nnspec.tune(spec, {"units": "2..9"}, folder, trials=2, backend="torch", overwrite=True)
    assert len(anew.trials) == 2
    assert sorted(each.name for each in folder.glob("trial*")) == ["trial0000", "trial0001"]
    with RunFolder(folder).held(), pytest.raises(UsageError, match="another process"):
        nnspec.tune(spec, {"units": "2..9"}, folder, trials=4, backend="torch", resume=True)
    (folder / RECORD).write_text("[]")
    with pytest.raises(UsageError, match="is no record of a tuning"):
        nnspec.tune(spec, {"units": "2..9"}, folder, trials=4, backend="torch", resume=True)


@pytest.mark.slow
def test_a_worker_that_dies_costs_one_trial(spec: Path, tmp_path: Path) -> None:
    """The next one has a new process."""
    worker = Worker()
    try:
        outcomes = []
        for number in range(3):
            task = Task(spec, {}, tmp_path / f"t{number}", "val_loss", "torch", None)

            def report(epoch: int, value: float, number: int = number) -> bool:
                if number == 1:
                    worker._process.kill()
                return False

            outcomes.append(worker.tried(task, report))
    finally:
        worker.end()
    assert [each.state for each in outcomes] == ["complete", "failed", "complete"]
    assert "its process ended" in outcomes[1].problem


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for what a process was given")
def test_what_a_worker_writes_for_itself_goes_with_it() -> None:
    worker = Worker()
    given = Path(f"/proc/{worker._process.pid}/environ").read_bytes().split(b"\0")
    folder = Path(next(each for each in given if each.startswith(b"TMPDIR="))[7:].decode())
    (folder / "rows.parquet").touch()
    worker.end()
    assert not folder.exists()


def test_what_runs_when_a_tuning_is_ended_has_not_failed(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers are ended then, and what they were at is tried again."""
    folder = tmp_path / "tune"
    begun = threading.Barrier(2)

    class Slow:
        def __init__(self) -> None:
            self.has_ended = threading.Event()

        def tried(self, task: Task, report: Any) -> Outcome:
            begun.wait(60)
            if task.folder.name == "trial0000":
                return Outcome("complete", 1.0, 1)
            self.has_ended.wait(60)
            return Outcome("failed", problem="its process ended with -9")

        def end(self) -> None:
            self.has_ended.set()

    def interrupt(tried: Any, ended: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("nnspec.training.tuning.Worker", Slow)
    with pytest.raises(TrainingInterrupted):
        nnspec.tune(spec, {"units": "2..9"}, folder, trials=4, jobs=2, backend="torch",
                    on_trial=interrupt)  # fmt: skip
    assert _ended(folder) == {0: ("COMPLETE", 1.0)}
    monkeypatch.undo()
    found = nnspec.tune(spec, {"units": "2..9"}, folder, trials=3, backend="torch", resume=True)
    assert {each.state for each in found.trials} <= {"complete", "pruned"}


def test_a_tuning_takes_nothing_of_the_user_s(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tune"
    over = {"units": "2..9"}
    (folder / "trial0000").mkdir(parents=True)
    for name in ("best.yaml", PICTURE):
        (folder / name).write_text("the user's")
        with pytest.raises(UsageError, match=rf"already holds {name}, which a tuning would write"):
            nnspec.tune(spec, over, folder, trials=1, backend="torch")
        assert (folder / name).read_text() == "the user's"
        (folder / name).unlink()
    own = folder / "best.yaml"
    own.write_text(SPEC.replace("rows.csv", "../rows.csv"))
    with pytest.raises(UsageError, match="is what this command reads"):
        nnspec.tune(own, over, folder, trials=1, backend="torch", overwrite=True)
    assert own.exists()


def test_the_best_spec_finds_every_file_and_other_rows_are_another_tuning(
    spec: Path, tmp_path: Path
) -> None:
    rows = pl.read_csv(tmp_path / "rows.csv")
    rows.head(20).write_csv(tmp_path / "late.csv")
    spec.write_text(SPEC.replace("target: y", "target: y, split: {validation: late.csv}"))
    folder, over = tmp_path / "kept" / "tune", {"units": "2..9"}
    found = nnspec.tune(spec, over, folder, trials=1, backend="torch")
    run = nnspec.train(found.best_spec, "torch", tmp_path / "again")
    assert best_of(run, "val_loss") == found.best.score
    for name in ("late.csv", "rows.csv"):
        before = (tmp_path / name).read_bytes()
        rows.tail(30).write_csv(tmp_path / name)
        with pytest.raises(UsageError, match="another data"):
            nnspec.tune(spec, over, folder, trials=2, backend="torch", resume=True)
        (tmp_path / name).write_bytes(before)


def test_parts_may_be_folders(tmp_path: Path) -> None:
    """Their images are in the hash of the rows; a folder is no file to read."""
    from PIL import Image

    draw = np.random.default_rng(0)
    for part, kind, number in itertools.product(("train", "val"), ("cat", "dog"), range(4)):
        file = tmp_path / part / kind / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (4, 4), np.uint8)).save(file)
    text = """\
nnspec: 1
name: Pets
variables: {units: 4}
inputs: {photo: {shape: [1, 4, 4]}}
layers:
  - {type: flatten}
  - {name: hidden, type: dense, units: "${units}", activation: relu}
  - {name: y, type: dense, units: 2}
data:
  source: train
  features: {photo: file}
  target: label
  prepare: {file: {image: {resize: [4, 4]}}}
  split: {validation: val}
training: {task: multiclass, epochs: 1}
"""
    (tmp_path / "pets.yaml").write_text(text)
    found = nnspec.tune(
        tmp_path / "pets.yaml", {"units": "2..9"}, tmp_path / "tune", trials=1, backend="torch"
    )
    run = nnspec.train(found.best_spec, "torch", tmp_path / "again")
    assert best_of(run, "val_loss") == found.best.score


def test_a_trial_that_is_stopped_says_so(spec: Path, tmp_path: Path) -> None:
    task = Task(spec, {}, tmp_path / "trial", "val_loss", "torch", None)
    assert tried(task, lambda epoch, value: epoch == 2).state == "pruned"
    record = json.loads((tmp_path / "trial" / "run.json").read_text())
    assert (record["status"], record["epochs"]) == ("stopped", 2)


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_tuning_that_is_killed_loses_the_running_trial_alone(
    kills: int, spec: Path, tmp_path: Path
) -> None:
    folder, draw = tmp_path / "tune", np.random.default_rng(kills)
    command = [
        sys.executable, "-m", "nnspec", "tune", str(spec), "--over", "units=2..32",
        "--over", "training.optimizer.learning_rate=1e-3..0.1:log", "--trials", "500",
        "--epochs", "40", "--backend", "torch", "-o", str(folder),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    known: dict[int, tuple[Any, ...]] = {}
    for kill in range(kills):
        resume = ["--resume"] if kill else []
        with subprocess.Popen(
            [*command, *resume], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline()  # a trial has ended
            time.sleep(float(draw.uniform(0, 1.5)))
            process.send_signal(signal.SIGKILL)
        tried = _ended(folder)
        assert known.items() <= tried.items()
        assert len(tried) > len(known)
        known = tried
    found = nnspec.tune(
        spec,
        {"units": "2..32", "training.optimizer.learning_rate": "1e-3..0.1:log"},
        folder, trials=len(known) + 1, epochs=40, backend="torch", resume=True,
    )  # fmt: skip
    assert len(found.trials) == len(known) + 1
    run = nnspec.train(found.best_spec, "torch", tmp_path / "again")
    assert best_of(run, "val_loss") == found.best.score


def _ended(folder: Path) -> dict[int, tuple[Any, ...]]:
    """Return the scores of the trials that have ended, as Optuna's journal has them."""
    import optuna

    backend = optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL))
    study = optuna.load_study(study_name="nnspec", storage=optuna.storages.JournalStorage(backend))
    return {
        each.number: (each.state.name, each.value)
        for each in study.get_trials(deepcopy=False)
        if each.state.name in ("COMPLETE", "PRUNED")
    }


def test_ranges_and_choices() -> None:
    found = read_space(
        {
            "a": "16..256", "b": "1e-4..0.1:log", "c": "8..64:step=8", "d": "relu,gelu",
            "e": "[1, {type: sgd}]", "f": [True, None],
        }
    )  # fmt: skip
    assert found["a"] == Range(16, 256, is_whole=True)
    assert found["b"] == Range(1e-4, 0.1, is_whole=False, is_log=True)
    assert found["c"] == Range(8, 64, is_whole=True, step=8)
    assert found["d"] == Choices(("relu", "gelu"))
    assert found["e"] == Choices((1, {"type": "sgd"}))
    assert found["f"] == Choices((True, None))


def test_a_path_sets_what_it_names() -> None:
    tree: dict[str, Any] = {
        "training": {"optimizer": "adam"},
        "layers": [{"name": "one", "units": 2}, {"type": "relu"}],
    }
    set_at(tree, "training.optimizer.learning_rate", 0.5)
    set_at(tree, "training.clip.norm", 1.0)
    set_at(tree, "layers.one.units", 8)
    set_at(tree, "layers.1", {"type": "gelu"})
    assert tree == {
        "training": {"optimizer": {"type": "adam", "learning_rate": 0.5}, "clip": {"norm": 1.0}},
        "layers": [{"name": "one", "units": 8}, {"type": "gelu"}],
    }
    with pytest.raises(UsageError, match=r'nothing is "layers\.two": .*names: one'):
        set_at(tree, "layers.two.units", 8)


def test_any_command_takes_a_path(spec: Path) -> None:
    loaded = nnspec.load(spec, variables={"training.epochs": 7, "units": 6})
    assert loaded.model.training is not None
    assert loaded.model.training.epochs == 7
    with pytest.raises(SpecError, match=r"tuned\.nnspec\.yaml:9:"):
        nnspec.load(spec, variables={"training.epochs": 0})
