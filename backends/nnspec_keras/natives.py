"""The variables of Keras that hold a layer's parameters, by the layer alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnspec.emit.lowering import Context, NativeParameter, lower
from nnspec.network.graph import Graph, LayerNode
from nnspec_keras.lowerings import LOWERINGS


def natives_in(node: LayerNode, body: Graph) -> Sequence[NativeParameter]:
    """Return where Keras has the parameters of a layer that stands in this body."""
    types = tuple(body.types[value] for value in node.inputs)
    outputs = tuple(body.types[value] for value in node.outputs)
    context = Context(types, outputs, body.data_format)
    return lower(LOWERINGS[type(node.layer)], node.layer, context).parameters


def natives_of(graph: Graph) -> Iterator[tuple[str, Sequence[NativeParameter]]]:
    """Yield the path of each layer with its parameters; of what is shared, that of its owner."""
    for at in graph.walk():
        if at.home == at.path:
            yield at.path, natives_in(at.node, at.graph)
