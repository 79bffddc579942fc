"""How fast onnxruntime runs our ONNX file, and those that frameworks export of the same network."""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
import statistics
import tempfile
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime

from benchmarks.measure import ORDERS, Action, Figure, Times, interleaved, ratio
from benchmarks.weights import trained_weights
from nnspec.backend import get_backend
from nnspec.deploy.exporting import EXPORTERS, Via, export
from nnspec.network.loader import Spec, load
from nnspec.verification.samples import random_inputs

if TYPE_CHECKING:
    from nnspec.backend import Array

TARGET = 1.0
SESSIONS = 8
"""Where the memory of a session happens to lie can cost a few percent: each file gets several, made
in another order each time."""
LEGACY = "torch's TorchScript exporter"
AGAIN = "itself"
"""Our file a second time: how far from 1 a ratio is when there is nothing to measure."""
REST = 0.1
"""Seconds. A session's threads spin for a while after it has run, in the way of the next one's."""


@dataclass(frozen=True)
class Run:
    """A spec, how often it runs, the sizes of its dynamic axes, and whose files are compared."""

    path: str
    rounds: int
    axes: Mapping[str, int]
    exporters: tuple[Via, ...] = EXPORTERS


GPT2 = "specs/zoo/gpt2.yaml"
RUNS = (
    Run("specs/digits_cnn.yaml", 32, {}),
    Run("specs/zoo/resnet18.yaml", 32, {}),
    Run("benchmarks/specs/bilstm.yaml", 32, {}),
    Run(GPT2, 8, {"time": 128}, ("direct", "torch")),
)


def run() -> list[Figure]:
    """Return a figure for each spec and number of threads, against the best of the peers."""
    return [figure for each in RUNS for figure in compare(each)]


def compare(each: Run) -> list[Figure]:
    """Return the figures of one spec."""
    feeds = {
        name: array.astype("float32") if array.dtype.kind == "f" else array
        for name, array in random_inputs(load(each.path).graph, 1, each.axes, 0).items()
    }
    with tempfile.TemporaryDirectory() as name:
        files = _exported(each, Path(name))
        return [
            figure
            for threads in (1, 0)
            for figure in _compare(Path(each.path).stem, files, feeds, threads, each.rounds)
        ]


def _exported(each: Run, folder: Path) -> dict[str, Path]:
    files = {via: folder / f"{via}.onnx" for via in (*each.exporters, LEGACY)}
    spawn = multiprocessing.get_context("spawn")
    # Each in a process of its own, which gives back what a framework takes: Keras 21 GB for GPT-2.
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
        for via, path in files.items():
            pool.submit(_export, each.path, via, path).result()
    return files | {AGAIN: files["direct"]}


def _export(spec_path: str, via: Any, path: Path) -> None:
    spec = load(spec_path)
    weights = trained_weights(spec.graph)
    if via == LEGACY:
        _export_legacy(spec, weights, path)
    else:
        export(spec, path, weights=weights, via=via)


def _export_legacy(spec: Spec, weights: Any, path: Path) -> None:
    import torch

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
    # Some sessions say which peer is the best, the others by how much: of several that are equally
    # fast, the one that was lucky would else look faster than it is.
    chosen, times = Times(), Times()
    order = list(files)
    for i in range(SESSIONS):
        half = chosen if i % 2 else times
        ORDERS.shuffle(order)
        runs: dict[str, Action] = {via: _session(files[via], feeds, threads) for via in order}
        outputs = [run()[0] for run in runs.values()]
        for output in outputs[1:]:
            np.testing.assert_allclose(
                output, outputs[0], rtol=1e-3, atol=1e-3 * np.abs(output).max()
            )
        if threads == 1:
            half.add(interleaved(runs, rounds=rounds, at_least=0.003, clock=time.process_time))
        else:
            # To the processor's clock, threads that spin while they wait are as busy as others.
            half.add(interleaved(runs, rounds=rounds // 2, at_least=0.01, rest=REST))
    peers = [via for via in files if via not in ("direct", AGAIN)]
    best = min(peers, key=lambda via: statistics.median(chosen[via]))
    label = f"{name}: {'1 thread' if threads else 'default threads'}"
    note = (
        f"{best}, the same kernels" if _kernels(files[best]) == _kernels(files["direct"]) else best
    )
    return [
        ratio(label, times["direct"], times[best], TARGET, note),
        ratio(label, times["direct"], times[AGAIN], None, AGAIN),
    ]


def _session(path: Path, feeds: dict[str, Array], threads: int) -> Action:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    # Keras names inputs in its own way, and keeps their order.
    given = dict(zip(names, feeds.values(), strict=True))
    return lambda: session.run(None, given)


@functools.cache
def _kernels(path: Path) -> list[str]:
    """Return what onnxruntime computes the outputs with: its operators, and shapes of tensors.

    Attributes are left out: some exporters write defaults, others do not, and files whose
    outputs are the same have the same.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(Path(folder) / "optimized.onnx")
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        graph = onnx.load(options.optimized_model_filepath).graph
    texts = {value.name: f"input {i}" for i, value in enumerate(graph.input)} | {"": ""}
    for tensor in graph.initializer:
        texts[tensor.name] = f"{tensor.data_type} {tensor.dims}"
    for node in graph.node:
        content = (node.domain, node.op_type, [texts[name] for name in node.input])
        text = hashlib.sha256(repr(content).encode()).hexdigest()
        texts.update({name: f"{text} {i}" for i, name in enumerate(node.output)})
    return [texts[value.name] for value in graph.output]
