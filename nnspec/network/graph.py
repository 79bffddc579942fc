"""The resolved network: typed, hierarchical, in the order of computation.

A block that the spec names stays a node with a body of its own; the bodies of equal uses are one
object, so that a network of a thousand equal blocks is as small as one.
"""

import dataclasses
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from nnspec.errors import Mark
from nnspec.layers.base import Activation, Layer, Parameter
from nnspec.layers.shapes import DataFormat, Shape, TensorType


class LayerNode(NamedTuple):
    """One layer, the values it takes and the values it gives.

    owner: the node, of the same graph, that it calls again: it has no weights of its own.
    tied: the node, of the same graph, whose weight it uses in an operation of its own: its owner
    too where it calls that with settings of its own.
    general: where one object serves calls at several sizes, what it takes, such sizes named.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    mark: Mark | None = None
    owner: str | None = None
    tied: str | None = None
    general: tuple[TensorType, ...] = ()
    frozen: tuple[str, ...] = ()
    """Parameters that training leaves alone, where it moves others of the layer."""

    @property
    def is_varied(self) -> bool:
        """Whether it calls its owner with settings of its own, such as other strides."""
        return self.owner is not None and self.tied == self.owner


class BlockNode(NamedTuple):
    """One use of a block; with `repeat`, one body per repetition, each fed by the one before.

    owner: the node, of the same graph, that it calls again: its weights. general: where one object
    serves calls at several sizes, the bodies for any of them, such sizes named.
    """

    name: str
    block: str
    bodies: tuple["Graph", ...]
    is_repeated: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    mark: Mark | None = None
    owner: str | None = None
    general: tuple["Graph", ...] = ()

    def paths(self, prefix: str, name: str | None = None) -> Iterator[tuple["Graph", str]]:
        """Yield each body with what the paths of its layers begin with."""
        path = f"{prefix}{name or self.name}."
        for i, body in enumerate(self.bodies):
            yield body, f"{path}{i}." if self.is_repeated else path


Node = LayerNode | BlockNode


def rows_apart(node: Node, apart: Container[str]) -> tuple[str, ...]:
    """Return what a node gives in other rows than the batch, where these values have others."""
    kind = node.layer.type if isinstance(node, LayerNode) else None
    if kind == "merge_rows":
        return node.outputs
    return node.outputs if kind != "part_rows" and any(v in apart for v in node.inputs) else ()


@dataclass(eq=False, repr=False, match_args=False, slots=True)  # a frozen class takes twice as long
class Graph:
    """A network or the body of a block; nothing of it is changed once it is made.

    `types` gives the type of every value by name: the inputs, and each node's outputs. `nodes`
    stand in an order in which each follows what it needs. `arguments` are the variables that the
    use of a block sets.
    """

    name: str
    data_format: DataFormat
    inputs: dict[str, TensorType]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    types: dict[str, TensorType]
    variables: dict[str, Any] = dataclasses.field(default_factory=dict)
    description: str = ""
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)

    def shapes(self, values: tuple[str, ...]) -> tuple[Shape, ...]:
        """Return the shapes of these values."""
        return tuple(self.types[value].shape for value in values)

    @property
    def is_random(self) -> bool:
        """Whether a layer draws anything in training."""
        return any(at.node.layer.is_random for at in self.walk())

    def bodies(self) -> Iterator["Graph"]:
        """Yield the network and each body of its blocks once: far fewer than their uses."""
        found = {self}
        left = [self]
        while left:
            body = left.pop()
            yield body
            for node in body.nodes:
                if not isinstance(node, LayerNode):
                    new = set(node.bodies) - found
                    found |= new
                    left += new

    def walk(
        self,
        prefix: str = "",
        home: str | None = None,
        steps: tuple[Shape, ...] = (),
    ) -> Iterator["LayerAt"]:
        """Yield every layer with its path, blocks opened, in the order of computation.

        Paths begin with `prefix`, and those of the layers that own the weights with `home`. steps:
        of each input, the axes that are among its rows.
        """
        home = prefix if home is None else home
        along = {name: axes for name, axes in zip(self.inputs, steps, strict=False) if axes}
        for node in self.nodes:
            own: Shape = ()
            if along or (isinstance(node, LayerNode) and node.layer.type == "merge_rows"):
                own = self._steps(node, along)
            if isinstance(node, LayerNode):
                yield LayerAt(f"{prefix}{node.name}", node, self, home, own)
                continue
            given = (own,) * len(node.inputs) if own else ()
            if node.owner is None and home == prefix:
                for body, inner in node.paths(prefix):
                    yield from body.walk(inner, inner, given)
                continue
            owners = node.paths(home, node.owner)
            for (body, inner), (_, owner) in zip(node.paths(prefix), owners, strict=True):
                yield from body.walk(inner, owner, given)

    def _steps(self, node: Node, along: dict[str, Shape]) -> Shape:
        """Return the axes that are among the rows of what a node takes; note those it gives."""
        own = next((along[value] for value in node.inputs if value in along), ())
        made = own
        if isinstance(node, LayerNode):
            made = LayerAt(node.name, node, self, "", own).steps_given
        along.update(dict.fromkeys(node.outputs, made) if made else {})
        return own

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter with its canonical name, `path.parameter`."""
        known: dict[tuple[int, tuple[Shape, ...], tuple[str, ...]], tuple[Parameter, ...]] = {}
        """Those of each layer for what it takes; equal layers are one object."""
        for at in self.walk():
            key = (id(at.node.layer), at.input_shapes, at.node.frozen)
            own = known.get(key)
            if own is None:
                own = known[key] = at.all_parameters()
            if at.home == at.path:
                for parameter in own:
                    yield f"{at.path}.{parameter.name}", parameter


