"""Finds dense layers that work on the width of a map, where its channels are likely meant.

In channels_first the last axis of an image is its width. Who comes from Keras, or forgot to
flatten, does not mean that; who writes `data_format` knows what the axes are.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.layers.shapes import show
from nnspec.network.graph import Graph, LayerAt, LayerNode, inline

_HINT = (
    "for a vector of each image put `flatten` or `global_average_pooling2d` before it; to mix the "
    "channels use a conv2d of kernel_size 1, or data_format: channels_last"
)


def dense_on_maps(graph: Graph, *, is_written: bool = False) -> Iterator[Problem]:
    """Yield an error for each, or advice where the spec writes its data_format."""
    if graph.data_format != "channels_first" or not any(map(_is_candidate, graph.walk())):
        return
    flat = inline(graph)
    origins: dict[str, str] = {}
    """By a value that is a map: the layer that made it one."""
    marks = set()
    for node in flat.nodes:
        assert isinstance(node, LayerNode)
        origin = next((origins[value] for value in node.inputs if value in origins), None)
        if node.layer.placement == "spatial" and node.layer.type[-2:] in ("2d", "3d"):
            origin = node.name
        elif origin is not None and node.layer.type == "dense":
            if node.mark not in marks:
                marks.add(node.mark)
                yield _problem(flat, node, origin, is_written=is_written)
            continue
        elif node.layer.placement != "pointwise":
            continue
        if origin is not None:
            for value in node.outputs:
                if flat.types[value].rank >= 3:
                    origins[value] = origin


def _is_candidate(at: LayerAt) -> bool:
    return at.node.layer.type == "dense" and at.graph.types[at.node.inputs[0]].rank >= 3


def _problem(graph: Graph, node: LayerNode, origin: str, *, is_written: bool) -> Problem:
    shape = graph.types[node.inputs[0]].shape
    hint = _HINT if is_written else f"{_HINT}; if you mean the width, data_format: channels_first"
    return Problem(
        "dense-on-image",
        f'layer "{node.name}": dense works on the last axis, and that of {show(shape)}, which '
        f'"{origin}" makes, is the width',
        hint,
        node.mark,
        "advice" if is_written else "error",
    )
