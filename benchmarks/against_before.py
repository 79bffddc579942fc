"""This checkout against another, as an older commit: `python -m benchmarks.against_before PATH`.

Whole commands, each in processes of its own, run alternately. Printed are the ratios of wall time,
of processor time (the children's too) and of the largest process's memory: ours by the other's. The
other checkout needs a `.venv` of its own. Close to nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.onnx_external import MEBIBYTE
from nnspec.exporting import export
from nnspec.loader import loads
from nnspec.preprocessing import KEY, Feature, Preprocessing
from nnspec.weights import initial_weights, save_weights

ROOT = Path(__file__).parents[1]
ROUNDS = 5
LAYERS = 8000
ROWS = 2_000_000
COLUMNS = 10
STARTER = """
import os, resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(status)
"""
"""Starts a command and prints its processor time and peak memory; it is small itself."""
LOOP = """
import sys
import numpy as np, onnxruntime, polars as pl
model, rows, out = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
table = pl.read_csv(rows)
numbers = table.to_numpy().astype(np.float32)
scores = [session.run(None, {"x": numbers[i : i + 1024]})[0] for i in range(0, len(numbers), 1024)]
scores = np.concatenate(scores)
columns = {f"p_{i}": scores[:, i] for i in range(scores.shape[1])}
pl.DataFrame({"y": scores.argmax(axis=1), **columns}).write_csv(out)
"""
"""What `predict` is measured against: what one would write with polars and onnxruntime alone."""
TABLE = """
nnspec: 1
name: Table
inputs: {x: {shape: [10]}}
layers:
  - {type: dense, units: 32, activation: relu}
  - {name: p, type: dense, units: 3, activation: softmax}
"""


class Used(NamedTuple):
    """What a command used: seconds by the wall's clock, seconds of processors, bytes."""

    wall: float
    processor: float
    memory: float


def main() -> None:
    """Print the ratios."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / ".venv/bin/nnspec").exists():
        sys.exit("usage: python -m benchmarks.against_before CHECKOUT (one with a .venv)")
    other = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, arguments in _commands(folder).items():
            ours = [str(ROOT / ".venv/bin/nnspec"), *arguments]
            theirs = [str(other / ".venv/bin/nnspec"), *arguments]
            _print(label, "before", _measured(ours, theirs))
        model, rows = _table(folder)
        given = [model, "--data", rows, "-o", str(folder / "ours.csv")]
        ours = [str(ROOT / ".venv/bin/nnspec"), "predict", *given]
        loop = [sys.executable, "-c", LOOP, model, rows, str(folder / "loop.csv")]
        _print(f"predict {ROWS:,} rows", "a bare loop", _measured(ours, loop))


def _commands(folder: Path) -> dict[str, list[str]]:
    long = {
        "nnspec": 1,
        "name": "Long",
        "inputs": {"x": {"shape": [64]}},
        "layers": [{"type": "dense", "units": 64}, {"type": "relu"}] * (LAYERS // 2),
    }
    (folder / "long.json").write_text(json.dumps(long))
    gpt2 = [str(ROOT / "specs/zoo/gpt2.yaml"), "--external-data", "-o", str(folder / "gpt2.onnx")]
    return {
        "verify digits_cnn": ["verify", str(ROOT / "specs/digits_cnn.yaml")],
        "export gpt2": ["export", *gpt2],
        f"summary of {LAYERS:,} layers": ["summary", str(folder / "long.json")],
        "check digits_cnn": ["check", str(ROOT / "specs/digits_cnn.yaml")],
    }


def _table(folder: Path) -> tuple[str, str]:
    """Return the paths of a model of raw rows, and of the rows."""
    spec = loads(TABLE)
    columns = tuple(f"f{i}" for i in range(COLUMNS))
    feature = Feature(
        columns=columns, shape=(COLUMNS,), dtype="float32", mean=(0,) * 10, scale=(1,) * 10
    )
    record = Preprocessing(inputs={"x": feature}, task="multiclass", target="y")
    weights = initial_weights(spec.graph, 0)
    path = save_weights(folder / "w.safetensors", weights, {KEY: record.to_json()})
    export(spec, folder / "table.onnx", weights=path)
    numbers = np.random.default_rng(0).standard_normal((ROWS, COLUMNS)).round(6)
    pl.DataFrame(dict(zip(columns, numbers.T, strict=True))).write_csv(folder / "rows.csv")
    return str(folder / "table.onnx"), str(folder / "rows.csv")


def _measured(ours: list[str], theirs: list[str]) -> dict[str, list[Used]]:
    """Return what both used, round by round in random order, after one that is not counted."""
    commands = {"ours": ours, "theirs": theirs}
    found: dict[str, list[Used]] = defaultdict(list)
    order = list(commands)
    for number in range(ROUNDS + 1):
        random.shuffle(order)
        for name in order:
            used = _used(commands[name])
            if number:
                found[name].append(used)
    return found


def _used(command: list[str]) -> Used:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-S", "-c", STARTER, *command], capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    processor, kibibytes = done.stdout.split()
    return Used(wall, float(processor), 1024 * float(kibibytes))


def _print(label: str, peer: str, found: dict[str, list[Used]]) -> None:
    ratios, medians = [], []
    for i in range(len(Used._fields)):
        pairs = zip(found["ours"], found["theirs"], strict=True)
        ratios.append(statistics.median(ours[i] / theirs[i] for ours, theirs in pairs))
        medians.append(statistics.median(used[i] for used in found["ours"]))
    print(
        f"{label}, by {peer}: wall {ratios[0]:.2f}, processor {ratios[1]:.2f}, memory "
        f"{ratios[2]:.2f} (ours: {medians[0]:.2f} s, {medians[1]:.2f} s, "
        f"{medians[2] / MEBIBYTE:.0f} MiB)",
        flush=True,
    )


if __name__ == "__main__":
    main()
