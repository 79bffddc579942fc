"""The hidden matrices of a network, which some optimizers treat as such."""

from __future__ import annotations

from collections.abc import Container

from nnspec.layers.registry import FAMILIES
from nnspec.layers.shapes import Shape
from nnspec.layers.weighted import LENGTH, split
from nnspec.network.graph import Graph, LayerNode, inline

_OTHERS = frozenset(
    kind
    for family in ("batch_normalization", "normalization", "embedding")
    for kind in FAMILIES[family]
) | {"prelu"}
"""Layers whose parameters of two axes are no matrices that a vector is multiplied by."""


def hidden_matrices(graph: Graph) -> frozenset[str]:
    """Return the names of the weights of two axes but embeddings and the last before an output."""
    weights: dict[str, list[tuple[str, Shape]]] = {}
    for at in graph.walk():
        if at.node.layer.type not in _OTHERS:
            for parameter in at.parameters():
                is_weight = "bias" not in parameter.name and split(parameter.name)[1] != LENGTH
                if len(parameter.shape) > 1 and is_weight:
                    name = f"{at.path}.{parameter.name}"
                    weights.setdefault(at.path, []).append((name, parameter.shape))
    last = _last(graph, weights.keys())
    return frozenset(
        name
        for layer, some in weights.items()
        if layer not in last
        for name, shape in some
        if len(shape) == 2
    )


def _last(graph: Graph, weighted: Container[str]) -> set[str]:
    """Return the layers with weights after which, on a way to an output, come no others."""
    opened = inline(graph)
    makers = {value: node for node in opened.nodes for value in node.outputs}
    found, seen = set(), set()
    left = list(opened.outputs)
    while left:
        value = left.pop()
        node = makers.get(value)
        if node is None or value in seen:
            continue
        seen.add(value)
        assert isinstance(node, LayerNode)
        home = node.owner or node.tied or node.name
        if home in weighted:
            found.add(home)
        else:
            left += node.inputs
    return found
