"""This checkout against another, as an older commit: `python -m benchmarks.against_before PATH`.

Whole commands, each in processes of its own, run alternately. Printed are the ratios of wall time,
of processor time (the children's too) and of the largest process's memory: ours by the other's. The
other checkout needs a `.venv` of its own. Close to nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.chain import chain
from benchmarks.onnx_external import MEBIBYTE
from nnspec.data.feature import Feature
from nnspec.data.preprocessing import KEY, Preprocessing
from nnspec.deploy.exporting import export
from nnspec.network.loader import loads
from nnspec.weights.canonical import initial_weights, save_weights

ROOT = Path(__file__).parents[1]
ROUNDS = 5
NAMES = (
    "check",
    "examples",
    "summary",
    "export",
    "predict",
    "verify",
    "gpt2",
    "repeat",
    "keras",
    "onnx",
    "torch",
)
LAYERS = 8000
REPEATED = 100_000
CHAIN = 10_000
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


class Case(NamedTuple):
    """Two commands, and what ours may use of what the other does: None where it only informs."""

    name: str
    ours: list[str]
    peer: list[str]
    targets: tuple[float | None, float | None, float | None]


def main() -> None:
    """Print a table of ratios, a line as soon as it is measured."""
    parser = argparse.ArgumentParser(description="This checkout against another.")
    parser.add_argument("checkout", type=Path, help="one with a .venv of its own")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; by default all")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="that are counted, after one")
    parser.add_argument("--rows", type=int, default=ROWS, help="of `predict`")
    given = parser.parse_args()
    other = given.checkout.resolve()
    if not (other / ".venv/bin/nnspec").exists():
        parser.error(f"{other} has no .venv/bin/nnspec")
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no case {', '.join(sorted(unknown))}")
    print("| command | | ours by peer: median (least to largest) | of the least | ours | target |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names or NAMES:
            case = _case(name, Path(folder), other, given.rows)
            _print(case, *_measured(case, given.rounds))
    print(f"\nProcesses that ran or waited at the end (1, 5, 15 minutes): {os.getloadavg()}")


def _case(name: str, folder: Path, other: Path, count: int) -> Case:
    program = ROOT / ".venv/bin/nnspec"
    if name == "predict":
        model, rows = _table(folder, count)
        ours = [str(program), "predict", model, "--data", rows, "-o", str(folder / "ours.csv")]
        loop = [sys.executable, "-c", LOOP, model, rows, str(folder / "loop.csv")]
        return Case(f"predict {count:,} rows, by a bare loop", ours, loop, (1.3, None, None))
    label, arguments, targets = {
        "verify": (
            "verify digits_cnn",
            ["verify", str(ROOT / "specs/digits_cnn.yaml")],
            (0.55, 0.8, None),
        ),
        "gpt2": (
            "verify gpt2 at full size, batch 2, 1 step",
            [
                "verify",
                str(ROOT / "specs/zoo/gpt2.yaml"),
                "--no-exporters",
                "--batch",
                "2",
                "--steps",
                "1",
            ],
            (0.6, None, None),
        ),
        "export": (
            "export gpt2",
            ["export", str(ROOT / "specs/zoo/gpt2.yaml"), "--external-data"],
            (0.45, None, 0.45),
        ),
        "summary": (f"summary of {LAYERS:,} layers", ["summary"], (0.2, None, None)),
        "examples": (
            "check of the other's examples",
            ["check", *_examples(other)],
            (None, 1.0, None),
        ),
        "check": (
            "check digits_cnn",
            ["check", str(ROOT / "specs/digits_cnn.yaml")],
            (None, None, None),
        ),
        "repeat": (
            f"export a repeat of {REPEATED:,} layers",
            ["export", "--via", "direct"],
            (None, 0.5, 0.5),
        ),
        **{
            to: (f"compile {CHAIN:,} layers to {to}", ["compile", "--to", to], (None, 0.7, None))
            for to in ("keras", "onnx", "torch")
        },
    }[name]
    if name == "export":
        arguments += ["-o", str(folder / "gpt2.onnx")]
    if name == "summary":
        arguments += [_long(folder)]
    if name == "repeat":
        arguments += [_repeated(folder), "-o", str(folder / "repeat.onnx")]
    if name in ("keras", "onnx", "torch"):
        suffix = "onnx" if name == "onnx" else "py"
        arguments += [_chain(folder), "-o", str(folder / f"chain.{suffix}")]
    theirs = [str(other / ".venv/bin/nnspec"), *arguments]
    return Case(f"{label}, by before", [str(program), *arguments], theirs, targets)


def _examples(other: Path) -> list[str]:
    """Return the other checkout's examples: an older one cannot read all of ours."""
    folders = (other / "specs", other / "specs/zoo")
    return [str(path) for folder in folders for path in sorted(folder.glob("*.yaml"))]


def _long(folder: Path) -> str:
    """Return the path of a spec of many layers."""
    spec = {
        "nnspec": 1,
        "name": "Long",
        "inputs": {"x": {"shape": [64]}},
        "layers": [{"type": "dense", "units": 64}, {"type": "relu"}] * (LAYERS // 2),
    }
    path = folder / "long.json"
    path.write_text(json.dumps(spec))
    return str(path)


def _repeated(folder: Path) -> str:
    """Return the path of a spec of one block, very often repeated."""
    spec = {
        "nnspec": 1,
        "name": "Deep",
        "inputs": {"x": {"shape": [8]}},
        "blocks": {"b": {"layers": [{"type": "dense", "units": 8, "activation": "relu"}]}},
        "layers": [{"type": "b", "repeat": REPEATED}],
    }
    path = folder / "repeat.json"
    path.write_text(json.dumps(spec))
    return str(path)


def _chain(folder: Path) -> str:
    """Return the path of a spec of many dense layers."""
    path = folder / "chain.yaml"
    path.write_text(chain(CHAIN))
    return str(path)


def _table(folder: Path, count: int) -> tuple[str, str]:
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
    numbers = np.random.default_rng(0).standard_normal((count, COLUMNS)).round(6)
    pl.DataFrame(dict(zip(columns, numbers.T, strict=True))).write_csv(folder / "rows.csv")
    return str(folder / "table.onnx"), str(folder / "rows.csv")


def _measured(case: Case, rounds: int) -> tuple[list[Used], list[Used]]:
    """Return what both used, round by round in random order, after one that is not counted."""
    ours: list[Used] = []
    peer: list[Used] = []
    order = [(case.ours, ours), (case.peer, peer)]
    for number in range(rounds + 1):
        random.shuffle(order)
        for command, found in order:
            used = _used(command)
            if number:
                found.append(used)
            print(f"round {number}: {' '.join(command[:2])[-40:]}: {used}", file=sys.stderr)
    return ours, peer


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


def _print(case: Case, ours: list[Used], peer: list[Used]) -> None:
    for i, (what, unit, size) in enumerate(
        (("wall", "s", 1), ("processor", "s", 1), ("memory", "MiB", MEBIBYTE))
    ):
        pairs = [(a[i], b[i]) for a, b in zip(ours, peer, strict=True)]
        ratios = sorted(a / b for a, b in pairs)
        least = min(a for a, _ in pairs) / min(b for _, b in pairs)
        median = statistics.median(a for a, _ in pairs) / size
        print(
            f"| {case.name if not i else ''} | {what} | {statistics.median(ratios):.2f} "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}) | {least:.2f} | {median:.3g} {unit} | "
            f"{case.targets[i] or ''} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
