"""Peak memory of the whole process `nnspec train`, by one of the same training written by hand."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Figure, quartiles
from benchmarks.onnx_external import MEBIBYTE, STARTER

EPOCHS = 3
PROCESSES = 3
TARGET = 1.1


def run() -> list[Figure]:
    """Return a figure for each framework and network."""
    return [_memory(which, name) for which in ("torch", "keras") for name in NETWORKS]


NETWORKS = ("digits_mlp", "digits_cnn")


def _memory(framework: str, name: str) -> Figure:
    by_hand = ["-m", "benchmarks.by_hand", framework, name, str(EPOCHS)]
    ours, theirs = [], []
    for _ in range(PROCESSES):
        with tempfile.TemporaryDirectory() as folder:
            train = ["-m", "nnspec", "train", f"specs/{name}.yaml", "--backend", framework]
            train += ["-o", str(Path(folder) / "run"), "--epochs", str(EPOCHS)]
            ours.append(_peak(train))
        theirs.append(_peak(by_hand))
    low, value, high = quartiles([a / b for a, b in zip(ours, theirs, strict=True)])
    shown = [f"{sorted(peaks)[len(peaks) // 2] / MEBIBYTE:.0f} MiB" for peaks in (ours, theirs)]
    return Figure(f"{framework} {name}: peak memory", *shown, value, low, high, TARGET)


def _peak(words: list[str]) -> int:
    """Return the largest resident size, in bytes, of a Python process."""
    starter = [sys.executable, "-S", "-c", STARTER, sys.executable, *words]
    done = subprocess.run(starter, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return int(done.stdout) * 1024
