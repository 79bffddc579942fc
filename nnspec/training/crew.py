"""The other processes of a training: they take its steps with the first, which alone writes.

The first says which epoch is next and what was measured before it; all run its steps, each on its
share of every batch. So the others know nothing but the spec and the rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load, save

from nnspec.backend import Precision, SharesBatches, Trainable, Weights, get_backend, make_options
from nnspec.data.dataset import Dataset
from nnspec.data.folding import Fold
from nnspec.errors import NnspecError, UsageError
from nnspec.network.loader import Spec, check
from nnspec.support.endings import ending_of
from nnspec.training.datasets import dataset_of
from nnspec.training.epoch import NotFinite, run_steps
from nnspec.training.hardware import Arithmetic, Device, Hardware, Place, Strategy
from nnspec.training.history import Epoch
from nnspec.training.lengths import with_steps
from nnspec.training.pacing import set_rate
from nnspec.training.runs import identity_of
from nnspec.training.within import Saving, Taken

_PATIENCE = 10.0
"""Seconds until a process that has lost the others is known to have ended."""


@dataclass(frozen=True)
class Task:
    """All that one of the other processes needs to know.

    spec: as YAML, of which relative paths start from `folder`. fold: number and count.
    """

    spec: str
    folder: str
    backend: str
    dtype: Precision
    device: Device | None
    precision: Arithmetic | None
    fold: tuple[int, int] | None
    rank: int
    processes: int
    store: str
    strategy: Strategy = "ddp"


class Crew:
    """The others, as the first process sees them."""

    def __init__(self, program: SharesBatches, place: Place) -> None:
        self._program = program
        self._place = place
        self._others: dict[int, subprocess.Popen[bytes]] = {}
        """By their numbers, those that this process has begun."""

    def start(self, tasks: Sequence[Task], folder: str) -> None:
        """Begin processes on this machine; raises UsageError where none can be started.

        folder: of what they write for themselves, which is left where they are killed.
        """
        threads = max(1, (os.cpu_count() or 1) // self._place.processes)
        for task in tasks:
            try:
                self._others[task.rank] = process = subprocess.Popen(
                    # -P: a file in the current folder must not stand in for a package.
                    [sys.executable, "-P", "-m", __name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={
                        "OMP_NUM_THREADS": str(threads),
                        **os.environ,
                        "LOCAL_RANK": str(task.rank),
                        "TMPDIR": folder,
                        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    },
                    start_new_session=True,  # Ctrl-C is for the first, which ends this too
                )
            except OSError as error:
                raise UsageError(f"no process can be started: {error}") from None
            assert process.stdin is not None
            # The pipe stays open: its end tells the other that this process has ended.
            with suppress(OSError):
                process.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
                process.stdin.flush()

    def join(self) -> None:
        """Wait until all are there; raises UsageError where one cannot begin."""
        for rank, process in self._others.items():
            assert process.stdout is not None
            line = process.stdout.readline()
            problem = json.loads(line)["problem"] if line else ending_of(process.wait())
            if problem:
                raise UsageError(f"process {rank + 1} of {self._place.processes}: {problem}")
        self._program.join(self._place.rank, self._place.processes, self._place.store)

    def begin(self, identity: dict[str, Any], optimizer: Weights) -> None:
        """Give the others the weights, and what the optimizer remembers if it does."""
        self._tell(identity=identity)
        self._program.told(save(self._program.weights()))
        self._program.told(save(optimizer))

    def epoch(
        self, number: int, history: Sequence[Epoch], every: int | None = None, taken: int = 0
    ) -> None:
        """Let the others run the steps of an epoch, after these epochs.

        every: steps between two saves of it; taken: those of it that an earlier run took.
        """
        told = [each.as_json() for each in history]
        self._tell(epoch=number, history=told, every=every, taken=taken)

    def finish(self) -> None:
        """Let the others end, as there is nothing more to do."""
        self._tell(epoch=0)
        for process in self._others.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)

    def _tell(self, **what: object) -> None:
        self._program.told(json.dumps(what).encode())

    def lost(self, error: Exception) -> str:
        """Return which process has ended and how, after an error that may come of it, or ""."""
        if not self._others:
            return f"another process has ended, or cannot be reached: {error}"
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if found := self._lost():
                return found
            time.sleep(0.05)
        return ""

    def _lost(self) -> str:
        for rank, process in self._others.items():
            code = process.poll()
            if code is not None:
                return f"process {rank + 1} of {self._place.processes} has ended: {ending_of(code)}"
        return ""

    def end(self) -> None:
        """End the others, whatever they are at."""
        for process in self._others.values():
            process.kill()
        for process in self._others.values():
            with suppress(OSError):
                process.communicate()


@contextmanager
def crew_of(
    spec: Spec,
    backend: str,
    dtype: Precision,
    program: Trainable,
    hardware: Hardware,
    data: Dataset,
) -> Iterator[Crew]:
    """Give the others of a training, which wait for their first epoch; end them at last.

    spec: as it was before it knew the number of its rows.
    """
    assert isinstance(program, SharesBatches)
    with tempfile.TemporaryDirectory(prefix="nnspec-") as folder:
        place = hardware.place
        is_here = place is None
        if place is None:
            program.require_devices(hardware.devices)
            place = Place(0, hardware.devices, Path(folder) / "store")
        crew = Crew(program, place)
        fold = None if data.fold is None else (data.fold.number, data.fold.folds)
        try:
            if is_here:
                crew.start([
                    Task(
                        spec.to_yaml(), str(spec.folder.resolve()), backend, dtype,
                        hardware.device, hardware.precision, fold, rank, place.processes,
                        str(place.store), hardware.strategy,
                    )
                    for rank in range(1, place.processes)
                ], folder)  # fmt: skip
            crew.join()
            yield crew
        finally:
            crew.end()
            program.leave()


def follow(
    spec: Spec,
    backend: str,
    dtype: Precision,
    hardware: Hardware,
    place: Place,
    fold: Fold | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Take the steps of a training with the first of its processes, until it has ended.

    ready: called when all is read. Raises what `train` raises before its first step, and UsageError
    where the rows, or the spec, are not those of the first.
    """
    found = get_backend(backend)
    data = dataset_of(spec, fold)
    spec = with_steps(spec, len(data.train))
    training = spec.model.training
    assert training is not None
    options = make_options(found, hardware.options, training=True)
    program = found.compile(spec, options).build(dtype=dtype)
    assert isinstance(program, SharesBatches)
    ready()
    program.join(place.rank, place.processes, place.store)
    try:
        theirs, own = json.loads(program.told())["identity"], identity_of(spec, dtype, data)
        if theirs != own:
            names = [name for name in own if theirs.get(name) != own[name]]
            raise UsageError(
                f"process {place.rank + 1} of {place.processes} has read another "
                f"{', '.join(names)} than the first: give each the same files and options"
            )
        program.load_weights(load(program.told()))
        optimizer = load(program.told())
        if optimizer:
            program.load_optimizer_state(optimizer)
        has_validation = data.validation is not None
        while (order := json.loads(program.told()))["epoch"]:
            history = [Epoch.from_json(each) for each in order["history"]]
            set_rate(program, training, history, has_validation=has_validation)
            with suppress(NotFinite):  # the first says so, and ends
                run_steps(program, spec, data, order["epoch"], saving=_saving(order))
    finally:
        program.leave()


