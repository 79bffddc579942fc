"""A walk that gives each layer what is known of its inputs, through the blocks of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from nnspec.network.graph import BlockNode, Graph, LayerNode

V = TypeVar("V")


class Flow(ABC, Generic[V]):
    """Gives each value of a network what its layer makes of what is known of the inputs.

    unknown: of what nothing is known. most: uses of layers that are looked at; more come of blocks
    that are repeated very often, and of what they give nothing is known.
    """

    def __init__(self, unknown: V, most: int) -> None:
        self.unknown = unknown
        self.left = most

    @abstractmethod
    def layer(self, body: Graph, node: LayerNode, taken: list[V]) -> V:
        """Return what is known of the outputs of a layer by what is known of its inputs."""

    def body(self, body: Graph, given: list[V]) -> list[V]:
        """Return what is known of the outputs of a body by what is known of its inputs."""
        known = dict(zip(body.inputs, given, strict=False))
        for node in body.nodes:
            self.left -= 1
            if self.left < 0:
                break
            taken = [known.get(value, self.unknown) for value in node.inputs]
            if isinstance(node, BlockNode):
                for inner in node.bodies:
                    some = self.body(inner, taken)
                    taken = [*some, *taken[len(some) :]]
                known |= zip(node.outputs, taken, strict=False)
            else:
                known |= dict.fromkeys(node.outputs, self.layer(body, node, taken))
        return [known.get(value, self.unknown) for value in body.outputs]
