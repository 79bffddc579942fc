"""Freezing in the function of a network: layers that are not trainable."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.emit.code import quoted, wrap
from nnspec.network.freezing import frozen_paths
from nnspec.network.graph import BlockNode, Graph


def frozen_lines(graph: Graph, model: str, layer: str) -> list[str]:
    """Return the lines after the model is made; a frozen batch normalisation keeps statistics.

    A block that is called more than once is a model within the model.
    """
    owners = {node.owner for node in graph.nodes}
    models = {n.name for n in graph.nodes if isinstance(n, BlockNode) and n.name in owners}
    lines: list[str] = []
    prefixes: list[str] = []
    for path, is_block in frozen_paths(graph):
        name = ".".join(map(str, path))
        first = str(path[0])
        if first in models and len(path) > 1:
            inner = f"{model}.get_layer({quoted(first)})"
            if is_block:
                lines += _loop(inner, layer, [f"{name}."])
            else:
                lines += wrap(f"{inner}.get_layer({quoted(name)}).trainable = False", 4)
        elif is_block and first not in models:
            prefixes.append(f"{name}.")
        else:
            lines += wrap(f"{model}.get_layer({quoted(name)}).trainable = False", 4)
    return [*lines, *(_loop(model, layer, prefixes) if prefixes else [])]


def _loop(model: str, layer: str, prefixes: Sequence[str]) -> list[str]:
    starts = ", ".join(map(quoted, prefixes))
    starts = f"({starts})" if len(prefixes) > 1 else starts
    return [
        f"    for {layer} in {model}.layers:",
        *wrap(f"if {layer}.name.startswith({starts}):", 8),
        f"            {layer}.trainable = False",
    ]
