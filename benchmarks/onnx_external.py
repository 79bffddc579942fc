"""ONNX export with the tensors in a file of their own: against writing the same bytes plainly.

Time: from the checked spec and weights in memory to files on the disk, ours and the plain one both
flushed to it. Memory: the whole process of `nnspec export --external-data`, at its peak, by the
size of the weights; that of a small network, where Python and its packages are all there is, is
taken off for networks that are not much larger.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Figure, interleaved, quartiles, ratio
from benchmarks.weights import trained_weights
from nnspec.backend import get_backend
from nnspec.network.loader import Spec, load
from nnspec.weights.canonical import save_weights

if TYPE_CHECKING:
    from nnspec.backend import Weights

ROUNDS = 7
PROCESSES = 3
SMALL = "specs/digits_cnn.yaml"
TARGET = 1.5
SPECS = ("specs/zoo/resnet18.yaml", "benchmarks/specs/bilstm.yaml", "specs/zoo/gpt2.yaml")
MEBIBYTE = 2**20
STARTER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Starts a process and prints its peak. It is small itself: what starts a process counts in it."""


def run() -> list[Figure]:
    """Return for each spec a figure of the time and one of the memory."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        least = min(_peak(SMALL, _saved(load(SMALL), folder)[1], folder) for _ in range(PROCESSES))
        for path in SPECS:
            spec = load(path)
            weights, file = _saved(spec, folder)
            figures.append(_time(path, spec, weights, folder))
            figures.append(_memory(path, file, folder, least))
    return figures


def _saved(spec: Spec, folder: Path) -> tuple[Weights, Path]:
    weights = trained_weights(spec.graph)
    return weights, save_weights(folder / f"{spec.name}.safetensors", weights)


def _time(path: str, spec: Spec, weights: Weights, folder: Path) -> Figure:
    onnx: Any = get_backend("onnx")
    files = onnx.compile(spec).write_files(folder / "direct.onnx", weights, external_data=True)
    content = [file.read_bytes() for file in files.files]

    def direct() -> None:
        onnx.compile(spec).write(folder / "direct.onnx", weights, external_data=True)

    def plain() -> None:
        for i, part in enumerate(content):
            with (folder / f"plain{i}").open("wb") as file:
                file.write(part)
                file.flush()
                os.fsync(file.fileno())

    def new() -> None:
        """Take away what is there, on the disk too: to delete a large file takes time."""
        for path in (*files.files, *(folder / f"plain{i}" for i in range(len(content)))):
            path.unlink(missing_ok=True)
        os.sync()

    times = interleaved({"direct": direct, "plain": plain}, rounds=ROUNDS, before=new)
    label = f"{Path(path).stem}: external data"
    return ratio(label, times["direct"], times["plain"], TARGET, "the same bytes")


def _memory(path: str, weights: Path, folder: Path, least: int) -> Figure:
    size = weights.stat().st_size
    is_large = size > 2 * least
    base = 0 if is_large else least
    peaks = [_peak(path, weights, folder) for _ in range(PROCESSES)]
    low, value, high = quartiles([(peak - base) / size for peak in peaks])
    ours = f"{max(peaks) / MEBIBYTE:.0f} MiB" + (f" - {base / MEBIBYTE:.0f} MiB" if base else "")
    peer = f"{size / MEBIBYTE:.0f} MiB of weights"
    return Figure(f"{Path(path).stem}: peak memory", ours, peer, value, low, high, TARGET)


def _peak(path: str, weights: Path, folder: Path) -> int:
    """Return the largest resident size, in bytes, of a process that exports."""
    command = [sys.executable, "-m", "nnspec", "export", path, "--external-data", "--json"]
    command += ["--weights", str(weights), "-o", str(folder / "process.onnx")]
    starter = [sys.executable, "-S", "-c", STARTER, *command]
    return int(subprocess.run(starter, check=True, capture_output=True).stdout) * 1024
