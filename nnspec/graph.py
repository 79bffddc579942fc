"""The resolved network: typed, hierarchical, in the order of computation.

A block that the spec names stays a node with a body of its own; the bodies of equal uses are one
object, so that a network of a thousand equal blocks is as small as one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from nnspec.errors import Mark
from nnspec.layers.base import Activation, Layer, Parameter
from nnspec.shapes import DataFormat, Shape, TensorType


@dataclass(frozen=True, slots=True)
class LayerNode:
    """One layer, the values it takes and the values it gives.

    owner: the node, of the same graph, whose weights it uses.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    mark: Mark | None = None
    owner: str | None = None

    @property
    def is_shared(self) -> bool:
        """Whether it is its owner called again, and so has no weights of its own."""
        return self.owner is not None and not self.layer.is_tied


@dataclass(frozen=True, slots=True)
class BlockNode:
    """One use of a block; with `repeat`, one body per repetition, each fed by the one before."""

    name: str
    block: str
    bodies: tuple[Graph, ...]
    is_repeated: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    mark: Mark | None = None


Node = LayerNode | BlockNode


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """A network or the body of a block.

    `types` gives the type of every value by name: the inputs, and each node's outputs. `nodes`
    stand in an order in which each follows what it needs.
    """

    name: str
    data_format: DataFormat
    inputs: dict[str, TensorType]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    types: dict[str, TensorType]
    variables: dict[str, Any] = dataclasses.field(default_factory=dict)
    description: str = ""

    def shapes(self, values: tuple[str, ...]) -> tuple[Shape, ...]:
        """Return the shapes of these values."""
        return tuple(self.types[value].shape for value in values)

    def walk(self, prefix: str = "") -> Iterator[LayerAt]:
        """Yield every layer with its path, blocks opened, in the order of computation."""
        for node in self.nodes:
            if isinstance(node, LayerNode):
                yield LayerAt(f"{prefix}{node.name}", node, self)
                continue
            for i, body in enumerate(node.bodies):
                inner = f"{prefix}{node.name}.{i}." if node.is_repeated else f"{prefix}{node.name}."
                yield from body.walk(inner)

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter with its canonical name, `path.parameter`."""
        for at in self.walk():
            for parameter in at.parameters():
                yield f"{at.path}.{parameter.name}", parameter


class LayerAt(NamedTuple):
    """A layer, where it stands, and the graph that holds it."""

    path: str
    node: LayerNode
    graph: Graph

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes of what the layer takes."""
        return self.graph.shapes(self.node.inputs)

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        """Shapes of what the layer gives."""
        return self.graph.shapes(self.node.outputs)

    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters that are the layer's own."""
        return () if self.node.is_shared else self.all_parameters()

    def all_parameters(self) -> tuple[Parameter, ...]:
        """Parameters that the layer computes with, another's if it is shared."""
        return self.node.layer.parameters(self.input_shapes, self.graph.data_format)


class Head(NamedTuple):
    """The activation that a network ends in: a layer of its own, or fused into the last layer."""

    node: LayerNode
    activation: Activation
    is_fused: bool


def inline(graph: Graph) -> Graph:
    """Return the same network with every block opened; nodes and values are named by their path."""
    nodes: list[Node] = []
    types = dict(graph.inputs)

    def place(body: Graph, prefix: str, outer: dict[str, str]) -> dict[str, str]:
        names = dict(outer)
        for node in body.nodes:
            inputs = tuple(names[value] for value in node.inputs)
            if isinstance(node, LayerNode):
                outputs = tuple(f"{prefix}{value}" for value in node.outputs)
                path = f"{prefix}{node.name}"
                owner = f"{prefix}{node.owner}" if node.owner is not None else None
                nodes.append(LayerNode(path, node.layer, inputs, outputs, node.mark, owner))
                for value, output in zip(node.outputs, outputs, strict=True):
                    types[output] = body.types[value]
                    names[value] = output
                continue
            for i, inner in enumerate(node.bodies):
                path = f"{prefix}{node.name}.{i}." if node.is_repeated else f"{prefix}{node.name}."
                placed = place(inner, path, dict(zip(inner.inputs, inputs, strict=True)))
                given = tuple(placed[value] for value in inner.outputs)
                inputs = (*given, *inputs[len(given) :])
            names.update(zip(node.outputs, given, strict=True))
        return names

    names = place(graph, "", {value: value for value in graph.inputs})
    outputs = tuple(names[value] for value in graph.outputs)
    return dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs, types=types)
