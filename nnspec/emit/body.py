"""Lowers a graph to steps: one for each layer, activation, transpose or use of a block.

Image-like tensors travel between spatial layers in the layout that the framework's kernels want;
they are transposed only where such a region begins or ends.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from nnspec.emit.lowering import Context, Language, Lowered
from nnspec.layers.base import Activation
from nnspec.layers.shapes import DataFormat, Shape, TensorType
from nnspec.network.graph import BlockNode, Graph, Head, LayerNode

DECLARED, NATIVE = False, True


@dataclass(slots=True, eq=False)
class Step:
    """One line of a forward pass: an expression over values, or the use of a block."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    lowered: Lowered | None = None
    node: LayerNode | BlockNode | None = None
    bodies: tuple[Body, ...] = ()
    shape: Shape | None = None
    """Of the first output as it lies in memory, batch not counted; None where it didn't change."""
    is_activation: bool = False
    is_helper: bool = False
    """Whether it only prepares the input of the next step, or transposes."""


@dataclass(slots=True, eq=False)
class Body:
    """A lowered network or block. A value that was transposed has a name of its own."""

    graph: Graph
    steps: list[Step]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layouts: dict[str, bool] = field(default_factory=dict)

    @property
    def signature(self) -> tuple[bool, ...]:
        """The layouts of what it takes and gives."""
        return tuple(self.layouts[value] for value in (*self.inputs, *self.outputs))


class Lowerer:
    """Lowers a graph and the blocks in it, each block once for each layout of its inputs."""

    def __init__(self, language: Language, head: Head | None, *, keep_borders: bool) -> None:
        self.language = language
        self.head = head
        self.keep_borders = keep_borders
        self.bodies: dict[tuple[int, tuple[bool, ...], bool], Body] = {}

    def network(self, graph: Graph) -> Body:
        """Return the lowered network."""
        layouts = tuple(
            not self.keep_borders and self.has_layout(kind, graph) for kind in graph.inputs.values()
        )
        return self.body(graph, layouts, is_network=True)

    def has_layout(self, kind: TensorType, graph: Graph) -> bool:
        """Whether the tensor is image-like, so that the two layouts differ."""
        return kind.rank >= 2 and self.language.native_format != graph.data_format

    def body(
        self,
        graph: Graph,
        layouts: tuple[bool, ...],
        *,
        is_network: bool = False,
        pads_apart: bool = False,
    ) -> Body:
        """Return the lowered body for inputs in these layouts.

        pads_apart: whether its own layers, not those of blocks in it, pad in steps of their own.
        """
        key = (id(graph), layouts, pads_apart)
        if key not in self.bodies:
            lowerer = _BodyLowerer(
                self, graph, layouts, is_network=is_network, pads_apart=pads_apart
            )
            self.bodies[key] = lowerer.run()
        return self.bodies[key]


def physical(shape: Shape, data_format: DataFormat) -> Shape:
    """Return the declared shape with the channels at the other end."""
    if data_format == "channels_first":
        return (*shape[1:], shape[0])
    return (shape[-1], *shape[:-1])


