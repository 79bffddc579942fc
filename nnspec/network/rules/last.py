"""The layers that a network ends in, those that only move numbers left out."""

from __future__ import annotations

from nnspec.network.graph import Graph, LayerNode
from nnspec.network.heads import final_activation
from nnspec.network.rules import DROPPING, activation_of, makers, source


def last_layer(body: Graph) -> LayerNode | None:
    """Return the layer that computes the first output of an opened network."""
    node = source(makers(body), body.outputs[0])
    return node if isinstance(node, LayerNode) else None


def bend_of_logits(body: Graph) -> tuple[LayerNode | None, str]:
    """Return the layer that computes what a cross-entropy takes, and the activation it ends in.

    A last softmax or sigmoid is left out; dropout between the two changes nothing of the bend.
    """
    head = final_activation(body)
    if head is not None and head.is_fused:
        return None, ""
    value = body.outputs[0] if head is None else head.node.inputs[0]
    node = source(makers(body), value, DROPPING)
    return (node, activation_of(node)) if isinstance(node, LayerNode) else (None, "")
