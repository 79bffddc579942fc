"""Kernels of float32 that are right to so much of 1, and not of the number that they give."""

from __future__ import annotations

from nnspec.layers.recurrent import GRU, LSTM, Bidirectional, SimpleRNN
from nnspec.network.graph import Graph

COARSE = 2.0**-21
"""Absolute: ONNX Runtime 1.32's sigmoid is off by up to 1.4e-7, and 0 below -18 or so, and its tanh
by 3e-7. A recurrent layer adds several such errors up."""
BENT = {"sigmoid", "silu", "glu", "swiglu", "tanh", "log_sigmoid"}
"""Layers and activations that such a kernel computes."""


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
