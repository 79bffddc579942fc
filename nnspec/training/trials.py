"""One trial of a tuning: trained here, or in a process of its own beside others."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nnspec.backend import Precision
from nnspec.errors import NnspecError, UsageError
from nnspec.network.loader import load
from nnspec.training.epochs import train
from nnspec.training.hardware import Arithmetic, Device
from nnspec.training.history import Epoch
from nnspec.training.loggers import Logs
from nnspec.training.runs import RunFolder

Report = Callable[[int, float], bool]
"""Told the number of an epoch and its measure; returns whether the trial is to stop."""


@dataclass(frozen=True)
class Task:
    """All that a trial needs: a spec's file, the values of its settings, where its run is kept.

    metric: the measure, as the history names it.
    """

    spec: Path
    values: Mapping[str, Any]
    folder: Path
    metric: str
    backend: str | None
    dtype: Precision | None
    log: tuple[str, ...] = ()
    device: Device | None = None
    precision: Arithmetic | None = None


@dataclass(frozen=True)
class Outcome:
    """The end of a trial: complete with a score, pruned, or failed with a problem."""

    state: str
    score: float | None = None
    epochs: int = 0
    problem: str = ""


class _StoppedError(Exception):
    """The trial is to stop."""


def tried(task: Task, report: Report) -> Outcome:
    """Train, and return what came of it; raises KeyboardInterrupt alone."""
    epochs: list[float] = []

    def on_epoch(epoch: Epoch) -> None:
        value = epoch.values[task.metric]
        epochs.append(value)
        if report(epoch.number, value):
            raise _StoppedError

    run = RunFolder(task.folder)
    held = run.record.exists() or run.checkpoint.exists()
    try:
        found = train(
            load(task.spec, variables=task.values), task.backend, task.folder, overwrite=held,
            dtype=task.dtype, log=Logs(task.log, task.values), device=task.device,
            precision=task.precision, on_epoch=on_epoch,
        )  # fmt: skip
    except _StoppedError:
        return Outcome("pruned", epochs=len(epochs))
    except NnspecError as error:
        return Outcome("failed", epochs=len(epochs), problem=str(error))
    except Exception as error:  # a framework's own, as where there is no memory left
        told = f"{type(error).__name__}: {error}"
        return Outcome("failed", epochs=len(epochs), problem=told)
    (best,) = (each for each in found.history if each.number == found.best_epoch)
    return Outcome("complete", best.values[task.metric], len(found.history))


class Worker:
    """A process that takes one trial after the other; one that a trial has ended is begun anew."""

    def __init__(self) -> None:
        # Of what it writes for itself, which is left where it is killed.
        self._folder = tempfile.TemporaryDirectory(prefix="nnspec-", ignore_cleanup_errors=True)
        self._process = self._begun()

    def _begun(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                # -P: a file in the current folder must not stand in for a package.
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "TMPDIR": self._folder.name,
                },
                start_new_session=True,  # Ctrl-C is for who asked, and ends this too
            )
        except OSError as error:
            raise UsageError(f"no process can be started: {error}") from None

    def tried(self, task: Task, report: Report) -> Outcome:
        """Return what came of a trial; raises UsageError where no process can be started."""
        if self._process.poll() is not None:
            self._kill()  # which closes its pipes
            self._process = self._begun()
        told = {**dataclasses.asdict(task), "spec": str(task.spec), "folder": str(task.folder)}
        pipe = self._process.stdout
        assert pipe is not None
        try:
            self._say(told)
            while line := pipe.readline():
                heard = json.loads(line)
                if "epoch" not in heard:
                    return Outcome(**heard)
                self._say({"stop": report(heard["epoch"], heard["value"])})
        except OSError:  # its end is told below
            pass
        code = self._process.wait()
        return Outcome("failed", problem=f"its process ended with {code}")

    def _say(self, what: Mapping[str, Any]) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        _write(pipe, what)

    def end(self) -> None:
        """End the process, whatever it is at, and remove what it has left."""
        self._kill()
        self._folder.cleanup()

    def _kill(self) -> None:
        self._process.kill()
        with suppress(OSError):
            self._process.communicate()


def _write(pipe: IO[bytes], what: Mapping[str, Any]) -> None:
    pipe.write(json.dumps(what).encode() + b"\n")
    pipe.flush()


def main() -> None:
    """Train what is asked for, until the other process closes the pipe."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a framework prints is no answer

    def report(epoch: int, value: float) -> bool:
        _write(answers, {"epoch": epoch, "value": value})
        line = requests.readline()
        if not line:
            raise SystemExit(1)
        return bool(json.loads(line)["stop"])

    while line := requests.readline():
        told = json.loads(line)
        paths = {"spec": Path(told["spec"]), "folder": Path(told["folder"])}
        task = Task(**{**told, **paths, "log": tuple(told["log"])})
        _write(answers, dataclasses.asdict(tried(task, report)))


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):
        main()
