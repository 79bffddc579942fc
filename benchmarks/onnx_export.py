"""ONNX export: straight from the spec, against torch.onnx.export on the emitted PyTorch module.

Both start from the checked spec and weights in memory; both end with a file on the disk.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, interleaved, ratio
from benchmarks.weights import trained_weights
from nnspec.backend import get_backend
from nnspec.loader import load

TARGET = 1 / 20
OPSET = 21
ROUNDS = 5
SPECS = ("specs/digits_cnn.yaml", "benchmarks/specs/resnet18.yaml")


def run() -> list[Figure]:
    """Return one figure for each spec."""
    with tempfile.TemporaryDirectory() as folder:
        return [_compare(Path(spec), Path(folder)) for spec in SPECS]


def _compare(path: Path, folder: Path) -> Figure:
    spec = load(path)
    weights = trained_weights(spec.graph)
    onnx: Any = get_backend("onnx")
    program: Any = get_backend("torch").compile(spec).build(weights)

    def direct() -> None:
        onnx.compile(spec).write(folder / "direct.onnx", weights)

    def dynamo() -> None:
        program.export_onnx(folder / "dynamo.onnx", OPSET)

    times = interleaved({"direct": direct, "dynamo": dynamo}, rounds=ROUNDS)
    return ratio(f"{path.stem}: export", times["direct"], times["dynamo"], TARGET, "dynamo")
