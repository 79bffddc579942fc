"""Lowers a graph to steps: one for each layer, activation, transpose or use of a block.

Image-like tensors travel between spatial layers in the layout that the framework's kernels want;
they are transposed only where such a region begins or ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.emit.lowering import Context, Language, Lowered, lower
from nnspec.emit.values import Value
from nnspec.layers.base import Activation, Layer
from nnspec.layers.shapes import Shape, TensorType
from nnspec.network.graph import BlockNode, Graph, Head, LayerNode, rows_apart
from nnspec.network.layouts import (
    DECLARED,
    NATIVE,
    Layout,
    Taker,
    cheapest,
    laid_out,
    permutation,
    placement_of,
    wanted_layouts,
)


@dataclass(slots=True, eq=False)
class Step:
    """One line of a forward pass: an expression over values, or the use of a block."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    lowered: Lowered | None = None
    node: LayerNode | BlockNode | None = None
    bodies: tuple[Body, ...] = ()
    shape: Shape | None = None
    """Of the first output as it lies in memory, batch not counted; None where it didn't change."""
    is_activation: bool = False
    has_own_rows: bool = False
    """Whether its first output has other rows than the batch."""
    is_order: bool = False
    """Whether it only lets its first input wait for the others."""


@dataclass(slots=True, eq=False)
class Body:
    """A lowered network or block."""

    graph: Graph
    steps: list[Step]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    transposed: frozenset[Value] = frozenset()
    """Of its inputs, those that it brings to the framework's layout itself."""

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The layouts of what it takes."""
        return tuple(value.layout for value in self.inputs)

    @property
    def signature(self) -> tuple[Layout, ...]:
        """The layouts of what it takes and gives."""
        return tuple(value.layout for value in (*self.inputs, *self.outputs))


class Lowerer:
    """Lowers a graph and the blocks in it, each block once for each layout of its inputs."""

    def __init__(self, language: Language, heads: tuple[Head, ...], *, keep_borders: bool) -> None:
        self.language = language
        self.heads = heads
        self.keep_borders = keep_borders
        self.bodies: dict[tuple[int, tuple[Layout, ...], bool], Body] = {}
        self.needs: dict[tuple[int, Layout | None], dict[str, set[Layout]]] = {}
        """By a network or a block, and the layout of what it gives: what it needs of each value."""
        self.lowered: dict[tuple[int, bool, Context], tuple[Layer, Lowered]] = {}
        """By a layer's identity, whether it is a call of another one, and where it stands."""

    def lower(self, layer: Layer, context: Context, *, is_called: bool) -> Lowered:
        """Return the lowering of a layer, which equal layers that stand alike share.

        is_called: whether the object that it applies is made elsewhere, or has no parameters.
        """
        key = (id(layer), is_called, context)
        known = self.lowered.get(key)
        if known is None:
            lowered = lower(self.language.lowerings[type(layer)], layer, context)
            laws = self.language.laws
            if laws is not None and lowered.module is not None and not is_called:
                lowered = lowered._replace(laws=laws(layer, context, lowered.module))
            # The layer is kept, so that no other one gets its identity.
            known = self.lowered[key] = (layer, lowered)
        return known[1]

    def network(self, graph: Graph) -> Body:
        """Return the lowered network."""
        layouts = tuple(
            NATIVE if not self.keep_borders and self.has_layout(type_, graph) else DECLARED
            for type_ in graph.inputs.values()
        )
        return self.body(graph, layouts, is_network=True)

    def has_layout(self, type_: TensorType, graph: Graph) -> bool:
        """Whether the tensor is image-like, so that the two layouts differ."""
        return type_.rank >= 2 and self.language.native_format != graph.data_format

    def needed(self, graph: Graph, given: Layout | None = None) -> dict[str, set[Layout]]:
        """Return the layouts in which a network or block needs each of its values.

        given: the layout of what it gives, where that is known.
        """
        key = (id(graph), given)
        if key not in self.needs:
            outputs = dict.fromkeys(graph.outputs, given) if given is not None else {}
            takers = [self.taker(node, graph) for node in graph.nodes]
            self.needs[key] = wanted_layouts(takers, outputs, graph.types)
        return self.needs[key]

    def taker(self, node: LayerNode | BlockNode, graph: Graph) -> Taker:
        """Return what a layer or the use of a block takes, and how it stands to layouts."""
        if isinstance(node, BlockNode):
            inner = (node.general or node.bodies)[0]
            needed = self.needed(inner)
            needs = tuple(frozenset(needed[value]) for value in inner.inputs)
            return Taker(node.inputs, node.outputs, "positional", needs)
        taken = [graph.types[value] for value in node.inputs]
        made = [graph.types[value] for value in node.outputs]
        return Taker(node.inputs, node.outputs, placement_of(node.layer, taken, made))

    def body(
        self,
        graph: Graph,
        layouts: tuple[Layout, ...],
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


class _BodyLowerer:
    def __init__(
        self,
        lowerer: Lowerer,
        graph: Graph,
        layouts: tuple[Layout, ...],
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
        # What follows a block is not known here. Most blocks follow one of their kind, so it gives
        # what it takes.
        last = NATIVE if NATIVE in layouts else None
        if is_network:
            last = DECLARED if lowerer.keep_borders else NATIVE
        self.needed = lowerer.needed(graph, last) if self.is_foreign else {}
        self.owners = {node.owner for node in graph.nodes}
        self.tied = {node.tied for node in graph.nodes if isinstance(node, LayerNode)}
        self.wanted: dict[str, tuple[Layout, ...]] = {}
        """By the use of a block: the layouts that it takes."""
        self.steps: list[Step] = []
        self.inputs = tuple(map(Value, graph.inputs, [()] * len(layouts), layouts))
        self.values = {value.name: value for value in self.inputs}
        """The graph's values so far, as they lie."""
        self.converted: dict[str, Value] = {}
        self.apart: set[str] = set()
        """Values that have other rows than what the body takes."""
        self.given: set[str] = set()
        """Values that layers without parameters made of the network's inputs; not a block's."""

    def run(self) -> Body:
        graph = self.graph
        for node in graph.nodes:
            if isinstance(node, LayerNode):
                self.layer(node)
            else:
                self.block(node)
            self.apart.update(rows_apart(node, self.apart))
            if self.is_network and self.has_no_gradient(node):
                self.given.update(node.outputs)
        outputs = [self.values[name] for name in graph.outputs]
        if self.is_network:
            wanted = DECLARED if self.lowerer.keep_borders else NATIVE
            outputs = [self.as_layout(value, wanted) for value in outputs]
        transposed = frozenset(value for value in self.inputs if value.name in self.converted)
        return Body(graph, self.steps, self.inputs, tuple(outputs), transposed)

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
        inputs = tuple([self.values[name] for name in node.inputs])
        layout = DECLARED
        if self.is_foreign:
            layout = self.placed(node)
            inputs = tuple([self.as_layout(value, layout) for value in inputs])
        types = self.graph.types
        input_types = tuple([types[value] for value in node.inputs])
        output_types = tuple([types[value] for value in node.outputs])
        is_tied = node.name in self.tied
        is_given = node.inputs[0] in self.given
        made_of = (input_types, output_types)
        if node.general:
            made_of = node.general, self.of_any_size(node)
        context = Context(
            *made_of,
            self.graph.data_format,
            layout,
            is_tied,
            node.is_varied,
            is_given,
            self.pads_apart,
            is_one=len(set(node.inputs)) == 1,
        )
        lowered = self.lowerer.lower(layer, context, is_called=node.owner is not None)
        activation = layer.output_activation
        outputs = tuple([self.value(name, layout) for name in node.outputs])
        if lowered.before is not None:
            prepared = outputs[0].at("prepared")
            self.steps.append(Step(inputs[:1], (prepared,), lowered.before))
            inputs = (prepared, *inputs[1:])
        step = Step(inputs, outputs, lowered, node)
        if activation is not None and activation.type != "linear":
            layout = self.activated(step, activation, output_types, layout)
        else:
            self.steps.append(step)
        for name in node.outputs:
            self.values[name] = self.value(name, layout)
        if (
            output_types[0].shape[1:] != input_types[0].shape[1:]
            and len(output_types[0].shape) >= 3
        ):
            value = self.values[node.outputs[0]]
            step.shape = laid_out(output_types[0].shape, self.graph.data_format, value.layout)
            step.has_own_rows = bool(rows_apart(node, self.apart))

    def of_any_size(self, node: LayerNode) -> tuple[TensorType, ...]:
        """Return what a layer gives, of which one object serves calls at several sizes."""
        data_format = self.graph.data_format
        shapes = node.layer.infer_shape(tuple(type_.shape for type_ in node.general), data_format)
        if node.layer.output_activation is not None:
            shapes = node.layer.output_activation.infer_shape(shapes, data_format)
        kinds = (self.graph.types[value].dtype for value in node.outputs)
        return tuple(map(TensorType, shapes, kinds))

    def activated(
        self, step: Step, layer: Activation, types: tuple[TensorType, ...], layout: Layout
    ) -> Layout:
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
                step.lowered = step.lowered._replace(module=fused)
                self.steps.append(step)
                return layout
        outputs = step.outputs
        linear = outputs[0].at("linear")
        step.outputs = (linear,)
        self.steps.append(step)
        if is_head and linear.layout is NATIVE and self.lowerer.keep_borders:
            # The loss takes what enters the head, so that must lie as the spec declares.
            linear, layout = self.transposed(linear, types[0].rank, DECLARED), DECLARED
            outputs = tuple([value.lying(DECLARED) for value in outputs])
        context = Context(types, types, self.graph.data_format, layout)
        lowered = self.lowerer.lower(layer, context, is_called=True)
        self.steps.append(Step((linear,), outputs, lowered, node, is_activation=True))
        return layout

    def is_head(self, node: LayerNode) -> bool:
        """Whether the layer is a softmax or sigmoid that the loss leaves out."""
        return self.is_network and any(head.node is node for head in self.lowerer.heads)

    def is_sharing(self, node: LayerNode) -> bool:
        """Whether one object stands for several layers, so that it must suit all of them."""
        return node.owner is not None or node.name in self.owners

    def placed(self, node: LayerNode) -> Layout:
        """Return the layout in which the layer gets its image-like inputs."""
        if not all(self.is_image(value) for value in node.inputs):
            return DECLARED
        placement = self.lowerer.taker(node, self.graph).placement
        if placement == "spatial":
            return NATIVE
        if placement == "positional" or self.is_sharing(node):
            return DECLARED
        if isinstance(node.layer, Activation) and self.is_head(node) and self.lowerer.keep_borders:
            return DECLARED
        present = {name: self.forms(name) for name in node.inputs}
        made = [value for value in node.outputs if self.is_image(value)]
        return cheapest(present, [self.needed[value] for value in made])

    def forms(self, name: str) -> set[Layout]:
        """Return the layouts in which the graph's value exists."""
        values = (self.values[name], self.converted.get(name))
        return {value.layout for value in values if value is not None}

    def value(self, name: str, layout: Layout) -> Value:
        """Return the graph's value, which lies in this layout if it is image-like."""
        return Value(name, (), layout if self.is_image(name) else DECLARED)

    def as_layout(self, value: Value, wanted: Layout) -> Value:
        """Return the graph's value in the wanted layout, adding a transpose where needed."""
        if value.layout is wanted or not self.is_image(value.name):
            return value
        found = self.converted.get(value.name)
        if found is None:
            found = self.transposed(value, self.graph.types[value.name].rank, wanted)
            self.converted[value.name] = found
        return found

    def transposed(self, value: Value, rank: int, wanted: Layout) -> Value:
        """Add a transpose to the wanted layout, and return what it gives."""
        given = value.at(wanted.value, wanted)
        axes = permutation(rank, self.graph.data_format, wanted)
        self.steps.append(Step((value,), (given,), self.language.transpose(axes)))
        return given

    def block(self, node: BlockNode) -> None:
        given = tuple(self.values[name] for name in node.inputs)
        inputs = given
        layouts = tuple(value.layout for value in given)
        if node.owner is not None:
            # One object takes the values of every call, so they lie as in the first.
            layouts = self.wanted[node.owner]
            inputs = tuple(map(self.as_layout, given, layouts))
        bodies, results = self.bodies(node, layouts)
        # What a block would transpose first is transposed before it, so that its uses are equal.
        wanted = tuple(
            NATIVE if value in bodies[0].transposed else layout
            for value, layout in zip(bodies[0].inputs, layouts, strict=True)
        )
        if wanted != layouts:
            inputs = tuple(map(self.as_layout, given, wanted))
            bodies, results = self.bodies(node, wanted)
        if len({body.signature for body in bodies}) > 1:
            # A loop needs one layout throughout: the framework's own, for every image-like tensor.
            wanted = tuple(NATIVE if self.is_image(name) else DECLARED for name in node.inputs)
            inputs = tuple(map(self.as_layout, given, wanted))
            bodies, results = self.bodies(node, wanted)
        self.wanted[node.name] = wanted
        outputs = tuple(map(Value, node.outputs, [()] * len(node.outputs), results))
        self.steps.append(Step(inputs, outputs, None, node, bodies))
        self.values.update((value.name, value) for value in outputs)

    def bodies(
        self, node: BlockNode, layouts: tuple[Layout, ...]
    ) -> tuple[tuple[Body, ...], tuple[Layout, ...]]:
        """Return the lowered bodies of each repetition, and the layouts of what the last gives."""
        bodies: list[Body] = []
        given: tuple[Layout, ...] = ()
        for inner in node.general or node.bodies:
            body = self.lowerer.body(inner, layouts)
            bodies.append(body)
            given = tuple(value.layout for value in body.outputs)
            layouts = (*given, *layouts[len(given) :])
        return tuple(bodies), given