class LayerAt(NamedTuple):
    """A layer, where it stands, and the graph that holds it.

    prefix: what the paths of the weights in this graph begin with: another's if the block that it
    is the body of is shared. steps: the axes that are among its rows, as time_distributed makes
    them: it works on so many rows for each of the network's.
    """

    path: str
    node: LayerNode
    graph: Graph
    prefix: str
    steps: Shape = ()

    @property
    def steps_given(self) -> Shape:
        """The axes that are among the rows of what the layer gives."""
        if self.node.layer.type == "merge_rows":
            return (*self.steps, self.input_shapes[0][0])
        return self.steps[:-1] if self.node.layer.type == "part_rows" else self.steps

    @property
    def home(self) -> str:
        """Path of the layer that it computes as: its own, unless it is that one called again."""
        return f"{self.prefix}{self.node.owner or self.node.name}"

    @property
    def owner(self) -> str | None:
        """Path of the layer whose weights it has instead of its own."""
        return self.home if self.home != self.path and self.all_parameters() else None

    @property
    def tied(self) -> str | None:
        """Path of the layer whose weight it uses in an operation of its own."""
        return f"{self.prefix}{self.node.tied}" if self.node.tied is not None else None

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
        return self.all_parameters() if self.home == self.path else ()

    def all_parameters(self) -> tuple[Parameter, ...]:
        """Parameters that the layer computes with, another's if it is shared."""
        layer = self.node.layer
        parameters = layer.parameters(self.input_shapes, self.graph.data_format)
        if layer.__dict__.get("trainable", True):
            frozen = self.node.frozen
            if not frozen:
                return parameters
            return tuple(each._replace(is_frozen=each.name in frozen) for each in parameters)
        return tuple(each._replace(is_frozen=True) for each in parameters)


class Head(NamedTuple):
    """The activation that a network ends in: a layer of its own, or fused into the last layer."""

    node: LayerNode
    activation: Activation
    is_fused: bool


def inline(graph: Graph) -> Graph:
    """Return the same network with every block opened; nodes and values are named by their path."""
    nodes: list[Node] = []
    types = dict(graph.inputs)

    def place(
        body: Graph, prefix: str, home: str, outer: dict[str, str], general: Graph | None = None
    ) -> dict[str, str]:
        names = dict(outer)
        for node in body.nodes:
            inputs = tuple(names[value] for value in node.inputs)
            if isinstance(node, LayerNode):
                outputs = tuple(f"{prefix}{value}" for value in node.outputs)
                at = LayerAt(f"{prefix}{node.name}", node, body, home)
                taken = node.general
                if general is not None:
                    taken = tuple(general.types[value] for value in node.inputs)
                nodes.append(
                    LayerNode(
                        at.path,
                        node.layer,
                        inputs,
                        outputs,
                        node.mark,
                        at.owner,
                        at.tied,
                        taken,
                        node.frozen,
                    )
                )
                for value, output in zip(node.outputs, outputs, strict=True):
                    types[output] = body.types[value]
                    names[value] = output
                continue
            owners = node.paths(home, node.owner)
            whole: tuple[Graph | None, ...] = node.general or (None,) * len(node.bodies)
            if general is not None:
                (same,) = (each for each in general.nodes if each.name == node.name)
                assert isinstance(same, BlockNode)
                whole = same.general or same.bodies
            for (inner, path), (_, owner), each in zip(
                node.paths(prefix), owners, whole, strict=True
            ):
                given_to = dict(zip(inner.inputs, inputs, strict=True))
                placed = place(inner, path, owner, given_to, each)
                given = tuple(placed[value] for value in inner.outputs)
                inputs = (*given, *inputs[len(given) :])
            names.update(zip(node.outputs, given, strict=True))
        return names

    names = place(graph, "", "", {value: value for value in graph.inputs})
    outputs = tuple(names[value] for value in graph.outputs)
    return dataclasses.replace(graph, nodes=tuple(nodes), outputs=outputs, types=types)
