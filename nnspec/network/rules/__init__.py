"""Advice rules, a module for each occasion: it is imported when a network gives one.

Each has `advise(case)`, which yields problems of severity `advice`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, NamedTuple

from nnspec.errors import Fix, Mark, Problem
from nnspec.layers.base import Activation
from nnspec.network.graph import BlockNode, Graph, LayerNode, Node, inline

if TYPE_CHECKING:
    from nnspec.language.optimizers import Optimizer
    from nnspec.language.schema import Model

MOST_USES = 5_000
"""Uses of layers that a network may have to be looked at with its blocks opened."""


class Steps(NamedTuple):
    """The settings of a training: of a network alone, or of one of two that play.

    loss: of the one that judges, where that takes scores without a bound. has_term: whether squares
    of parameters are a part of the loss.
    """

    optimizer: Optimizer
    clip: object
    batch_size: int
    loss: str = ""
    has_term: bool = False


class Case(NamedTuple):
    """A network that rules look at.

    bodies: the network with its blocks opened; of very many uses of layers, the network and each
    body of its blocks, once. steps: None where it is not trained.
    """

    model: Model
    graph: Graph
    bodies: tuple[Graph, ...]
    steps: Steps | None


def opened(graph: Graph) -> tuple[Graph, ...]:
    """Return the network with its blocks opened, or where that is too much all bodies, once."""
    if all(isinstance(node, LayerNode) for node in graph.nodes):
        return (graph,)
    return (inline(graph),) if _uses(graph, {}) <= MOST_USES else tuple(graph.bodies())


def _uses(body: Graph, known: dict[Graph, int]) -> int:
    if body not in known:
        known[body] = sum(
            sum(_uses(inner, known) for inner in node.bodies) if isinstance(node, BlockNode) else 1
            for node in body.nodes
        )
    return known[body]


DROPPING = frozenset(
    {"dropout", "alpha_dropout", "gaussian_dropout",
     "spatial_dropout1d", "spatial_dropout2d", "spatial_dropout3d"}
)  # fmt: skip
NORMALISING = frozenset(
    {"batch_normalization", "layer_normalization", "rms_normalization", "group_normalization",
     "instance_normalization", "unit_normalization", "l2_normalize"}
)  # fmt: skip
RECURRENT = frozenset({"simple_rnn", "lstm", "gru", "bidirectional"})
MOVING = frozenset({"linear", "flatten", "reshape", "permute", "squeeze", "expand_dims"})
"""Layers that give the numbers that they take, in places of their own."""


def advice(
    code: str, message: str, hint: str, mark: Mark | None, fix: Fix | None = None
) -> Problem:
    """Return a problem that is no mistake."""
    return Problem(code, message, hint, mark, "advice", fix=fix)


def makers(body: Graph) -> Mapping[str, Node]:
    """Return the node that gives each value of a body."""
    return {output: node for node in body.nodes for output in node.outputs}


def passes(node: LayerNode) -> bool:
    """Whether a layer gives just the numbers that it takes: dropout of nothing does too."""
    layer = node.layer
    return layer.type in MOVING or (layer.type in DROPPING and not layer.is_random)


def source(known: Mapping[str, Node], value: str, through: Container[str] = ()) -> Node | None:
    """Return the layer that computes a value, those left out that only move numbers.

    through: types of others that are left out.
    """
    node = known.get(value)
    while isinstance(node, LayerNode) and (passes(node) or node.layer.type in through):
        node = known.get(node.inputs[0])
    return node


def keeps_last(body: Graph, node: LayerNode) -> bool:
    """Whether a layer that moves numbers leaves those along the last axis together."""
    (taken,), (given,) = body.shapes(node.inputs[:1]), body.shapes(node.outputs)
    return node.layer.type != "permute" and taken[-1:] == given[-1:]


def owners(body: Graph) -> Counter[str]:
    """Return how often the weights of each layer are used by others."""
    nodes = [node for node in body.nodes if isinstance(node, LayerNode)]
    return Counter(name for node in nodes for name in {node.owner, node.tied} if name is not None)


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
