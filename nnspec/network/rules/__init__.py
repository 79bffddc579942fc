"""Advice rules, a module for each occasion: it is imported when a network gives one.

Each has `advise(model, graph, bodies)`, which yields problems of severity `advice`; bodies are the
network and each body of its blocks, once.
"""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.errors import Fix, Mark, Problem
from nnspec.layers.base import Activation
from nnspec.network.graph import Graph, LayerNode, Node

DROPPING = frozenset(
    {"dropout", "alpha_dropout", "gaussian_dropout",
     "spatial_dropout1d", "spatial_dropout2d", "spatial_dropout3d"}
)  # fmt: skip
NORMALISING = frozenset(
    {"batch_normalization", "layer_normalization", "rms_normalization", "group_normalization",
     "instance_normalization", "unit_normalization", "l2_normalize"}
)  # fmt: skip
RECURRENT = frozenset({"simple_rnn", "lstm", "gru", "bidirectional"})


def advice(
    code: str, message: str, hint: str, mark: Mark | None, fix: Fix | None = None
) -> Problem:
    """Return a problem that is no mistake."""
    return Problem(code, message, hint, mark, "advice", fix=fix)


def makers(body: Graph) -> Mapping[str, Node]:
    """Return the node that gives each value of a body."""
    return {output: node for node in body.nodes for output in node.outputs}


def uses(body: Graph, value: str) -> int:
    """Return how often a value is taken, or given as an output."""
    return sum(each.inputs.count(value) for each in body.nodes) + body.outputs.count(value)


def activation_of(node: LayerNode) -> str:
    """Return the type of the activation that a layer ends in or is, or an empty string."""
    if node.layer.type in RECURRENT:
        return ""
    activation = node.layer.output_activation
    if activation is not None:
        return activation.type
    return node.layer.type if isinstance(node.layer, Activation) else ""


def has_kernel(node: LayerNode) -> bool:
    """Whether a layer is a dense one, a convolution or their like."""
    return "kernel_initializer" in node.layer.__dict__ and node.layer.type not in RECURRENT
