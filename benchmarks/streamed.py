"""Rows that are read from the disk while a network trains, by those that memory holds.

A Parquet table and an array of GIB each; the peer trains the same network on an eighth of the rows,
held in memory, for as many rows. Both take turns of some seconds, in which the other is stopped,
since a machine is not as fast at all times. What memory grows by is the peak of the process, by
that of one with few rows.
`.venv/bin/python -m benchmarks streamed` takes 20 minutes, and 16 GB of disk.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.measure import Figure

GIB = 5
WIDTH = 100
PART = 2**17
"""Rows that are made at once."""
PARTS = 8
"""Times the rows of the file by those that are held."""
TURN = 3.0
"""Seconds."""
FEW = 2000
TARGET = 1 / 0.9
"""Time of a row, by that of one in memory."""
GROWTH = 1.0
"""GiB."""
SPEC = """\
nnspec: 1
name: Long
inputs: {{x: {{shape: [{width}]}}}}
layers:
  - {{type: dense, units: 64, activation: relu}}
  - {{type: dense, units: 32, activation: relu}}
  - {{name: out, type: dense, units: 1}}
training: {{task: binary, epochs: {epochs}, batch_size: 512, loss: binary_cross_entropy}}
data:
  source: {source}
  features: {{x: {features}}}
  target: y
  validation: 0.05
  standardize: true
  {stream}
"""


def run(gib: float = GIB) -> list[Figure]:
    """Return two figures for each kind of file and framework."""
    rows = int(gib * 2**30 / (4 * WIDTH))
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for kind in ("parquet", "npz"):
            for name, count in (("long", rows), ("held", rows // PARTS), ("few", FEW)):
                _write(home / f"{name}.{kind}", count)
            for framework in ("torch", "keras"):
                figures += _figures(home, kind, framework, gib)
            (home / f"long.{kind}").unlink()
    return figures


def _figures(home: Path, kind: str, framework: str, gib: float) -> list[Figure]:
    with (
        Trained(home, f"long.{kind}", framework, "stream: {}") as long,
        Trained(home, f"held.{kind}", framework, "", PARTS) as held,
    ):
        _in_turns(long, held)
    with Trained(home, f"few.{kind}", framework, "stream: {}") as few:
        few.begin()
    seconds = [each.seconds() for each in (long, held)]
    peaks = [each.told["peak"] for each in (long, few)]
    ratio, growth = seconds[0] / seconds[1], (peaks[0] - peaks[1]) / 2**20
    name = f"{framework}, {gib:g} GiB of .{kind}"
    rates = [f"{1 / each:,.0f} rows/s" for each in seconds]
    shown = [f"{peak / 2**10:,.0f} MiB" for peak in peaks]
    print(name, *rates, f"{ratio:.3f}", *shown, f"{growth:.3f}", file=sys.stderr, flush=True)
    return [
        Figure(f"{name}: time of a row", rates[0], rates[1], ratio, ratio, ratio, TARGET),
        Figure(f"{name}: GiB of growth", shown[0], shown[1], growth, growth, growth, GROWTH),
    ]


class Trained:
    """A training in a process of its own, which can be stopped and go on.

    told: at its end the windows of time of its epochs, the rows of each, and the peak in KiB.
    """

    def __init__(
        self, home: Path, source: str, framework: str, stream: str, epochs: int = 1
    ) -> None:
        features = "x" if source.endswith("npz") else "x_*"
        spec = home / f"{source}.yaml"
        said = {"source": source, "features": features, "stream": stream, "epochs": epochs}
        spec.write_text(SPEC.format(width=WIDTH, **said), encoding="utf-8")
        words = [sys.executable, "-m", "benchmarks.streamed", str(spec), framework]
        words.append(str(home / f"run of {source}"))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(words, stderr=subprocess.DEVNULL, **pipes)
        self.told: dict[str, Any] = {}
        self._pauses: list[tuple[float, float]] = []
        self._since = 0.0

    def __enter__(self) -> Trained:
        self._line()  # all is read
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.told = json.loads(self._line())
        else:
            self.process.kill()  # also one that is stopped
        self.process.wait()

    def _line(self) -> bytes:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a training has ended with {self.process.wait()}")
        return line

    def begin(self) -> None:
        """Let it train."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def pause(self) -> None:
        """Stop it with all its threads."""
        self._since = time.perf_counter()
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on from where it was stopped."""
        self.process.send_signal(signal.SIGCONT)
        self._pauses.append((self._since, time.perf_counter()))

    def seconds(self) -> float:
        """Return the seconds of a row, without those in which it was stopped."""
        total = 0.0
        for start, end in self.told["epochs"]:
            stopped = sum(max(min(end, b) - max(start, a), 0) for a, b in self._pauses)
            total += end - start - stopped
        return total / (len(self.told["epochs"]) * int(self.told["rows"]))


def _in_turns(first: Trained, second: Trained) -> None:
    """Let two train, one at a time, until one has ended; then the other goes on."""
    second.pause()
    for each in (first, second):
        each.begin()
    running, waiting = first, second
    while True:
        time.sleep(TURN)
        if running.process.poll() is not None:
            break
        running.pause()
        waiting.go_on()
        running, waiting = waiting, running
    waiting.go_on()


def _write(path: Path, count: int) -> None:
    """Write rows part by part."""
    rng = np.random.default_rng(0)
    weights = np.random.default_rng(1).normal(size=WIDTH)
    names = [f"x_{i}" for i in range(WIDTH)]

    def some(size: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.standard_normal((size, WIDTH), dtype=np.float32)
        return x, (x @ weights > 0).astype(np.int64)

    sizes = [min(PART, count - start) for start in range(0, count, PART)]
    if path.suffix == ".npz":
        whole = np.lib.format.open_memmap(
            path.with_suffix(".npy"), "w+", np.float32, (count, WIDTH)
        )
        targets, at = [], 0
        for size in sizes:
            whole[at : at + size], y = some(size)
            targets.append(y)
            at += size
        np.savez(path, x=whole, y=np.concatenate(targets))
        del whole
        path.with_suffix(".npy").unlink()
        return
    parts = []
    for i, size in enumerate(sizes):
        x, y = some(size)
        table = pl.DataFrame({name: x[:, i] for i, name in enumerate(names)} | {"y": y})
        parts.append(path.with_name(f"{path.stem}_{i}.part"))
        table.write_parquet(parts[-1])
    pl.scan_parquet(parts).sink_parquet(path)
    for part in parts:
        part.unlink()


def child(spec: str, framework: str, folder: str) -> None:
    """Train when it is told to, and print what it took."""
    import nnspec
    from nnspec.data.rows import load_data
    from nnspec.network.loader import load
    from nnspec.training.history import Epoch

    data = load_data(load(spec))
    print("ready", flush=True)
    sys.stdin.readline()
    windows: list[tuple[float, float]] = []

    def ended(epoch: Epoch) -> None:
        now = time.perf_counter()  # of the machine, as the other process has it
        windows.append((now - epoch.seconds, now))

    nnspec.train(spec, framework, folder, data=data, overwrite=True, on_epoch=ended)
    # Of this program alone: ru_maxrss has that of the process that began it, and mapped the rows.
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
    print(json.dumps({"epochs": windows, "rows": len(data.train), "peak": peak}), flush=True)


if __name__ == "__main__":
    child(*sys.argv[1:])
