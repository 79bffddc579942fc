"""Loggers: what each epoch leaves in TensorBoard's files and MLflow's store, and in one's own."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from numpy_backend import NumpyBackend
from test_training import spec_in
from versus_cases import text_of, write

import nnspec
from nnspec import train
from nnspec.cli import main
from nnspec.errors import MissingDependencyError, UsageError
from nnspec.training.run import TrainingInterrupted
from nnspec.training.runs import EVENTS, RunFolder

HAS_MLFLOW = importlib.util.find_spec("mlflow") is not None
mlflow_only = pytest.mark.skipif(not HAS_MLFLOW, reason="MLflow is not in requirements.lock")


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> NumpyBackend:
    backend = NumpyBackend()
    monkeypatch.setattr("nnspec.training.epochs.get_backend", lambda name: backend)
    return backend


def file_in(folder: Path) -> Path:
    path = folder / "net.yaml"
    path.write_text(spec_in(folder).to_yaml())
    return path


def events(folder: Path) -> Any:
    """Return what TensorBoard itself reads of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found = events(folder)
    return {
        name: [(each.step, each.value) for each in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def require_equal(found: Mapping[str, list[tuple[int, float]]], run: Any) -> None:
    """Hold a log against the epochs of a run: each once, in their order, in float32."""
    for name in run.history[0].values:
        assert [step for step, _ in found[name]] == [each.number for each in run.history]
        expected = [each.values[name] for each in run.history]
        assert [value for _, value in found[name]] == pytest.approx(expected, rel=1e-6)
    assert [step for step, _ in found["learning_rate"]] == [each.number for each in run.history]


class Recorder:
    """A logger that keeps what it is told, and fails where it is asked to."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.told: list[tuple[Any, ...]] = []

    def _tell(self, *told: Any) -> None:
        if told[0] == self.fails:
            raise OSError(f"no {told[0]}\nand more")
        self.told.append(told)

    def begin(self, run: nnspec.LoggedRun) -> None:
        self._tell("begin", run)

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        self._tell("epoch", number, dict(values))

    def end(self, status: str, values: Mapping[str, float]) -> None:
        self._tell("end", status, dict(values))


@pytest.mark.usefixtures("backend")
def test_a_logger_of_ones_own_is_told_all(tmp_path: Path) -> None:
    spec, log = spec_in(tmp_path), Recorder()
    run = train(spec, "numpy", tmp_path / "run", log=log, epochs=2)
    (_, begun), *epochs, (_, status, values) = log.told
    assert begun.folder == tmp_path / "run"
    assert begun.history == ()
    assert begun.settings["training.batch_size"] == spec.model.training.batch_size
    assert nnspec.loads(begun.spec).sha256 == spec.sha256
    rate = spec.model.training.optimizer.rate(0)
    assert epochs == [
        ("epoch", each.number, {**each.values, "learning_rate": rate}) for each in run.history
    ]
    tested = {f"test_{name}": value for name, value in (run.test or {}).items()}
    assert (status, values) == ("finished", {"best_epoch": run.best_epoch, **tested})
    assert tested
    again = Recorder()
    train(spec, "numpy", tmp_path / "run", log=[again], epochs=3, resume=True)
    assert [number for number, _ in again.told[0][1].history] == [1, 2]
    assert [told[1] for told in again.told if told[0] == "epoch"] == [3]
    assert dict(again.told[0][1].history[1][1]) == epochs[1][2]


@pytest.mark.usefixtures("backend")
def test_a_logger_that_fails_is_told_and_no_training_is_lost(tmp_path: Path) -> None:
    spec = spec_in(tmp_path)
    with pytest.raises(UsageError, match=r"Recorder cannot log the run: no begin$"):
        train(spec, "numpy", tmp_path / "never", log=Recorder("begin"))
    assert not RunFolder(tmp_path / "never").checkpoint.exists()
    plain = train(spec, "numpy", tmp_path / "plain", epochs=3)
    for fails, at in (("epoch", "at epoch 1"), ("end", "at epoch 3")):
        broken, whole = Recorder(fails), Recorder()
        run = train(spec, "numpy", tmp_path / fails, epochs=3, log=[broken, whole])
        note = f"Recorder has logged no more {at}: no {fails}"
        assert run.notes == (*plain.notes, note)
        assert json.loads((run.folder / "run.json").read_text())["notes"] == list(run.notes)
        assert [told[0] for told in whole.told] == ["begin", *["epoch"] * 3, "end"]
        assert run.last.read_bytes() == plain.last.read_bytes()
        if fails == "epoch":
            assert [told[0] for told in broken.told] == ["begin"]


@pytest.mark.usefixtures("backend")
def test_every_end_of_a_run_closes_its_log(tmp_path: Path) -> None:
    spec = spec_in(tmp_path)

    def ends(name: str, error: type[BaseException], act: Any) -> str:
        log = Recorder()
        with pytest.raises(error):
            train(spec, "numpy", tmp_path / name, log=log, on_epoch=act)
        assert [told[0] for told in log.told] == ["begin", "epoch", "end"]
        return str(log.told[-1][1])

    def fail(epoch: object) -> None:
        raise LookupError

    def interrupt(epoch: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    assert ends("stopped", LookupError, fail) == "stopped"
    assert ends("interrupted", TrainingInterrupted, interrupt) == "interrupted"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("tensorbord", 'no log "tensorbord"; did you mean "tensorboard"'),
        (["tensorboard", "tensorboard"], "named twice"),
        ([object()], "has `begin`, `epoch` and `end`"),
    ],
)
@pytest.mark.usefixtures("backend")
def test_what_is_no_logger_is_refused(tmp_path: Path, given: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        train(spec_in(tmp_path), "numpy", tmp_path / "run", log=given)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
@pytest.mark.usefixtures("backend")
def test_a_package_that_is_absent_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.compat.proto", None)
    monkeypatch.setitem(sys.modules, f"{name}.tracking", None)
    with pytest.raises(MissingDependencyError, match=rf"pip install \"nnspec\[{name}\]\""):
        train(spec_in(tmp_path), "numpy", tmp_path / "run", log=name)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("backend")
def test_tensorboard_reads_each_epoch_once_however_often_a_run_is_resumed(tmp_path: Path) -> None:
    spec, folder = spec_in(tmp_path), tmp_path / "run"
    train(spec, "numpy", folder, epochs=1)  # not logged
    for epochs in (2, 2, 3):
        run = train(spec, "numpy", folder, epochs=epochs, log="tensorboard", resume=True)
        require_equal(scalars(folder), run)
    # A kill cuts the last record, and the next run makes up for what is lost.
    *_, last = sorted(folder.glob(f"{EVENTS}*"))
    content = last.read_bytes()
    place = content.index(b"val_loss")
    last.write_bytes(content[: place + 3])
    run = train(spec, "numpy", folder, epochs=4, log="tensorboard", resume=True)
    found = scalars(folder)
    require_equal(found, run)
    assert found["best_epoch"][-1] == (4, run.best_epoch)
    for name, value in (run.test or {}).items():
        assert found[f"test_{name}"][-1][1] == pytest.approx(value, rel=1e-6)
    run = train(spec, "numpy", folder, epochs=1, log="tensorboard", overwrite=True)
    require_equal(scalars(folder), run)
    train(spec, "numpy", folder, epochs=1, overwrite=True)
    assert not [*folder.glob(f"{EVENTS}*")]


@pytest.mark.usefixtures("backend")
def test_tensorboard_has_the_settings_and_the_spec(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams.metadata import (
        PLUGIN_NAME,
        parse_session_end_info_plugin_data,
        parse_session_start_info_plugin_data,
    )

    spec, folder = spec_in(tmp_path), tmp_path / "run"
    train(spec, "numpy", folder, epochs=1, log="tensorboard")
    found = events(folder)
    told = found.PluginTagToContent(PLUGIN_NAME)
    hparams = parse_session_start_info_plugin_data(told["_hparams_/session_start_info"]).hparams
    assert hparams["backend"].string_value == "numpy"
    settings = spec.model.training
    assert hparams["training.batch_size"].number_value == settings.batch_size
    assert hparams["training.shuffle"].bool_value == settings.shuffle
    assert parse_session_end_info_plugin_data(told["_hparams_/session_end_info"]).status
    assert [*found.PluginTagToContent("text")] == ["spec/text_summary"]
    (text,) = found.Tensors("spec/text_summary")[0].tensor_proto.string_val
    lines = [line.removeprefix("    ") for line in text.decode().splitlines()]
    assert nnspec.loads("\n".join(lines)).sha256 == spec.sha256


@pytest.mark.usefixtures("backend")
def test_a_disk_that_is_full_ends_tensorboards_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnspec.training.tensorboard_log import TensorBoard

    def full(self: object, **fields: object) -> None:
        raise OSError(28, "No space left on device")

    log = TensorBoard()
    run = train(
        spec_in(tmp_path), "numpy", tmp_path / "run", epochs=2, log=log,
        on_epoch=lambda epoch: monkeypatch.setattr(TensorBoard, "_write", full),
    )  # fmt: skip
    assert "TensorBoard has logged no more at epoch 2: [Errno 28] No space left on device" in (
        run.notes
    )
    assert len(scalars(run.folder)["loss"]) == 1


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")
def test_networks_that_play_against_each_other_are_logged(tmp_path: Path, backend: str) -> None:
    spec = write(tmp_path, text_of("clipped"))
    networks = nnspec.load_networks(spec)
    folder = tmp_path / "run"
    for epochs in (1, 2):
        run = train(networks, backend, folder, epochs=epochs, log="tensorboard", resume=epochs > 1)
    found = scalars(folder)
    for role in ("discriminator", "generator"):
        steps = [each.number for each in run.history if role in each.values]
        assert [step for step, _ in found[role]] == steps
        rate = getattr(networks.training, role).optimizer.rate(0)
        assert [value for _, value in found[f"{role}_learning_rate"]] == pytest.approx(2 * [rate])


def test_the_trials_of_a_tuning_are_logged_with_their_settings(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams.metadata import (
        PLUGIN_NAME,
        parse_session_start_info_plugin_data,
    )

    spec = file_in(tmp_path)
    with pytest.raises(UsageError, match="no log"):
        nnspec.tune(spec, {"training.batch_size": "2..8"}, tmp_path / "no", log="wandb")
    found = nnspec.tune(
        spec, {"training.batch_size": "2..8"}, tmp_path / "tune", trials=2, backend="torch",
        epochs=1, log="tensorboard",
    )  # fmt: skip
    for trial in found.trials:
        log = events(tmp_path / "tune" / f"trial{trial.number:04}")
        told = log.PluginTagToContent(PLUGIN_NAME)["_hparams_/session_start_info"]
        hparams = parse_session_start_info_plugin_data(told).hparams
        assert hparams["training.batch_size"].number_value == trial.values["training.batch_size"]


def test_the_command_logs_each_fold(tmp_path: Path) -> None:
    words = ["train", str(file_in(tmp_path)), "--backend", "torch", "-o", str(tmp_path / "run")]
    ended = CliRunner().invoke(main, [*words, "--epochs", "1", "--folds", "2", "--log", "wandb"])
    assert ended.exit_code == 2
    assert "tensorboard" in ended.output
    ended = CliRunner().invoke(
        main, [*words, "--epochs", "1", "--folds", "2", "--log", "tensorboard"]
    )
    assert ended.exit_code == 0, ended.output
    for fold in (1, 2):
        assert len(scalars(tmp_path / "run" / f"fold{fold}")["val_loss"]) == 1


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give a client of a store in a file, which MLflow's variable names."""
    from mlflow.tracking import MlflowClient

    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where MLflow puts artifacts
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'runs.db'}")
        yield MlflowClient()


def metrics(client: Any, run: str) -> dict[str, list[tuple[int, float]]]:
    return {
        name: [(each.step, each.value) for each in client.get_metric_history(run, name)]
        for name in client.get_run(run).data.metrics
    }


@mlflow_only
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.usefixtures("backend")
def test_mlflow_has_each_epoch_once_however_often_a_run_is_resumed(
    tmp_path: Path, store: Any
) -> None:
    spec, folder = spec_in(tmp_path), tmp_path / "run"
    named = []
    for epochs in (1, 2, 2, 4):
        run = train(
            spec, "numpy", folder, epochs=epochs, log="mlflow", resume=epochs > 1 or bool(named)
        )
        named.append(json.loads((folder / "mlflow.json").read_text())["run_id"])
        require_equal(metrics(store, named[-1]), run)
    assert len({*named}) == 1
    told = store.get_run(named[0])
    assert told.info.status == "FINISHED"
    assert told.info.run_name == "run"
    assert store.get_experiment(told.info.experiment_id).name == spec.name
    settings = spec.model.training
    assert told.data.params["training.batch_size"] == str(settings.batch_size)
    assert told.data.metrics["best_epoch"] == run.best_epoch
    for name, value in (run.test or {}).items():
        assert told.data.metrics[f"test_{name}"] == pytest.approx(value)
    path = store.download_artifacts(named[0], "spec.yaml", str(tmp_path))
    assert nnspec.load(path).sha256 == spec.sha256
    # A run that the store has no more is logged anew, with all its epochs.
    store.delete_run(named[0])
    run = train(spec, "numpy", folder, epochs=5, log="mlflow", resume=True)
    now = json.loads((folder / "mlflow.json").read_text())["run_id"]
    assert now != named[0]
    require_equal(metrics(store, now), run)
    train(spec, "numpy", folder, epochs=1, overwrite=True)
    assert not (folder / "mlflow.json").exists()


@mlflow_only
@pytest.mark.usefixtures("backend")
def test_a_server_that_is_not_there_is_told_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UsageError, match="MLflow cannot be reached") as caught:
        train(spec_in(tmp_path), "numpy", tmp_path / "run", log="mlflow")
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@mlflow_only
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.usefixtures("backend", "store")
def test_a_server_that_goes_away_ends_mlflows_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnspec.training.mlflow_log import MLflow

    log = MLflow()

    def gone(*given: object, **named: object) -> None:
        raise ConnectionError("http://me:secret@host is gone")

    run = train(
        spec_in(tmp_path), "numpy", tmp_path / "run", epochs=3, log=log,
        on_epoch=lambda epoch: monkeypatch.setattr(log._client, "log_batch", gone),
    )  # fmt: skip
    assert run.notes[-1] == "MLflow has logged no more at epoch 2: http://host is gone"
    assert len(run.history) == 3
