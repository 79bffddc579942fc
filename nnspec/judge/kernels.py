"""Kernels of float32 that are right to so much of 1, and not of the number that they give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nnspec.backend.foreign import Trace
from nnspec.layers.recurrent import GRU, LSTM, Bidirectional, SimpleRNN
from nnspec.network.graph import Graph
from nnspec.verification.tolerance import largest, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array

COARSE = 2.0**-21
"""Absolute: ONNX Runtime 1.32's sigmoid is off by up to 1.4e-7, and 0 below -18 or so, and its tanh
by 3e-7. A recurrent layer adds several such errors up."""
BENT = {"sigmoid", "silu", "glu", "swiglu", "tanh", "log_sigmoid"}
"""Layers and activations that such a kernel computes."""
STEPS = BENT | {"logsigmoid", "swish", "lstm", "gru", "rnn", "rnntanh", "if", "loop", "scan"}
"""Steps of a run that do, or whose inner graphs may, in small letters and without `_`."""


def coarse(graph: Graph) -> float:
    """Return the absolute error that kernels of sigmoids, as gates are, explain, or 0."""
    for at in graph.walk():
        layer = at.node.layer
        activation = getattr(layer, "activation", None)
        if isinstance(layer, LSTM | GRU | SimpleRNN | Bidirectional):
            return COARSE
        if {layer.type, getattr(activation, "type", "")} & BENT:
            return COARSE
    return 0.0


def coarse_of(traces: Iterable[Trace]) -> float:
    """Return the same of runs of files."""
    kinds = {step.kind.replace("_", "").lower() for trace in traces for step in trace.steps}
    return COARSE if kinds & STEPS else 0.0


def least_explained(
    given: Mapping[str, Array], expected: Mapping[str, Array], off: float
) -> tuple[float, float]:
    """Return the error of the output that such an absolute error explains least, and how much.

    Both are relative to its largest number. An output near 0, of which it explains all, says
    nothing of the others.
    """
    pairs = [
        (relative_error(given, {name: array}), off / max(largest(array), COARSE))
        for name, array in expected.items()
    ]
    return max(pairs, key=lambda pair: pair[0] - pair[1], default=(0.0, 0.0))