def _saving(order: Mapping[str, Any]) -> Saving | None:
    """Return where an epoch begins, and after which steps random layers draw anew."""
    if order["every"] is None:
        return None
    # What was lost before is the first's to tell.
    return Saving(order["every"], Taken([0.0] * order["taken"], [1] * order["taken"]))


def main() -> int:
    """Follow the training that the first line of the input tells of, until the input ends."""
    task = Task(**json.loads(sys.stdin.buffer.readline()))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a framework prints is no answer

    begun: list[str] = []

    def say(problem: str) -> None:
        if begun:  # nobody listens any more
            sys.stderr.write(f"nnspec: process {task.rank + 1}: {problem}\n")
            return
        begun.append(problem)
        with suppress(OSError):
            answers.write(json.dumps({"problem": problem}).encode() + b"\n")
            answers.flush()

    _whenever_it_ends(lambda: os._exit(1))
    hardware = Hardware(task.device, task.processes, task.precision, strategy=task.strategy)
    fold = None if task.fold is None else Fold(*task.fold)
    place = Place(task.rank, task.processes, Path(task.store))
    try:
        spec = check(task.spec, folder=task.folder)
        follow(spec, task.backend, task.dtype, hardware, place, fold, lambda: say(""))
    except (NnspecError, RuntimeError) as error:  # such as that another has ended
        say(str(error))
        return 2
    return 0


def _whenever_it_ends(do: Callable[[], object]) -> None:
    """Call something when the first process has ended, and with it the input."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        do()

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main())
