"""Two processes that share each batch end with the weights of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.training.crew import Crew
from nnspec.training.hardware import Hardware
from nnspec.weights.canonical import load_weights
from nnspec_torch.training import WHOLE

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-7
"""Sums in another order differ by parts of 1e-16, and steps of adam by no more than their rate."""
ROWS = 41

DROPOUT: list[dict[str, Any]] = [
    {"type": "dense", "units": 6, "activation": "tanh"},
    {"type": "dropout", "rate": 0.3},
    {"type": "gaussian_noise", "stddev": 0.1},
]
NORM: list[dict[str, Any]] = [
    {"type": "reshape", "shape": [1, 2, 4]},
    {"type": "conv2d", "filters": 3, "kernel_size": 2, "use_bias": False},
    {"type": "batch_normalization"},
    {"type": "relu"},
    {"type": "flatten"},
    {"type": "batch_normalization"},
]
STEPS: list[dict[str, Any]] = [
    {"type": "reshape", "shape": [4, 2]},
    {"type": "gru", "units": 3, "return_sequences": True, "recurrent_dropout": 0.3},
    {"type": "multi_head_attention", "num_heads": 2, "key_dim": 2, "dropout": 0.3},
    {"type": "dense", "units": 2, "activation": "relu", "time_distributed": True},
    {"type": "dropout", "rate": 0.2, "time_distributed": True},
    {"type": "flatten"},
]
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]] = {
    # Batches of 8, of which the last has one row, fewer than there are processes.
    "dropout": (DROPOUT, {}, {}),
    "clipped": (DROPOUT, {"clip": {"norm": 0.05}, "accumulate": 2, "batch_size": 6}, {}),
    "averaged": (NORM, {"average": {"type": "ema", "decay": 0.9}, "batch_size": 7}, {}),
    "weights": (NORM, {"loss": {"type": "categorical_cross_entropy",
                                "class_weights": [1.0, 3.0, 0.5]}, "batch_size": 9},
                {"sample_weight": "weight"}),
    "penalties": ([{"name": "first", "type": "dense", "units": 4, "activation": "tanh"}, *DROPOUT],
                  {"regularization": [{"type": "l2", "factor": 0.01},
                                      {"type": "l1", "factor": 0.01, "activity": "first"}]}, {}),
    "steps": (STEPS, {}, {}),
    # Two that are alike, of which the emitted module makes a list.
    "blocks": ([*DROPOUT, *DROPOUT[:2], *DROPOUT[:2]], {}, {}),
}  # fmt: skip
QUICK = ("dropout", "weights")


def spec_in(folder: Path, name: str) -> Path:
    layers, training, data = CASES[name]
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, 8))
    label = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)
    np.savez(
        folder / "rows.npz", x=x.astype("float32"), y=label, weight=rng.uniform(0, 2, size=ROWS)
    )
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [8]}},
        "layers": [*layers, {"type": "dense", "units": 3}, {"type": "softmax"}],
        "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "y", "validation": 0,
                 **data},
        "training": {"task": "multiclass", "epochs": 2, "batch_size": 8,
                     "optimizer": {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9},
                     **training},
    }  # fmt: skip
    path = folder / "spec.json"
    path.write_text(json.dumps(document))
    return path


def require_equal(folder: Path, other: Path) -> None:
    for name in ("last", "best", "checkpoint"):
        found, wanted = (load_weights(each / f"{name}.safetensors") for each in (folder, other))
        assert found.keys() == wanted.keys()
        for key, array in wanted.items():
            np.testing.assert_allclose(found[key], array, rtol=0, atol=TOLERANCE, err_msg=key)
    histories = [json.loads((each / "history.json").read_text()) for each in (folder, other)]
    for first, second in zip(*histories, strict=True):
        for name in first.keys() - {"seconds"}:
            assert first[name] == pytest.approx(second[name], abs=TOLERANCE), name


@pytest.fixture(scope="module")
def member() -> Any:
    """A process that is the second of every training, as its start takes seconds."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("crew_member.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        yield process
        process.kill()


@pytest.fixture
def joined(member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import asdict

    def start(crew: Crew, tasks: Any, folder: str) -> None:
        (task,) = tasks
        member.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
        member.stdin.flush()
        crew._others = {1: member}

    def finish(crew: Crew) -> None:
        crew._tell(epoch=0)

    monkeypatch.setattr(Crew, "start", start)
    monkeypatch.setattr(Crew, "finish", finish)
    monkeypatch.setattr(Crew, "end", lambda crew: None)


@pytest.mark.usefixtures("joined")
@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in CASES]
)
def test_two_processes_end_with_the_weights_of_one(tmp_path: Path, name: str) -> None:
    spec = spec_in(tmp_path, name)
    for devices in (1, 2):
        nnspec.train(spec, "torch", tmp_path / str(devices), dtype="float64", devices=devices)
    require_equal(tmp_path / "2", tmp_path / "1")


