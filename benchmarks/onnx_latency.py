"""How fast onnxruntime runs our ONNX file, and those that frameworks export of the same network."""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from benchmarks.measure import Action, Figure, Times, interleaved, ratio
from benchmarks.weights import trained_weights
from nnspec.backend import get_backend
from nnspec.exporting import EXPORTERS, export
from nnspec.loader import Spec, load

TARGET = 1.02
ROUNDS = {"specs/digits_cnn.yaml": 101, "benchmarks/specs/resnet18.yaml": 15}
SESSIONS = 4
"""Where the memory of a session happens to lie can cost a few percent: each file gets several."""
LEGACY = "torch's TorchScript exporter"
AGAIN = "itself"
"""Our file a second time: how far from 1 a ratio is when there is nothing to measure."""


def run() -> list[Figure]:
    """Return a figure for each spec and number of threads, against the best of the peers."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for path, rounds in ROUNDS.items():
            spec = load(path)
            files = _exported(spec, Path(folder))
            image = np.random.default_rng(0).normal(size=_shape(spec)).astype("float32")
            for threads in (1, 0):
                figures += _compare(Path(path).stem, files, image, threads, rounds)
    return figures


def _shape(spec: Spec) -> tuple[Any, ...]:
    return (1, *next(iter(spec.graph.inputs.values())).shape)


def _exported(spec: Spec, folder: Path) -> dict[str, Path]:
    weights = trained_weights(spec.graph)
    files: dict[str, Path] = {}
    for via in EXPORTERS:
        files[via] = folder / f"{spec.name}_{via}.onnx"
        export(spec, files[via], weights=weights, via=via)
    program: Any = get_backend("torch").compile(spec).build(weights)
    files[LEGACY] = folder / f"{spec.name}_legacy.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            program.model.eval(),
            (torch.zeros(2, *_shape(spec)[1:]),),
            files[LEGACY],
            dynamo=False,
            input_names=["image"],
            dynamic_axes={"image": {0: "batch"}},
        )
    files[AGAIN] = files["direct"]
    return files


def _compare(
    name: str, files: dict[str, Path], image: Any, threads: int, rounds: int
) -> list[Figure]:
    times = Times()
    for _ in range(SESSIONS):
        runs: dict[str, Action] = {
            via: _session(path, image, threads) for via, path in files.items()
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
    return [
        ratio(label, times["direct"], times[best], TARGET, best),
        ratio(label, times["direct"], times[AGAIN], None, AGAIN),
    ]


def _session(path: Path, image: Any, threads: int) -> Action:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {session.get_inputs()[0].name: image}
    return lambda: session.run(None, feeds)
