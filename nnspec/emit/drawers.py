"""The random layers of a lowered network, and how the values that they take lie in memory."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.emit.body import Body
from nnspec.layers.base import Layer
from nnspec.network.graph import BlockNode, LayerNode
from nnspec.network.layouts import NATIVE, permutation
from nnspec.support.noise import Drawer


def drawers_of(network: Body) -> dict[str, tuple[Layer, Drawer]]:
    """Return every layer that is random in training, by its path."""
    found: dict[str, tuple[Layer, Drawer]] = {}
    for path, layer, drawer in _walk(network, ""):
        found.setdefault(path, (layer, drawer))
    return found


def _walk(body: Body, prefix: str) -> Iterator[tuple[str, Layer, Drawer]]:
    for step in body.steps:
        node = step.node
        if isinstance(node, BlockNode):
            if node.owner is None:
                for inner, (_, path) in zip(step.bodies, node.paths(prefix), strict=True):
                    yield from _walk(inner, path)
        elif isinstance(node, LayerNode) and node.layer.is_random and node.owner is None:
            path = f"{prefix}{node.name}"
            if not step.is_activation:
                yield path, node.layer, Drawer(path, _axes(body, step.inputs[0].layout, node))


def _axes(body: Body, layout: object, node: LayerNode) -> tuple[int, ...] | None:
    """Return the declared axis at each place of a row, where it lies in another layout."""
    if layout is not NATIVE:
        return None
    rank = body.graph.types[node.inputs[0]].rank
    return permutation(rank, body.graph.data_format, NATIVE)
