"""Random layers in training: the same numbers for every source, and what cannot be given them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from nnspec import layers
from nnspec.backend import Backend, Can, TakesNoise
from nnspec.layers import Layer
from nnspec.network.graph import BlockNode, Graph, Node
from nnspec.support.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.verification.state import State

GIVEN: frozenset[type[Layer]] = frozenset(
    {
        layers.AlphaDropout,
        layers.Bidirectional,
        layers.Dropout,
        layers.GRU,
        layers.GaussianDropout,
        layers.GaussianNoise,
        layers.GroupedQueryAttention,
        layers.LSTM,
        layers.MultiHeadAttention,
        layers.Sampling,
        layers.SimpleRNN,
        layers.SpatialDropout1D,
        layers.SpatialDropout2D,
        layers.SpatialDropout3D,
    }
)
"""Layers that draw the same numbers in every backend that can be given them."""


def with_noise(graph: Graph, backends: Iterable[Backend]) -> Graph:
    """Return the network without the randomness that these backends cannot be given alike."""
    if all(Can.NOISE in backend.can for backend in backends):
        return _converted(graph, lambda layer, is_shared: is_shared or type(layer) not in GIVEN)
    return without_noise(graph)


def without_noise(graph: Graph) -> Graph:
    """Return the network with nothing random in training; what runs there runs all the same."""
    return _converted(graph, lambda layer, is_shared: True)


def silenced(graph: Graph, trained: Graph) -> list[tuple[str, Layer]]:
    """Return the layers that are random in a network and not in what is trained for it."""
    return [
        (at.path, at.node.layer)
        for at, other in zip(graph.walk(), trained.walk(), strict=False)
        if at.node.layer.is_random and not other.node.layer.is_random
    ]


def noise_seed(state: State, step: int) -> int:
    """Return the seed of what random layers draw in one step."""
    return derived_seed("verify noise", state.settings.seed, step)


def feed(program: object, seed: int) -> None:
    """Give a program the numbers of its random layers, if it takes any."""
    if isinstance(program, TakesNoise):
        program.take_noise(seed)


def _converted(graph: Graph, is_silent: Callable[[Layer, bool], bool]) -> Graph:
    """Return the network without randomness where this says so, of a layer and if it is shared.

    What is called twice may be called in either order, so that its draws have none.
    """
    done: dict[tuple[int, bool], Graph] = {}

    def convert(body: Graph, *, is_shared: bool) -> Graph:
        key = (id(body), is_shared)
        if key not in done:
            owners = {node.owner for node in body.nodes}
            nodes = tuple(
                one(node, is_shared=is_shared or node.owner is not None or node.name in owners)
                for node in body.nodes
            )
            done[key] = dataclasses.replace(body, nodes=nodes)
        return done[key]

    def one(node: Node, *, is_shared: bool) -> Node:
        if isinstance(node, BlockNode):
            return node._replace(
                bodies=tuple(convert(body, is_shared=is_shared) for body in node.bodies),
                general=tuple(convert(body, is_shared=is_shared) for body in node.general),
            )
        layer = node.layer
        if layer.is_random and is_silent(layer, is_shared):
            return node._replace(layer=layer.without_randomness())
        return node

    return convert(graph, is_shared=False)