@pytest.mark.slow
@pytest.mark.usefixtures("joined")
@pytest.mark.parametrize(
    "name", ["digits/vae", "digits/siamese", "images/forms", "series/harbours"]
)
def test_examples_of_several_losses_and_of_lazy_rows_do_too(tmp_path: Path, name: str) -> None:
    spec = ROOT / "specs" / f"{name}.yaml"
    for devices in (1, 2):
        given: dict[str, Any] = {"dtype": "float64", "epochs": 1, "devices": devices}
        nnspec.train(spec, "torch", tmp_path / str(devices), **given)
    require_equal(tmp_path / "2", tmp_path / "1")


def command(spec: Path, folder: Path, *more: str) -> list[str]:
    words = ("train", str(spec), "-o", str(folder), "--dtype", "float64", *more)
    return [sys.executable, "-m", "nnspec", *words]


def ended(processes: list[int]) -> bool:
    """Whether none of these processes runs any more; one that nobody waits for has ended too."""
    for number in processes:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            return False
    return True


def children(number: int) -> list[int]:
    found = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    return [int(each) for each in found]


def wait_until(done: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def epochs_in(folder: Path) -> int:
    try:
        return len(json.loads((folder / "history.json").read_text()))
    except FileNotFoundError:
        return 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for processes")
@pytest.mark.parametrize("name", ["averaged", "clipped"])
def test_a_killed_run_is_resumed_to_the_same_weights(tmp_path: Path, name: str) -> None:
    spec = spec_in(tmp_path, name)
    nnspec.train(spec, "torch", tmp_path / "whole", dtype="float64", epochs=10)
    run = tmp_path / "run"
    with subprocess.Popen(command(spec, run, "--devices", "2", "--epochs", "10")) as process:
        wait_until(lambda: epochs_in(run) >= 2)
        others = children(process.pid)
        assert others
        process.kill()
    wait_until(lambda: ended(others), 30)
    assert 2 <= epochs_in(run) < 10
    resumed = nnspec.train(spec, "torch", run, dtype="float64", epochs=10, devices=2, resume=True)
    assert len(resumed.history) == 10
    require_equal(run, tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for processes")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_ends_whole_with_any_of_its_processes(tmp_path: Path, number: int) -> None:
    spec, run = spec_in(tmp_path, "dropout"), tmp_path / "run"
    with subprocess.Popen(
        command(spec, run, "--devices", "2", "--epochs", "100000"), stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: epochs_in(run) >= 1)
        others = children(process.pid)
        (other,) = [each for each in others if b"nnspec.training.crew" in
                    Path(f"/proc/{each}/cmdline").read_bytes()]  # fmt: skip
        os.kill(other if number == signal.SIGKILL else process.pid, number)
        assert process.stderr is not None
        text = process.stderr.read().decode()
    wait_until(lambda: ended(others), 30)
    if number == signal.SIGKILL:
        assert process.returncode == 1
        assert "process 2 of 2 has ended: SIGKILL" in text
    else:
        assert process.returncode == 130
    assert "again with --resume" in text
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"


def test_what_is_of_one_process_is_refused_before_another_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, run = spec_in(tmp_path, "dropout"), tmp_path / "run"
    monkeypatch.setattr(Crew, "start", lambda *given: pytest.fail("a process was started"))
    for given, message in (
        ({"devices": 0}, "at least one device is expected, not 0"),
        ({"devices": 2, "compiled": True}, "`compiled` is of one process"),
        ({"devices": 2, "diagnose": True}, "`diagnose` is of one process"),
        ({"devices": 2, "data": nnspec.training.datasets.dataset_of(nnspec.load(spec))}, "`data`"),
        ({"device": "cuda"}, "there is no device cuda for PyTorch"),
        ({"device": "mps", "devices": 2}, "there is no device mps"),
        ({"device": "tpu"}, "device is 'tpu', and one of cpu, cuda, mps, auto is expected"),
        ({"precision": "8"}, "precision is '8'"),
        ({"precision": "bf16-mixed", "dtype": "float64"}, "mixes 16 bits with float32"),
    ):
        with pytest.raises(UsageError, match=message):
            nnspec.train(spec, "torch", run, **given)
        assert not run.exists()
    with pytest.raises(UsageError, match='"keras" does not take `devices`, and torch does'):
        nnspec.train(spec, "keras", run, devices=2)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda", "there is no device cuda for TensorFlow .*: it sees no GPU"),
        ("mps", "there is no device mps for TensorFlow"),
    ],
)
def test_keras_says_which_devices_there_are(tmp_path: Path, device: str, message: str) -> None:
    spec = spec_in(tmp_path, "dropout")
    with pytest.raises(UsageError, match=message):
        nnspec.train(spec, "keras", tmp_path / "run", device=device)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("backend", ["keras", "torch"])
def test_a_run_says_what_it_was_trained_on_and_goes_on_elsewhere(
    tmp_path: Path, backend: str
) -> None:
    spec, run = spec_in(tmp_path, "dropout"), tmp_path / "run"
    nnspec.train(spec, backend, run, epochs=1, device="auto")
    nnspec.train(spec, backend, run, device="cpu", resume=True)
    nnspec.train(spec, backend, tmp_path / "whole")
    record = json.loads((run / "run.json").read_text())
    assert record["device"] == "cpu"
    assert "devices" not in record
    found, wanted = (load_weights(each / "last.safetensors") for each in (run, tmp_path / "whole"))
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array)


