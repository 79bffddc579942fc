"""Trains under kills at random moments: `python -m tests.training.kills`.

Each case is trained once as it is, and once by processes that are killed one after another, each of
which goes on from what the one before it left, in the other framework. Nothing that is left may be
corrupt, no finished epoch may be trained again, and the end is that of the run that nobody killed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.training.kill_cases import VERSUS, Case, case_in
from tests.training.moving_spec import TRAININGS

CASES = (*TRAININGS, *VERSUS)
FRAMEWORKS = ("torch", "keras")
_PICTURES = ("matplotlib.figure", "matplotlib.image", "matplotlib.backends.backend_agg")
EQUAL = 1e-7
"""Of weights and the optimizer's state in float64, relative to the largest of a tensor."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill runs of every case, print what came of each, and return 1 where one was harmed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("cases", nargs="*", default=CASES, help=f"of {', '.join(CASES)}")
    parser.add_argument("--kills", type=int, default=50, help="of all cases together")
    parser.add_argument("--seed", type=int, help="of the moments; a new one by default")
    parser.add_argument("--backends", nargs="*", default=FRAMEWORKS)
    parser.add_argument("--epochs", type=int, help="of each run; each case has its own by default")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    _import(given.backends)
    failed = 0
    for number, name in enumerate(given.cases):
        share = len(range(number, given.kills, len(given.cases)))
        with tempfile.TemporaryDirectory() as folder:
            try:
                case = case_in(Path(folder), name)
                case.epochs = given.epochs or case.epochs
                told = _case(case, Path(folder), share, given.backends, f"{seed} {name}")
            except Exception as error:  # whatever it is: a file that cannot be read is harm too
                failed += 1
                told = f"FAILED: {error!r}"
        print(f"{name}: {told}", flush=True)
    print(f"{given.kills} kills, {failed} of {len(given.cases)} cases harmed")
    return int(failed > 0)


def _import(backends: Sequence[str]) -> None:
    """Import once, before anything runs, all that a run needs: a child begins at once."""
    for module in (*(f"nnspec_{backend}.runtime" for backend in backends), *_PICTURES):
        import_module(module)


def _case(case: Case, folder: Path, kills: int, backends: Sequence[str], seed: str) -> str:
    """Kill the runs of one case; return what came of it. Raises AssertionError where it is harm."""
    limits = {}
    for backend in backends:
        # In a child as well: nothing that this process holds may be what makes them equal.
        log, began = folder / f"{backend}-log", time.monotonic()
        assert _ended(_child(case, backend, folder / backend, log)) == 0, "the whole run failed"
        total = time.monotonic() - began
        first = float(log.read_text().split()[3]) - began
        # Some epochs to each process, so that there are kills in all parts of the run.
        limits[backend] = first + 2 * (total - first) / max(kills, 1)
    draw = random.Random(seed)
    runs = _killed(case, folder / "killed", kills, limits, draw, folder / "log")
    worst = case.difference(folder / "killed", [folder / each for each in backends])
    assert worst <= EQUAL, f"it ends {worst:.1e} from the run that nobody killed"
    return f"{kills} kills, {runs} processes, ends {worst:.1e} from the run that nobody killed"


def _killed(
    case: Case,
    folder: Path,
    kills: int,
    limits: Mapping[str, float],
    draw: random.Random,
    log: Path,
) -> int:
    """Train to the end under so many kills, and return the number of processes that it took."""
    killed = runs = 0
    while True:
        backend = list(limits)[runs % len(limits)]
        child = _child(case, backend, folder, log)
        runs += 1
        if killed < kills:
            time.sleep(draw.uniform(0, limits[backend]))
            os.kill(child, signal.SIGKILL)
        status = _ended(child)
        if status < 0:
            killed += 1
            case.require_whole(folder)
            continue
        assert status == 0, "a run failed"
        if killed >= kills:
            break
        shutil.rmtree(folder)  # it was quicker than the kill: begin anew
        log.unlink()
    finished = 0
    for word in log.read_text().split()[::2]:
        if word[0] == "-":
            finished = int(word[1:])
        else:
            assert int(word[1:]) > finished, "an epoch that was finished is trained again"
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    own = {path.name for path in case.files(folder)}
    assert left <= own, f"files are left that no run writes: {sorted(left - own)}"
    return runs


def _ended(child: int) -> int:
    """Return the exit status of a process, less than 0 where it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _child(case: Case, backend: str, folder: Path, log: Path) -> int:
    """Train, or go on, in a process of its own that notes when epochs begin and end; return its id.

    A moment is written after each, in seconds.
    """
    child = os.fork()
    if child:
        return child

    def wrote(what: str) -> None:
        with log.open("a") as file:
            file.write(f"{what} {time.monotonic()}\n")

    def began(epoch: int, step: int, steps: int, loss: float) -> None:
        if step == 1:
            wrote(f"+{epoch}")

    def ended(epoch: Any) -> None:
        wrote(f"-{epoch.number}")

    try:
        resume = (folder / "checkpoint.safetensors").exists()
        given: dict[str, Any] = {"on_step": began, "on_epoch": ended}
        case.train(backend, folder, resume=resume, overwrite=not resume, **given)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(3)
    os._exit(0)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
