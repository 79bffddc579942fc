"""ONNX export: straight from the spec, against torch.onnx.export on the emitted PyTorch module.

Both start from the checked spec and weights in memory; both end with a file on the disk.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, interleaved, ratio
from benchmarks.weights import trained_weights
from nnspec.backend import get_backend
from nnspec.network.loader import load

OPSET = 21
ROUNDS = {
    "specs/digits_cnn.yaml": (5, 1 / 20),
    "specs/zoo/resnet18.yaml": (5, 1 / 20),
    "benchmarks/specs/bilstm.yaml": (3, 1 / 5),
    "specs/zoo/gpt2.yaml": (3, 1 / 5),
}
"""How often each spec is exported, and the target of its ratio."""


def run() -> list[Figure]:
    """Return one figure for each spec."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            _compare(Path(spec), Path(folder), rounds, target)
            for spec, (rounds, target) in ROUNDS.items()
        ]


def _compare(path: Path, folder: Path, rounds: int, target: float) -> Figure:
    spec = load(path)
    weights = trained_weights(spec.graph)
    onnx: Any = get_backend("onnx")
    program: Any = get_backend("torch").compile(spec).build(weights)

    def direct() -> None:
        onnx.compile(spec).write(folder / "direct.onnx", weights)

    def dynamo() -> None:
        program.export_onnx(folder / "dynamo.onnx", OPSET)

    # What dynamo leaves for the system to write would have to be written before our file is.
    times = interleaved({"direct": direct, "dynamo": dynamo}, rounds=rounds, before=os.sync)
    return ratio(f"{path.stem}: export", times["direct"], times["dynamo"], target, "dynamo")
