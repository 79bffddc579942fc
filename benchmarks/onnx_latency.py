"""How fast onnxruntime runs our ONNX file, and those that frameworks export of the same network."""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import torch

from benchmarks.measure import Action, Figure, Times, interleaved, ratio
from benchmarks.weights import trained_weights
from nnspec.backend import get_backend
from nnspec.exporting import EXPORTERS, Via, export
from nnspec.loader import Spec, load
from nnspec.verification.samples import random_inputs

if TYPE_CHECKING:
    from nnspec.backend import Array

TARGET = 1.0
SESSIONS = 4
"""Where the memory of a session happens to lie can cost a few percent: each file gets several."""
LEGACY = "torch's TorchScript exporter"
AGAIN = "itself"
"""Our file a second time: how far from 1 a ratio is when there is nothing to measure."""


@dataclass(frozen=True)
class Run:
    """A spec, how often it runs, and the sizes of its dynamic axes.

    exporters: whose files are compared; Keras's takes 18 GB and four minutes for GPT-2.
    """

    path: str
    rounds: int
    axes: Mapping[str, int]
    exporters: tuple[Via, ...] = EXPORTERS


RUNS = (
    Run("specs/digits_cnn.yaml", 101, {}),
    Run("specs/zoo/resnet18.yaml", 15, {}),
    Run("benchmarks/specs/bilstm.yaml", 15, {}),
    Run("specs/zoo/gpt2.yaml", 9, {"time": 128}, ("direct", "torch")),
)


def run() -> list[Figure]:
    """Return a figure for each spec and number of threads, against the best of the peers."""
    figures: list[Figure] = []
    for each in RUNS:
        spec = load(each.path)
        feeds = {
            name: array.astype("float32") if array.dtype.kind == "f" else array
            for name, array in random_inputs(spec.graph, 1, each.axes, 0).items()
        }
        with tempfile.TemporaryDirectory() as folder:
            files = _exported(spec, each.exporters, Path(folder))
            for threads in (1, 0):
                figures += _compare(Path(each.path).stem, files, feeds, threads, each.rounds)
    return figures


def _exported(spec: Spec, exporters: tuple[Via, ...], folder: Path) -> dict[str, Path]:
    weights = trained_weights(spec.graph)
    files: dict[str, Path] = {}
    for via in exporters:
        files[via] = folder / f"{spec.name}_{via}.onnx"
        export(spec, files[via], weights=weights, via=via)
    files[LEGACY] = folder / f"{spec.name}_legacy.onnx"
    _export_legacy(spec, weights, files[LEGACY])
    files[AGAIN] = files["direct"]
    return files


def _export_legacy(spec: Spec, weights: Any, path: Path) -> None:
    program: Any = get_backend("torch").compile(spec).build(weights)
    names = {axis for kind in spec.graph.inputs.values() for axis in kind.shape}
    axes = {name: 5 for name in names if isinstance(name, str)}
    examples = random_inputs(spec.graph, 2, axes, 0)
    dynamic = {
        name: {i: size for i, size in enumerate(("batch", *kind.shape)) if isinstance(size, str)}
        for name, kind in spec.graph.inputs.items()
    }
    tensors = [
        torch.from_numpy(array).to(torch.float32 if array.dtype.kind == "f" else torch.int64)
        for array in examples.values()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            program.model.eval(),
            tuple(tensors),
            path,
            dynamo=False,
            input_names=list(spec.graph.inputs),
            dynamic_axes=dynamic,
        )


def _compare(
    name: str, files: dict[str, Path], feeds: dict[str, Array], threads: int, rounds: int
) -> list[Figure]:
    times = Times()
    for _ in range(SESSIONS):
        runs: dict[str, Action] = {
            via: _session(path, feeds, threads) for via, path in files.items()
        }
        outputs = [run()[0] for run in runs.values()]
        for output in outputs[1:]:
            np.testing.assert_allclose(
                output, outputs[0], rtol=1e-3, atol=1e-3 * np.abs(output).max()
            )
        if threads == 1:
            times.add(interleaved(runs, rounds=rounds, at_least=0.003, clock=time.process_time))
        else:
            # Threads spin while they wait: as busy to the processor's clock, and in the way of
            # the session whose turn comes next.
            times.add(interleaved(runs, rounds=rounds, at_least=0.01))
    peers = [via for via in files if via not in ("direct", AGAIN)]
    best = min(peers, key=lambda via: statistics.median(times[via]))
    label = f"{name}: {'1 thread' if threads else 'default threads'}"
    again = ratio(label, times["direct"], times[AGAIN], None, AGAIN)
    return [ratio(label, times["direct"], times[best], TARGET, best), again]


def _session(path: Path, feeds: dict[str, Array], threads: int) -> Action:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    # Keras names inputs in its own way, and keeps their order.
    given = dict(zip(names, feeds.values(), strict=True))
    return lambda: session.run(None, given)
