"""Training on the real backends: resumed runs are the uninterrupted ones, and backends agree."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nnspec.network.loader import loads
from nnspec.training.epochs import train
from nnspec.training.run import TrainingInterrupted
from nnspec.weights.canonical import load_weights

DATA = Path(__file__).parents[2] / "specs" / "data"
HERE = Path(__file__).parents[1]


def spec_of(*, dropout=0.0, epochs=3, optimizer="adam"):
    layers = [
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "use_bias": False},
        {"type": "batch_normalization"},
        {"type": "relu"},
        {"type": "flatten"},
        *([{"type": "dropout", "rate": dropout}] if dropout else []),
        {"type": "dense", "units": 10},
        {"type": "softmax"},
    ]
    document = {
        "nnspec": 1,
        "name": "Digits",
        "inputs": {"image": {"shape": [1, 8, 8]}},
        "layers": layers,
        "data": {
            "source": "digits.csv",
            "features": {"image": "pixel_*"},
            "target": "label",
            "standardize": True,
        },
        "training": {
            "task": "multiclass",
            "batch_size": 128,
            "epochs": epochs,
            "optimizer": optimizer,
        },
    }
    return loads(json.dumps(document), path=DATA / "digits.json")


def require(backend):
    pytest.importorskip(backend)
    pytest.importorskip(f"nnspec_{backend}")


@pytest.mark.parametrize("backend", ["torch", pytest.param("keras", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "optimizer",
    [{"type": "adam", "learning_rate": 0.01}, {"type": "sgd", "momentum": 0.9}],
    ids=["adam", "sgd"],
)
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, backend, optimizer):
    require(backend)
    spec = spec_of(dropout=0.3, optimizer=optimizer)

    def interrupt(epoch, step, steps, loss):
        if (epoch, step) == (3, 5):
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        train(spec, backend, tmp_path / "cut", on_step=interrupt)
    cut = train(spec, backend, tmp_path / "cut", resume=True)
    whole = train(spec, backend, tmp_path / "whole")
    assert cut.last.read_bytes() == whole.last.read_bytes()
    assert cut.best.read_bytes() == whole.best.read_bytes()
    assert whole.history[-1].values["val_accuracy"] > 0.8


@pytest.mark.slow
def test_backends_train_to_the_same_weights(tmp_path):
    require("torch")
    require("keras")
    # Without dropout, whose masks differ, and by a method that does not divide by small numbers.
    spec = spec_of(epochs=2, optimizer={"type": "sgd", "learning_rate": 0.05})
    runs = [train(spec, backend, tmp_path / backend) for backend in ("torch", "keras")]
    first, second = (load_weights(run.last) for run in runs)
    for name, value in first.items():
        scale = np.abs(value).max()
        assert np.abs(value - second[name]).max() < 2e-3 * scale, name
    losses = [run.history[-1].values["val_loss"] for run in runs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


SCRIPT = """
import sys
sys.path[:0] = [{here!r}, {here!r} + "/training"]
import numpy_backend, nnspec.training.epochs
from test_training import spec_in
from pathlib import Path
backend = numpy_backend.NumpyBackend()
nnspec.training.epochs.get_backend = lambda name: backend
folder = Path({folder!r})
spec = spec_in(folder, epochs=60)
nnspec.training.epochs.train(spec, "numpy", folder / sys.argv[1], resume="resume" in sys.argv)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_is_resumed(tmp_path):
    script = SCRIPT.format(here=str(HERE), folder=str(tmp_path))
    call = [sys.executable, "-c", script]
    process = subprocess.Popen([*call, "cut"])
    history = tmp_path / "cut" / "history.json"
    deadline = time.monotonic() + 60
    while not history.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(json.loads(history.read_text())) < 60
    subprocess.run([*call, "cut", "resume"], check=True)
    subprocess.run([*call, "whole"], check=True)
    for name in ("last.safetensors", "best.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
