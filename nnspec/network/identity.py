"""The hash of what a network is, and of what it computes at inference."""

from __future__ import annotations

import hashlib

from nnspec.layers.fields import Frozen
from nnspec.network.graph import Graph


def hash_of(graph: Graph, *, inference: bool = False) -> str:
    """Return the hash of what a network is, or of what it computes at inference."""
    return hashlib.sha256(canonical_text(graph, inference=inference).encode()).hexdigest()


def canonical_text(graph: Graph, *, inference: bool = False) -> str:
    """Return a text that two graphs share if and only if they are the same network.

    inference: or if they differ in nothing but what matters in training alone.
    """
    lines = [f"{graph.name} {graph.data_format}"]
    lines += [f"in {name} {type_.shape} {type_.dtype}" for name, type_ in graph.inputs.items()]
    records: dict[int, str] = {}

    def text(value: object) -> str:
        if not isinstance(value, Frozen):
            return repr(value)
        # Most layers hold one and the same initializer.
        if id(value) not in records:
            records[id(value)] = repr(value)
        return records[id(value)]

    shown: dict[int, str] = {}
    """The settings of each layer; the bodies of equal blocks hold the same layers."""
    for at in graph.walk():
        layer = at.node.layer
        settings = shown.get(id(layer))
        if settings is None:
            fields = layer.inference_settings() if inference else layer.settings()
            settings = shown[id(layer)] = ", ".join(f"{key}={text(value)}" for key, value in fields)
        uses = at.owner or at.tied
        owner = f" of {uses}" if uses is not None else ""
        frozen = "" if inference or not at.node.frozen else f" frozen={at.node.frozen}"
        lines.append(f"{at.path} {layer.type}({settings}){owner} <- {at.node.inputs}{frozen}")
    lines.append(f"out {graph.outputs}")
    return "\n".join(lines)
