"""A network with its blocks opened, that gives the value of every layer."""

from __future__ import annotations

import dataclasses

from nnspec.network.graph import Graph, LayerNode, inline
from nnspec.network.loader import Spec


def as_spec(spec: Spec, graph: Graph, *, is_trained: bool) -> Spec:
    """Return the spec with another graph; untrained, it computes outputs and nothing else."""
    update = {} if is_trained else {"training": None, "data": None}
    return Spec(spec.model.model_copy(update=update), graph, spec.path)


def flat(path: str) -> str:
    """Return a layer's path as one identifier."""
    return path.replace(".", "__")


def all_values(graph: Graph) -> Graph:
    """Return the network with its blocks opened, giving the value of every layer."""
    opened = inline(graph)
    nodes = tuple(
        LayerNode(
            flat(node.name),
            node.layer,
            tuple(map(flat, node.inputs)),
            tuple(map(flat, node.outputs)),
            node.mark,
            flat(node.owner) if node.owner is not None else None,
            flat(node.tied) if node.tied is not None else None,
            node.general,
            node.frozen,
        )
        for node in opened.nodes
        if isinstance(node, LayerNode)
    )
    return dataclasses.replace(
        opened,
        nodes=nodes,
        types={flat(value): kind for value, kind in opened.types.items()},
        outputs=tuple(value for node in nodes for value in node.outputs),
    )