class _BodyLowerer:
    def __init__(
        self,
        lowerer: Lowerer,
        graph: Graph,
        layouts: tuple[bool, ...],
        *,
        is_network: bool,
        pads_apart: bool,
    ) -> None:
        self.pads_apart = pads_apart
        self.lowerer = lowerer
        self.language = lowerer.language
        self.graph = graph
        self.is_network = is_network
        self.is_foreign = self.language.native_format != graph.data_format
        self.owners = {node.owner for node in graph.nodes}
        self.tied = {node.tied for node in graph.nodes if isinstance(node, LayerNode)}
        self.wanted: dict[str, tuple[bool, ...]] = {}
        """By the use of a block: the layouts that it takes."""
        self.steps: list[Step] = []
        self.layouts: dict[str, bool] = dict(zip(graph.inputs, layouts, strict=True))
        self.converted: dict[str, str] = {}
        self.given: set[str] = set()
        """Values that layers without parameters made of the network's inputs; not a block's."""

    def run(self) -> Body:
        graph = self.graph
        for node in graph.nodes:
            if isinstance(node, LayerNode):
                self.layer(node)
            else:
                self.block(node)
            if self.is_network and self.has_no_gradient(node):
                self.given.update(node.outputs)
        outputs = list(graph.outputs)
        if self.is_network:
            outputs = [
                self.as_layout(value, not self.lowerer.keep_borders and self.is_image(value))
                for value in outputs
            ]
        return Body(graph, self.steps, tuple(graph.inputs), tuple(outputs), self.layouts)

    def has_no_gradient(self, node: LayerNode | BlockNode) -> bool:
        """Whether no parameter goes into what the node gives."""
        if not all(value in self.given or value in self.graph.inputs for value in node.inputs):
            return False
        if isinstance(node, BlockNode):
            return not any(any(body.parameters()) for body in node.bodies)
        types = self.graph.types
        shapes = tuple(types[value].shape for value in node.inputs)
        return not node.layer.parameters(shapes, self.graph.data_format)

    def is_image(self, value: str) -> bool:
        return self.is_foreign and self.graph.types[value].rank >= 2

    def layer(self, node: LayerNode) -> None:
        layer = node.layer
        inputs = node.inputs
        native = DECLARED
        if self.is_foreign:
            native = self.placed(node)
            inputs = tuple(
                self.as_layout(value, native) if self.is_image(value) else value for value in inputs
            )
        types = self.graph.types
        kinds_in = tuple([types[value] for value in node.inputs])
        kinds_out = tuple([types[value] for value in node.outputs])
        is_tied = node.name in self.tied
        is_given = node.inputs[0] in self.given
        context = Context(
            kinds_in,
            kinds_out,
            self.graph.data_format,
            native,
            is_tied,
            is_given,
            self.pads_apart,
            is_one=len(set(node.inputs)) == 1,
        )
        lowered = self.language.lowerings[type(layer)](layer, context)
        if self.language.laws is not None and lowered.module is not None and node.owner is None:
            laws = self.language.laws(layer, context, lowered.module)
            lowered = dataclasses.replace(lowered, laws=laws)
        activation = layer.output_activation
        outputs = node.outputs
        if lowered.before is not None:
            prepared = f"{outputs[0]}@prepared"
            self.steps.append(Step(inputs[:1], (prepared,), lowered.before, is_helper=True))
            inputs = (prepared, *inputs[1:])
        step = Step(inputs, outputs, lowered, node)
        if activation is not None and activation.type != "linear":
            native = self.activated(step, activation, kinds_out, native)
        else:
            self.steps.append(step)
        for value in node.outputs:
            self.layouts[value] = native and self.is_image(value)
        if kinds_out[0].shape[1:] != kinds_in[0].shape[1:] and len(kinds_out[0].shape) >= 3:
            step.shape = self.shape_of(node.outputs[0])

    def activated(
        self, step: Step, layer: Activation, kinds: tuple[TensorType, ...], native: bool
    ) -> bool:
        """Add the step and its activation: in one call where the framework has that.

        Returns the layout of the result.
        """
        node = step.node
        assert isinstance(node, LayerNode)
        assert step.lowered is not None
        is_head = self.is_head(node)
        if step.lowered.module is not None and not is_head and not self.is_sharing(node):
            fused = self.language.fuse(step.lowered.module, layer)
            if fused is not None:
                step.lowered = dataclasses.replace(step.lowered, module=fused)
                self.steps.append(step)
                return native
        linear = f"{step.outputs[0]}@linear"
        outputs = step.outputs
        step.outputs = (linear,)
        self.steps.append(step)
        if is_head and native and self.lowerer.keep_borders and self.is_image(outputs[0]):
            # The loss takes what enters the head, so that must lie as the spec declares.
            self.layouts[linear] = native
            linear, native = self.transposed(linear, kinds[0].rank, DECLARED), DECLARED
        context = Context(kinds, kinds, self.graph.data_format, native)
        lowered = self.language.lowerings[type(layer)](layer, context)
        self.steps.append(Step((linear,), outputs, lowered, node, is_activation=True))
        return native

    def is_head(self, node: LayerNode) -> bool:
        """Whether the layer is the softmax or sigmoid that the loss leaves out."""
        head = self.lowerer.head
        return self.is_network and head is not None and head.node is node

    def is_sharing(self, node: LayerNode) -> bool:
        """Whether one object stands for several layers, so that it must suit all of them."""
        return node.owner is not None or node.name in self.owners

    def placed(self, node: LayerNode) -> bool:
        """Whether the layer gets its image-like inputs in the framework's layout."""
        images = [value for value in node.inputs if self.is_image(value)]
        if not images or node.layer.placement == "positional":
            return DECLARED
        if node.layer.placement == "pointwise" and self.is_sharing(node):
            return DECLARED
        if isinstance(node.layer, Activation) and self.is_head(node) and self.lowerer.keep_borders:
            return DECLARED
        if node.layer.placement == "spatial":
            return NATIVE
        # Operands of fewer axes line up, and axes go, as the spec declares them.
        types = self.graph.types
        if len({types[value].rank for value in (*node.inputs, *node.outputs)}) > 1:
            return DECLARED
        return any(self.layouts[value] for value in images)

    def as_layout(self, value: str, wanted: bool) -> str:
        """Return the name of the value in the wanted layout, adding a transpose where needed."""
        if self.layouts[value] == wanted or not self.is_image(value):
            return value
        if value in self.converted:
            return self.converted[value]
        self.converted[value] = self.transposed(value, self.graph.types[value].rank, wanted)
        return self.converted[value]

    def transposed(self, value: str, rank: int, wanted: bool) -> str:
        """Add a transpose to the wanted layout, and return the name of what it gives."""
        name = f"{value}@{'native' if wanted else 'declared'}"
        is_first = self.graph.data_format == "channels_first"
        to_last = (*range(1, rank), 0)
        to_first = (rank - 1, *range(rank - 1))
        permutation = to_last if is_first == wanted else to_first
        self.layouts[name] = wanted
        step = Step((value,), (name,), self.language.transpose(permutation), is_helper=True)
        self.steps.append(step)
        return name

    def shape_of(self, value: str) -> Shape:
        """Return the shape as it lies in memory, batch not counted."""
        shape = self.graph.types[value].shape
        return physical(shape, self.graph.data_format) if self.layouts[value] else shape

    def block(self, node: BlockNode) -> None:
        inputs = node.inputs
        given = tuple(self.layouts[value] for value in inputs)
        if node.owner is not None:
            # One object takes the values of every call, so they lie as in the first.
            given = self.wanted[node.owner]
            inputs = tuple(map(self.as_layout, inputs, given))
        bodies, layouts = self.bodies(node, given)
        # What a block would transpose first is transposed before it, so that its uses are equal.
        wanted = tuple(
            is_native or f"{value}@native" in bodies[0].layouts
            for value, is_native in zip(bodies[0].inputs, given, strict=True)
        )
        if wanted != given:
            inputs = tuple(map(self.as_layout, node.inputs, wanted))
            bodies, layouts = self.bodies(node, wanted)
        if len({body.signature for body in bodies}) > 1:
            # A loop needs one layout throughout: the framework's own, for every image-like tensor.
            wanted = tuple(map(self.is_image, node.inputs))
            inputs = tuple(map(self.as_layout, node.inputs, wanted))
            bodies, layouts = self.bodies(node, wanted)
        self.wanted[node.name] = wanted
        self.steps.append(Step(inputs, node.outputs, None, node, bodies))
        self.layouts.update(zip(node.outputs, layouts, strict=False))

    def bodies(
        self, node: BlockNode, layouts: tuple[bool, ...]
    ) -> tuple[tuple[Body, ...], tuple[bool, ...]]:
        """Return the lowered bodies of each repetition, and the layouts of what the last gives."""
        bodies: list[Body] = []
        given: tuple[bool, ...] = ()
        for inner in node.bodies:
            body = self.lowerer.body(inner, layouts)
            bodies.append(body)
            given = tuple(body.layouts[value] for value in body.outputs)
            layouts = (*given, *layouts[len(given) :])
        return tuple(bodies), given