def test_the_first_process_says_what_keeps_another_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, run = spec_in(tmp_path, "dropout"), tmp_path / "run"
    start = Crew.start

    def without_rows(crew: Crew, tasks: Any, folder: str) -> None:
        (tmp_path / "rows.npz").unlink()
        start(crew, tasks, folder)

    monkeypatch.setattr(Crew, "start", without_rows)
    with pytest.raises(UsageError, match=r"process 2 of 2: .*rows\.npz: there is no such file"):
        nnspec.train(spec, "torch", run, devices=2)
    assert not run.exists()


def test_torchrun_gives_each_process_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1",
             "TORCHELASTIC_RUN_ID": "none"}  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    hardware = Hardware.asked(None, 1, None, is_follower=True)
    assert hardware.is_shared
    assert (hardware.devices, hardware.place.rank) == (2, 1)
    with pytest.raises(UsageError, match="by the command `nnspec train`"):
        Hardware.asked(None, 1, None)
    with pytest.raises(UsageError, match="leave out `devices`"):
        Hardware.asked(None, 2, None)


def test_who_follows_goes_on_as_the_first_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_in(tmp_path, "dropout")
    nnspec.train(nnspec.load(spec), "torch", tmp_path / "run", dtype="float64", epochs=1)
    told: list[Any] = []
    monkeypatch.setattr("nnspec.training.crew.follow", lambda *given: told.append(given[1:3]))
    given = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1",
             "TORCHELASTIC_RUN_ID": "none"}  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for more in (["--resume"], ["--overwrite"]):
        words = ["train", str(spec), "-o", str(tmp_path / "run"), "--backend", "torch", *more]
        assert CliRunner().invoke(main, words).exit_code == 0
    assert told == [("torch", "float64"), ("torch", "float32")]


SHARDED = ("dropout", "clipped", "weights", "steps", "blocks")


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(each, marks=pytest.mark.slow)
                                            for each in SHARDED if each not in QUICK)])  # fmt: skip
@pytest.mark.usefixtures("joined")
def test_shares_of_the_weights_train_as_whole_ones(name: str, tmp_path: Path) -> None:
    spec = spec_in(tmp_path, name)
    nnspec.train(spec, "torch", tmp_path / "one", dtype="float64")
    shared = {"devices": 2, "strategy": "fsdp"}
    nnspec.train(spec, "torch", tmp_path / "two", dtype="float64", **shared)
    require_equal(tmp_path / "two", tmp_path / "one")
    assert json.loads((tmp_path / "two" / "run.json").read_text())["strategy"] == "fsdp"


@pytest.mark.usefixtures("joined")
def test_shares_go_on_where_another_hardware_left(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, "clipped")
    whole = nnspec.train(spec, "torch", tmp_path / "one", dtype="float64", epochs=3)
    shared = {"devices": 2, "strategy": "fsdp"}
    nnspec.train(spec, "torch", tmp_path / "two", dtype="float64", epochs=1)
    nnspec.train(spec, "torch", tmp_path / "two", epochs=2, resume=True, **shared)
    nnspec.train(spec, "torch", tmp_path / "two", epochs=3, resume=True)
    require_equal(tmp_path / "two", tmp_path / "one")
    assert len(whole.history) == 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted({*OPTIMIZERS} - WHOLE - {"schedule_free_adamw"}))
@pytest.mark.usefixtures("joined")
def test_shares_take_the_steps_of_an_optimizer(kind: str, tmp_path: Path) -> None:
    spec = spec_in(tmp_path, "dropout")
    document = json.loads(spec.read_text())
    document["training"]["optimizer"] = {"type": kind}
    spec.write_text(json.dumps(document))
    nnspec.train(spec, "torch", tmp_path / "one", dtype="float64")
    shared = {"devices": 2, "strategy": "fsdp"}
    nnspec.train(spec, "torch", tmp_path / "two", dtype="float64", **shared)
    require_equal(tmp_path / "two", tmp_path / "one")


@pytest.mark.parametrize(
    ("training", "told"),
    [
        ({"optimizer": {"type": "schedule_free_adamw"}}, "average: it takes whole weights"),
        ({"average": {"type": "ema"}}, "average: it takes whole weights"),
        ({"regularization": [{"type": "l2", "factor": 0.1}]}, "regularization: it takes whole"),
        ({"optimizer": {"type": "muon", "learning_rate": 0.1}}, "the optimizer muon: it takes"),
    ],
)
def test_what_takes_whole_weights_is_refused(
    training: dict[str, Any], told: str, tmp_path: Path
) -> None:
    spec = spec_in(tmp_path, "dropout")
    document = json.loads(spec.read_text())
    document["training"] |= training
    spec.write_text(json.dumps(document))
    with pytest.raises(UsageError, match=told):
        nnspec.train(spec, "torch", tmp_path / "run", devices=2, strategy="fsdp")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="give `devices`"):
        nnspec.train(spec, "torch", tmp_path / "run", strategy="fsdp")
