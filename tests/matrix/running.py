"""Trains a case by `nnspec train` and by its script, and says how far apart they end."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.network.loader import Spec
from nnspec.training.lengths import with_rows_read
from nnspec.weights.canonical import initial_weights, load_weights, save_weights
from tests.matrix.networks import Document, spec_of
from tests.matrix.own_noise import drawn_by_framework

FRAMEWORKS = ("torch", "keras")
SUFFIX = {"torch": "safetensors", "keras": "keras"}
TOLERANCE = 1e-5
"""Of float32, relative to the largest weight of a tensor, 1 at least."""
MEASURED = 2e-5
"""The same of what is measured."""


class Result(NamedTuple):
    """How far apart weights and measures end, and where; problem: what broke, if something did."""

    error: float
    where: str
    problem: str = ""


class Process:
    """A process that runs scripts and cannot import nnspec."""

    def __init__(self, *, is_eager: bool = False) -> None:
        """Eager: whether Keras compiles no graphs, which is faster for few small steps."""
        program = Path(__file__).parent / "alone.py"
        environment = {
            **{name: os.environ[name] for name in os.environ if name != "PYTHONPATH"},
            "OMP_NUM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONSAFEPATH": "1",
        }
        self._eager = is_eager
        self._process = subprocess.Popen(
            [sys.executable, str(program)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Run a script; return what it printed, and how it failed, if it did."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job | {"eager": job.get("eager", False) and self._eager}))
        process.stdin.write("\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            return {"printed": "", "problem": f"the process died: {process.wait()}"}
        return dict(json.loads(line))

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)


@contextmanager
def _eagerly(backend: str, process: Process) -> Iterator[None]:
    if backend != "keras" or not process._eager:
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def compared(found: Document, backend: str, folder: Path, process: Process) -> Result:
    """Train a case in both ways, from the same first weights."""
    spec = with_rows_read(spec_of(found, folder))
    compiled = get_backend(backend).compile(spec, Options(training=True))
    script = compiled.write(folder / "script.py")
    output = folder / f"out.{SUFFIX[backend]}"
    job: dict[str, Any] = {
        "script": str(script),
        "output": str(output),
        "rows": str(folder / spec.model.data.source),  # type: ignore[union-attr]
        "eager": backend == "keras",
    }
    weights = initial_weights(spec.graph, 1)
    if backend == "keras":
        first = folder / "first.weights.h5"
        get_backend(backend).compile(spec).build(weights).model.save_weights(first)
        job["stored"] = str(folder / "stored.npz")
    else:
        first = save_weights(folder / "first.safetensors", weights)
    job["arguments"] = ["--weights", str(first), "--output", str(output)]
    answer = process.run(job)
    if answer["problem"]:
        return Result(float("inf"), "", answer["problem"])
    with _eagerly(backend, process), drawn_by_framework(spec, backend):
        run = nnspec.train(spec, backend, folder / "run")
    if backend == "torch":
        ignored = "num_batches_tracked"  # a count of PyTorch's own, which no result depends on
        stored = load_weights(output)
        theirs = {name: stored[name] for name in stored if not name.endswith(ignored)}
    else:
        with np.load(folder / "stored.npz") as arrays_of:
            arrays = [arrays_of[name] for name in sorted(arrays_of.files)]
        program = get_backend(backend).compile(spec).build()
        program.model.set_weights(arrays)
        theirs = program.weights()
    error, where = furthest(dict(load_weights(run.best)), theirs)
    problem = _measured_apart(spec, folder / "run" / "run.json", answer["printed"])
    return Result(error, where, problem)


def furthest(ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[float, str]:
    """Return how far apart weights are, relative to the largest of a tensor, and of which."""
    if ours.keys() != theirs.keys():
        return float("inf"), f"names differ: {sorted(ours.keys() ^ theirs.keys())}"
    worst, where = 0.0, ""
    for name, array in ours.items():
        size = max(1.0, float(np.abs(array).max(initial=0)))
        off = float(np.abs(array - theirs[name]).max(initial=0)) / size
        if not off <= worst:
            worst, where = off, name
    return worst, where


def _printed(text: str) -> dict[str, dict[str, Any]]:
    """Return what a script has printed of each part of the rows, or of each epoch."""
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        part, _, values = line.partition(" ")
        if values[:1] == "{":
            found.setdefault(part, {}).update(ast.literal_eval(values))
    return found


def _measured_apart(spec: Spec, path: Path, text: str) -> str:
    """Return what a script measures otherwise than `nnspec train`, or nothing at all."""
    record = json.loads(path.read_text())
    best, test = record["best"], record["test"] or {}
    held = {name.removeprefix("val_"): best[name] for name in best if name.startswith("val_")}
    printed = _printed(text)
    parts = {"test": test, "validation": held, str(best["epoch"]): held or best, "train": {}}
    if not held:
        parts["train"] = {name: best[name] for name in best if name != "loss"}
    compared = set()
    for part, wanted in parts.items():
        for name, value in wanted.items():
            if not isinstance(value, float) or name not in printed.get(part, {}):
                continue
            compared.add(name)
            given = printed[part][name]
            if not abs(given - value) <= MEASURED * max(1.0, abs(value)):
                return f"{part}: {name} is {given}, and {value} for nnspec train"
    left = {name for name, value in (held or test).items() if isinstance(value, float)} - compared
    return f"never printed: {sorted(left)}; printed are {printed}" if left else ""
