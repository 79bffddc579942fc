"""Runs that move between frameworks, and that are killed: they end as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec import train
from nnspec.errors import UsageError
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.network.loader import Spec
from nnspec.weights.canonical import load_weights
from tests.training.moving_spec import spec_in

FRAMEWORKS = ("torch", "keras")
EQUAL = 1e-7
"""Of weights and the optimizer's state in float64, relative to the largest of a tensor."""


@pytest.fixture(autouse=True)
def both() -> None:
    for name in FRAMEWORKS:
        pytest.importorskip(name)


def require_equal(folder: Path, other: Path) -> None:
    first, second = (load_weights(each / "checkpoint.safetensors") for each in (folder, other))
    assert first.keys() == second.keys()
    for name, array in first.items():
        scale = max(np.abs(array).max(initial=0), 1e-3)
        assert np.abs(array - second[name]).max(initial=0) <= EQUAL * scale, name

    records = [json.loads((each / "run.json").read_text()) for each in (folder, other)]
    assert records[0]["epochs"] == records[1]["epochs"]
    assert records[0]["best"]["epoch"] == records[1]["best"]["epoch"]
    for path in (folder, other):
        assert json.loads((path / "run.json").read_text())["status"] == "finished"
    best = [load_weights(each / "best.safetensors") for each in (folder, other)]
    for name, array in best[0].items():
        np.testing.assert_allclose(best[1][name], array, rtol=1e-6, atol=1e-7)


def trained(spec: Spec, backend: str | None, folder: Path, **more: Any) -> None:
    train(spec, backend, folder, dtype="float64", **more)


@pytest.mark.parametrize(
    "name",
    [
        *("adam", "cycled"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("momentum", "plateau")),
    ],
)
def test_a_run_moves_between_frameworks(tmp_path: Path, name: str) -> None:
    """With dropout, noise, a shuffled order, and a schedule that goes on."""
    spec = spec_in(tmp_path, name)
    for first, second in (FRAMEWORKS, FRAMEWORKS[::-1]):
        trained(spec, first, tmp_path / first, epochs=4)
        trained(spec, first, tmp_path / f"{first}-moved", epochs=2)
        trained(spec, second, tmp_path / f"{first}-moved", epochs=4, resume=True)
    for each in ("torch-moved", "keras", "keras-moved"):
        require_equal(tmp_path / each, tmp_path / "torch")
    epochs = json.loads((tmp_path / "torch-moved" / "history.json").read_text())
    whole = json.loads((tmp_path / "torch" / "history.json").read_text())
    for one, other in zip(epochs, whole, strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_moves_between_frameworks(tmp_path: Path, name: str) -> None:
    spec = spec_in(tmp_path, name)
    trained(spec, "torch", tmp_path / "torch", epochs=4)
    for first, second in (FRAMEWORKS, FRAMEWORKS[::-1]):
        trained(spec, first, tmp_path / f"{first}-moved", epochs=2)
        trained(spec, second, tmp_path / f"{first}-moved", epochs=4, resume=True)
        require_equal(tmp_path / f"{first}-moved", tmp_path / "torch")


def test_a_resumed_run_keeps_its_precision(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, "adam")
    trained(spec, "torch", tmp_path / "run", epochs=1)
    train(spec, folder=tmp_path / "run", epochs=2, resume=True)
    stored = load_weights(tmp_path / "run" / "checkpoint.safetensors")
    assert stored["weights/scores.weight"].dtype == np.float64
    with pytest.raises(UsageError, match='dtype was "float64" and is "float32"'):
        train(spec, folder=tmp_path / "run", epochs=3, resume=True, dtype="float32")


def kill(kills: int, *words: str) -> None:
    """Kill runs in a process that holds no frameworks' threads, which its children would lack."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.training.kills",
            "--kills",
            str(kills),
            *words,
        ],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=3000,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"{kills} kills, 0 of" in done.stdout


needs_kills = pytest.mark.skipif(
    not (hasattr(signal, "SIGKILL") and hasattr(os, "fork")), reason="needs SIGKILL and fork"
)


@needs_kills
@pytest.mark.slow
def test_a_few_kills_cost_at_most_an_epoch_each() -> None:
    """of one network and of two; the seed is printed where one is harmed."""
    kill(4, "everything", "gan", "--backends", "torch", "--epochs", "6")


@pytest.mark.slow
@needs_kills
def test_fifty_kills_over_both_frameworks() -> None:
    """Every training that has something of its own to carry on, the frameworks taking turns."""
    kill(50)
