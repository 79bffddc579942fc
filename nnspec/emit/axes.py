"""Names of a value's axes, by the layers that take and give it."""

from __future__ import annotations

from functools import cache

from nnspec import layers
from nnspec.layers.base import Layer
from nnspec.layers.shapes import DataFormat
from nnspec.network.graph import BlockNode, Graph, LayerNode

Names = tuple[str | None, ...]
_SPATIAL = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@cache
def _sequences() -> tuple[type[Layer], ...]:
    from nnspec.layers.recurrent import Recurrent

    return (
        layers.Bidirectional,
        layers.GroupedQueryAttention,
        layers.MultiHeadAttention,
        layers.PositionEmbedding,
        Recurrent,
        layers.RotaryPosition,
        layers.SinusoidalPosition,
    )


@cache
def _features() -> tuple[type[Layer], ...]:
    return (layers.Dense, layers.Embedding, layers.LayerNormalization, layers.RmsNormalization)


def axis_names(graph: Graph, known: dict[int, dict[str, Names]] | None = None) -> dict[str, Names]:
    """Return the names of the axes of each value, None where no layer tells.

    known: those of the graphs that have been looked at, by their identity.
    """
    known = {} if known is None else known
    if id(graph) in known:
        return known[id(graph)]
    names: dict[str, Names] = {}

    def learn(value: str, found: Names) -> None:
        # A block may give another number of axes at each repetition.
        rank = graph.types[value].rank
        if len(found) == rank:
            before = names.get(value, (None,) * rank)
            names[value] = tuple(a or b for a, b in zip(before, found, strict=True))

    # Twice: a value may be told by a layer that comes after those that only keep its axes.
    for _ in range(2):
        for node in (*graph.nodes, *reversed(graph.nodes)):
            if isinstance(node, BlockNode):
                inner = axis_names(node.bodies[0], known)
                pairs = (
                    *zip(node.inputs, node.bodies[0].inputs, strict=True),
                    *zip(node.outputs, node.bodies[0].outputs, strict=False),
                )
                for value, within in pairs:
                    learn(value, inner.get(within, ()))
                continue
            for value in (*node.inputs[:1], *node.outputs[:1]):
                rank = graph.types[value].rank
                learn(value, _told(node.layer, rank, graph.data_format))
            if node.layer.placement == "pointwise" or _keeps_axes(node, graph):
                same = [value for value in (*node.inputs, *node.outputs) if value in names]
                for value in (*node.inputs, *node.outputs):
                    for other in same:
                        if graph.types[value].rank == graph.types[other].rank:
                            learn(value, names[other])
    known[id(graph)] = names
    return names


def _told(layer: Layer, rank: int, data_format: DataFormat) -> Names:
    if layer.placement == "spatial" and rank - 1 in _SPATIAL:
        spatial = _SPATIAL[rank - 1]
        first = data_format == "channels_first"
        return ("channels", *spatial) if first else (*spatial, "channels")
    if isinstance(layer, _sequences()) and rank >= 2:
        return (*(None,) * (rank - 2), "time", "features")
    if isinstance(layer, _features()) and rank >= 1:
        return (*(None,) * (rank - 1), "features")
    return (None,) * rank if rank != 1 else ("features",)


def _keeps_axes(node: LayerNode, graph: Graph) -> bool:
    """Whether a layer that is not pointwise gives the axes that it takes, as a dropout does."""
    shapes = {graph.types[value].shape for value in (*node.inputs, *node.outputs)}
    return len(shapes) == 1 and len(node.inputs) == 1
