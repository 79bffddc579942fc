"""How fast onnxruntime runs GPT-2, the file of Keras's exporter among the peers.

Apart from `onnx_latency`, because that exporter takes minutes and 21 GB of memory for it.
"""

from __future__ import annotations

from benchmarks.measure import Figure
from benchmarks.onnx_latency import GPT2, Run, compare


def run() -> list[Figure]:
    """Return a figure for each number of threads."""
    return compare(Run(GPT2, 8, {"time": 128}))
