"""Rows that are read from the disk while a network trains, by those that memory holds.

A Parquet table and an array of GIB each; the peer trains the same network on an eighth of the rows,
held in memory, for as many rows: half of its epochs before, and half after, since a machine is not
as fast at all times. What memory grows by is the peak of the process, by that of one with few rows.
`.venv/bin/python -m benchmarks streamed` takes 20 minutes, and 16 GB of disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.measure import Figure

GIB = 5
WIDTH = 100
PART = 2**17
"""Rows that are made at once."""
PARTS = 8
"""Times the rows of the file by those that are held."""
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
    before = _trained(home, f"held.{kind}", framework, "", PARTS // 2)
    long = _trained(home, f"long.{kind}", framework, "stream: {}")
    after = _trained(home, f"held.{kind}", framework, "", PARTS // 2)
    few = _trained(home, f"few.{kind}", framework, "stream: {}")
    held = (before["seconds"] + after["seconds"]) / 2
    time = long["seconds"] / held
    growth = (long["peak"] - few["peak"]) / 2**20
    name = f"{framework}, {gib:g} GiB of .{kind}"
    rates = [f"{1 / each:,.0f} rows/s" for each in (long["seconds"], held)]
    peaks = [f"{each['peak'] / 2**10:,.0f} MiB" for each in (long, few)]
    print(name, *rates, f"{time:.3f}", *peaks, f"{growth:.3f}", file=sys.stderr, flush=True)
    return [
        Figure(f"{name}: time of a row", rates[0], rates[1], time, time, time, TARGET),
        Figure(f"{name}: GiB of growth", peaks[0], peaks[1], growth, growth, growth, GROWTH),
    ]


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


def _trained(
    home: Path, source: str, framework: str, stream: str, epochs: int = 1
) -> dict[str, float]:
    """Return the seconds of a row, the mean of all epochs, and the peak of the process in KiB."""
    features = "x" if source.endswith("npz") else "x_*"
    spec = home / f"{source}.yaml"
    told = {"source": source, "features": features, "stream": stream, "epochs": epochs}
    text = SPEC.format(width=WIDTH, **told)
    spec.write_text(text, encoding="utf-8")
    words = [sys.executable, "-m", "benchmarks.streamed", str(spec), framework, str(home / "run")]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def child(spec: str, framework: str, folder: str) -> None:
    """Train, and print what it took."""
    import nnspec
    from nnspec.data.rows import load_data
    from nnspec.network.loader import load

    data = load_data(load(spec))
    run = nnspec.train(spec, framework, folder, data=data, overwrite=True)
    # Of this program alone: ru_maxrss has that of the process that began it, and mapped the rows.
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
    seconds = sum(epoch.seconds for epoch in run.history) / len(run.history)
    print(json.dumps({"seconds": seconds / len(data.train), "peak": peak}))


if __name__ == "__main__":
    child(*sys.argv[1:])
