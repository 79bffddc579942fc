"""Numbers that torch.onnx drops from what it exports, because they are nearly 0 or 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from nnspec import layers
from nnspec.layers import Layer
from nnspec.network.graph import Graph

# onnxscript 0.7.2, which torch.onnx optimizes with, takes x + 9e-9 and x * 1.000009 for x.
_ZERO, _ONE = 1e-8, 1e-5

_KEPT = (
    layers.BatchNormalization,
    layers.GroupNormalization,
    layers.InstanceNormalization,
    layers.L2Normalize,
    layers.LayerNormalization,
    layers.UnitNormalization,
)
"""Layers whose numbers it writes as attributes or bounds."""


def would_be_dropped(graph: Graph, parameters: Iterable[Any]) -> bool:
    """Return whether the network has a number that the exporter's optimizer would drop.

    parameters: tensors, of which one element alone may be taken for a number.
    """
    numbers = [float(each.detach()) for each in parameters if each.numel() == 1]
    for at in graph.walk():
        for layer in (at.node.layer, at.node.layer.output_activation):
            if layer is not None and not isinstance(layer, _KEPT):
                numbers.extend(_numbers_of(layer))
    return any(0 < abs(n) <= _ZERO or 0 < abs(n - 1) <= _ONE for n in numbers)


def _numbers_of(layer: Layer) -> Iterator[float]:
    waiting: list[object] = [getattr(layer, name) for name in type(layer).model_fields]
    while waiting:
        value = waiting.pop()
        if isinstance(value, float):
            yield value
        elif isinstance(value, list | tuple):
            waiting.extend(value)
