"""Runs beside each other, ended by signals, and with files that are lost."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from numpy_backend import LinearProgram, NumpyBackend
from test_training import spec_in

from nnspec import train
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.support.files import write_text
from nnspec.training.runs import RunFolder
from nnspec.weights.canonical import load_weights, save_weights


@pytest.fixture
def backend(monkeypatch):
    backend = NumpyBackend()
    monkeypatch.setattr("nnspec.training.epochs.get_backend", lambda name: backend)
    return backend


def command(*words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code


@pytest.mark.parametrize("exists", [False, True])
def test_two_runs_do_not_train_into_one_folder(tmp_path, backend, exists):
    spec, folder = spec_in(tmp_path), tmp_path / "run"
    if exists:
        folder.mkdir()
    refused = []

    def second(epoch):
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(UsageError) as caught:
                train(spec, "numpy", folder, **options)
            refused.append(str(caught.value))

    run = train(spec, "numpy", folder, epochs=1, on_epoch=second)
    assert len(refused) == 3
    assert all("another process is training into" in message for message in refused)
    assert len(run.history) == 1
    assert train(spec, "numpy", folder, resume=True, epochs=2).folder == folder


def test_two_new_runs_that_begin_at_once_are_one(tmp_path):
    """Both find no folder; whoever makes it second is refused, whether the first still trains."""
    spec, folder = spec_in(tmp_path), tmp_path / "run"
    barrier = threading.Barrier(2)

    class Slow(LinearProgram):
        def __init__(self, *given):
            super().__init__(*given)
            barrier.wait()

    slow = NumpyBackend(Slow)
    ends = []

    def one():
        try:
            ends.append(train(spec, "numpy", folder, epochs=1))
        except UsageError as error:
            ends.append(str(error))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnspec.training.epochs.get_backend", lambda name: slow)
        # Drawing is not for two threads.
        patch.setattr("nnspec.training.loop.plot_history", lambda *given: None)
        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (message,) = [end for end in ends if isinstance(end, str)]
    assert "another process" in message or "already holds a run" in message


def test_a_lock_does_not_outlive_its_process(tmp_path, backend):
    spec, folder = spec_in(tmp_path), tmp_path / "run"
    folder.mkdir()
    code = (
        "import sys, os; from nnspec.training.runs import RunFolder\n"
        "with RunFolder(sys.argv[1]).held():\n"
        "    print('held', flush=True); sys.stdin.read(); os._exit(1)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another process"):
            train(spec, "numpy", folder)
        other.kill()
        other.wait()
    train(spec, "numpy", folder, epochs=1)
    assert not [path for path in folder.iterdir() if "lock" in path.name]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_is_like_an_interruption(tmp_path, backend, capsys, name):
    number = getattr(signal, name)
    spec_in(tmp_path)
    text = (
        "nnspec: 1\nname: Net\ninputs: {features: {shape: [2]}}\n"
        "layers: [{name: scores, type: dense, units: 3}, {type: softmax}]\n"
        "data: {source: rows.csv, features: {features: [a, b]}, target: label}\n"
        "training: {task: multiclass, epochs: 3, batch_size: 8}\n"
    )
    rows = ["a,b,label", *(f"{i % 5},{i % 7},{i % 3}" for i in range(40))]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "net.yaml").write_text(text)

    class Signalled(LinearProgram):
        def train_step(self, inputs, target):
            if self.steps == 6:
                signal.raise_signal(number)
            return super().train_step(inputs, target)

    backend.program = Signalled
    # As at a terminal: tests that run in the background may inherit that it is ignored.
    before = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    inherited = signal.signal(number, before)
    try:
        call = ("train", tmp_path / "net.yaml", "-o", tmp_path / "run")
        assert command(*call) == 130
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, inherited)
    assert "epoch 1 is the last one finished" in capsys.readouterr().err
    assert '"interrupted"' in (tmp_path / "run" / "run.json").read_text()
    backend.program = LinearProgram
    assert command(*call, "--resume") == 0


@pytest.mark.parametrize("lost", ["deleted", "damaged"])
@pytest.mark.parametrize("more", [0, 1])
def test_a_lost_best_file_does_not_end_a_run(tmp_path, backend, lost, more):
    spec = spec_in(tmp_path)
    run = train(spec, "numpy", tmp_path / "run", epochs=3)
    if lost == "deleted":
        run.best.unlink()
    else:
        run.best.write_bytes(b"damaged")
    run.last.unlink()
    again = train(spec, "numpy", tmp_path / "run", resume=True, epochs=3 + more)
    assert "was lost" in again.notes[0]
    assert "stand in its place" in again.notes[0]
    assert load_weights(again.best).metadata["epoch"] == str(again.best_epoch)
    assert again.best_epoch >= 3
    assert again.last.exists()
    assert train(spec, "numpy", tmp_path / "run", resume=True, epochs=3 + more).notes == ()


@pytest.mark.parametrize("more", [0, 1])
def test_a_best_file_of_an_epoch_that_was_killed_is_that_of_the_record(
    tmp_path, backend, monkeypatch, more
):
    """Killed after the best weights and before the checkpoint; another backend may round else."""
    spec = spec_in(tmp_path)
    run = train(spec, "numpy", tmp_path / "run", epochs=2)
    stored = load_weights(run.best)
    save_weights(run.best, stored, {**stored.metadata, "epoch": "3"})
    monkeypatch.setattr("nnspec.training.watching.Watched.is_better", lambda *_: False)
    again = train(spec, "numpy", tmp_path / "run", resume=True, epochs=2 + more)
    assert load_weights(again.best).metadata["epoch"] == str(again.best_epoch)
    assert again.best_epoch == 2 + more


def test_a_best_file_that_vanishes_in_training_does_not_end_a_run(tmp_path, backend):
    spec = spec_in(tmp_path)
    folder = RunFolder(tmp_path / "run")

    def vanish(epoch):
        folder.best.unlink(missing_ok=True)

    run = train(spec, "numpy", folder.path, epochs=2, on_epoch=vanish)
    assert run.best_epoch == 2
    assert run.test is not None
    assert "was lost" in run.notes[0]


def test_what_differs_from_a_run_is_said_whole(tmp_path, backend):
    first = {"type": "adam", "learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999}
    train(spec_in(tmp_path, optimizer=first), "numpy", tmp_path / "run", epochs=1)
    other = spec_in(tmp_path, optimizer={**first, "learning_rate": 0.002})
    with pytest.raises(UsageError) as caught:
        train(other, "numpy", tmp_path / "run", resume=True)
    assert str(caught.value).endswith(
        'as this one: training.optimizer was {"learning_rate": 0.001} and is '
        '{"learning_rate": 0.002}'
    )


def test_a_link_to_nowhere_names_where_it_leads(tmp_path, backend):
    (tmp_path / "link").symlink_to(tmp_path / "gone" / "file.json")
    with pytest.raises(UsageError, match=r"is a link to .*gone/file\.json, and there is no folder"):
        write_text(tmp_path / "link", "{}")
    with pytest.raises(UsageError, match=r"is a link to .*, which does not exist"):
        train(spec_in(tmp_path), "numpy", tmp_path / "link")


def test_a_full_disk_behind_the_output_is_no_traceback(capsys, monkeypatch):
    def full(*given, **more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    dropped = []
    monkeypatch.setattr("nnspec.cli._drop_output", lambda: dropped.append(True))
    monkeypatch.setattr("nnspec.cli.schema.click.echo", full)
    monkeypatch.setattr("sys.stdout.flush", lambda: None)
    assert command("schema") == 1
    assert dropped


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_the_full_device_is_no_traceback():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nnspec", "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "nnspec: the output cannot be written: No space left on device\n"
