"""Runs that move between frameworks, and that are killed: they end as if nothing had happened."""

from __future__ import annotations

import json
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
from nnspec.training.runs import RunFolder
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
    ["adam", *(pytest.param(name, marks=pytest.mark.slow) for name in ("momentum", "plateau"))],
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


KILLS = """
import json, os, random, signal, sys, time
folder, kills, limit, name, *backends = sys.argv[1:]
import nnspec, tests.training.moving_spec as given
from nnspec import train
from pathlib import Path
for backend in backends:  # imported once, before anything runs: a child begins at once
    __import__(f"nnspec_{backend}.runtime")
import matplotlib.figure, matplotlib.backends.backend_agg
spec = given.load_in(Path(folder).parent, name)
random.seed(0)
killed = done = 0
log = Path(folder).parent / "log"
while not done:
    backend = backends[killed % len(backends)]
    resume = (Path(folder) / "checkpoint.safetensors").exists()
    child = os.fork()
    if child == 0:
        def began(epoch, step, steps, loss):
            if step == 1:
                with log.open("a") as file:
                    file.write(f"+{epoch}\\n")
        def ended(epoch):
            with log.open("a") as file:
                file.write(f"-{epoch.number}\\n")
        try:
            train(spec, backend, folder, epochs=40, dtype="float64", resume=resume,
                  overwrite=not resume, on_step=began, on_epoch=ended)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(3)
        os._exit(0)
    if killed < int(kills):
        time.sleep(random.uniform(0, float(limit)))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        killed += 1
        given.require_whole(Path(folder))
    else:
        assert os.WEXITSTATUS(status) == 0, "a run failed"
        done = killed >= int(kills)
        if not done:  # it was quicker than the kill: begin anew
            import shutil
            shutil.rmtree(folder)
            log.unlink()
print(killed)
"""


def kill(tmp_path: Path, name: str, kills: int, limit: float, *backends: str) -> Path:
    """Train with so many kills, each within a limit of seconds; the backends take turns."""
    folder = tmp_path / "killed"
    spec_in(tmp_path, name)
    words = [str(folder), str(kills), str(limit), name, *backends]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLS, *words],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) >= kills
    finished = 0
    for line in (tmp_path / "log").read_text().split():
        if line[0] == "-":
            finished = int(line[1:])
        else:
            assert int(line[1:]) > finished, "an epoch that was finished is trained again"
    assert {path.name for path in folder.iterdir()} <= {path.name for path in RunFolder("").files}
    return folder


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_few_kills_cost_at_most_an_epoch_each(tmp_path: Path) -> None:
    folder = kill(tmp_path, "adam", 4, 0.4, "torch")
    trained(spec_in(tmp_path, "adam"), "torch", tmp_path / "whole", epochs=40)
    require_equal(folder, tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize(("name", "kills"), [("adam", 20), ("momentum", 15), ("plateau", 15)])
def test_fifty_kills_over_both_frameworks(tmp_path: Path, name: str, kills: int) -> None:
    folder = kill(tmp_path, name, kills, 1.0, *FRAMEWORKS)
    trained(spec_in(tmp_path, name), "torch", tmp_path / "whole", epochs=40)
    require_equal(folder, tmp_path / "whole")
