"""From the document to the graph: blocks opened, values wired, shapes known.

Every mistake is collected, each once; what follows only from an earlier mistake is not reported.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from nnspec.errors import Mark
from nnspec.language.limits import MAX_ELEMENTS, MAX_LAYERS, big
from nnspec.language.problems import Problems
from nnspec.language.schema import Block, Model
from nnspec.language.scope import Scope
from nnspec.layers.base import Layer
from nnspec.layers.shapes import TensorType, product, show
from nnspec.library import BLOCKS
from nnspec.network.bodies import BodyResolver, marks_of
from nnspec.network.entries import Reader
from nnspec.network.features import looked_at
from nnspec.network.graph import Graph, LayerNode, Node
from nnspec.network.state import Features, Given, Types

if TYPE_CHECKING:
    from nnspec.network.freezing import Freezing


def resolve(
    model: Model,
    variables: Scope,
    problems: Problems,
    *,
    broken: Set[str] = frozenset(),
    used: set[str] | None = None,
) -> Graph | None:
    """Return the graph of a document, or None where `problems` has got errors.

    `variables` are those of the whole spec. `broken` names inputs and blocks that the document has
    and that could not be read; what needs them is checked as far as it can be.
    """
    resolver = Resolver(model, variables, problems, broken)
    types: dict[str, TensorType | None] = {}
    features: dict[str, Features] = {}
    for name, given in model.inputs.items():
        types[name] = None if name in broken else TensorType(tuple(given.shape), given.dtype)
        if len(given.shape) > 1:
            found = looked_at(given.shape, f'input "{name}"', model.data_format)
            if found is not None:
                features[name] = found
        if (product(given.shape) or 0) > MAX_ELEMENTS:
            problems.add(
                "too-large",
                f'input "{name}" is {show(given.shape)}: {big(product(given.shape))} numbers a '
                f"row; at most {MAX_ELEMENTS:,} are allowed",
                marks_of(model.inputs, name),
                "use smaller sizes",
            )
            types[name] = None
    # Validating it would copy the lists, and the copies would not know their places.
    body = Block.model_construct(
        description=model.description,
        variables={},
        layers=model.layers,
        inputs=tuple(types),
        outputs=model.outputs,
    )
    graph = resolver.body(model.name, body, types, variables, (), features)
    if problems.found or graph is None:
        return None
    if used is None:
        resolver.check_use()
    else:
        used |= resolver.used
    if resolver.check_layers(graph):
        resolver.check_size(graph)
        resolver.check_ids(graph)
    if model.depth_scaling and not problems.found:
        from nnspec.network.depth import depth_scaled  # which few specs need

        graph = depth_scaled(graph, problems)
    if model.freeze is not None and not problems.found:
        from nnspec.network.freezing import frozen  # which few specs need

        graph = frozen(graph, model.freeze, problems)
    return graph if not problems.found else None


class Resolver:
    """The state that the bodies of one network share."""

    def __init__(
        self, model: Model, variables: Scope, problems: Problems, broken: Set[str]
    ) -> None:
        self.model = model
        self.problems = problems
        self.reader = Reader(model, problems, broken)
        self.variables = variables
        self.read = 0
        self.work = 0
        self.used: set[str] = set()
        self.given: dict[
            tuple[int, tuple[TensorType, ...]], tuple[Layer, tuple[TensorType, ...], int]
        ] = {}
        """By a layer's identity and what it takes: the layer, what it gives, parameters' size."""
        self.bodies: dict[object, Graph] = {}
        """By block, arguments and types: equal uses share one object."""
        self.made: dict[object, tuple[Graph, Given] | None] = {}
        """The same by the side of the features of what it takes as well: what has been checked."""
        self.freezing: Freezing | None = None
        self.takes_ids = False
        """Whether a layer takes whole numbers of a range alone."""
        self.sizes: dict[Graph, int] = {}
        self.layers: dict[Graph, int] = {}
        """The number of layers of each body once its blocks are opened."""

    def body(
        self,
        name: str,
        block: Block,
        types: Types,
        scope: Scope,
        chain: tuple[str, ...],
        features: dict[str, Features],
        arguments: dict[str, object] | None = None,
    ) -> Graph | None:
        """Return the body of a block (or the whole network) for inputs of these types.

        features: where inputs have their features; what the body gives is added.
        """
        resolver = BodyResolver(self, block, types, scope, chain, features)
        steps = resolver.run()
        if steps is None:
            return None
        nodes, outputs, all_types = steps
        inputs = {value: all_types[value] for value in types}
        values = dict(scope.values)
        graph = Graph(
            name,
            self.model.data_format,
            inputs,
            nodes,
            outputs,
            all_types,
            values,
            block.description or "",
            arguments or {},
        )
        self.layers[graph] = sum(self.count(node) for node in nodes)
        self.sizes[graph] = resolver.size
        return graph

    def count(self, node: Node) -> int:
        """Return how many layers a node holds."""
        if isinstance(node, LayerNode):
            return 1
        return sum(self.layers[body] for body in node.bodies)

    def block_body(
        self,
        name: str,
        arguments: dict[str, object],
        types: tuple[TensorType, ...],
        chain: tuple[str, ...],
        mark: Mark | None,
        features: Given,
        optional: tuple[str, ...] = (),
    ) -> tuple[Graph, Given] | None:
        """Return the body of a block's use, and where what it gives has its features.

        optional: the optional inputs that are given, after the others.
        """
        key = (name, repr(sorted(arguments.items())), types, optional)
        use = (key, tuple([each and each[:1] + each[2:] for each in features]))
        if use in self.made:
            return self.made[use]
        block = self.reader.block(name)
        assert block is not None
        is_own = name in self.model.blocks
        inner = Scope({**block.variables, **arguments}, self.variables if is_own else None)
        made = None
        with self.problems.within(None if is_own else BLOCKS[name], mark):
            if inner.settle(self.problems, block.variables, mark):
                names = (*block.inputs, *optional)
                inputs = dict(zip(names, types, strict=True))
                known = {
                    value: each
                    for value, each in zip(names, features, strict=True)
                    if each is not None
                }
                graph = self.body(name, block, inputs, inner, (*chain, name), known, arguments)
                if graph is not None:
                    given = tuple(map(known.get, graph.outputs))
                    made = self.bodies.setdefault(key, graph), given
        self.made[use] = made
        return made

    def frozen(self, body: Graph) -> Graph:
        """Return the body of a block, of which training changes nothing."""
        if self.freezing is None:
            from nnspec.network.freezing import Freezing  # which few specs need

            self.freezing = Freezing()
        whole = self.freezing.whole(body)
        self.layers[whole], self.sizes[whole] = self.layers[body], self.sizes[body]
        return whole

    def use(self, block: str) -> None:
        """Note that a block is used, and what it uses in turn, though none of it is there."""
        waiting = [block]
        while waiting:
            name = waiting.pop()
            found = self.model.blocks.get(name)
            if found is not None and name not in self.used:
                self.used.add(name)
                kinds = (each.get("type") for each in found.layers if isinstance(each, dict))
                waiting += [kind for kind in kinds if isinstance(kind, str)]

    def too_many(self, mark: Mark | None) -> None:
        """Say that the network has too many layers."""
        self.problems.add(
            "too-large",
            f"the network has more than {MAX_LAYERS:,} layers once its blocks are opened",
            mark,
            "use fewer repetitions",
        )

    def check_layers(self, graph: Graph) -> bool:
        """Whether the blocks of a network, each small enough, are few enough too."""
        total = 0
        for node in graph.nodes:
            total += self.count(node)
            if total > MAX_LAYERS:
                self.too_many(node.mark)
                return False
        return True

    def check_use(self) -> None:
        """Refuse a block that nothing uses: nothing in it has been checked."""
        for name in self.model.blocks:
            if name not in self.used:
                mark = marks_of(self.model.blocks, name, is_key=True)
                self.problems.add(
                    "unused-block",
                    f'no layer uses the block "{name}"',
                    mark,
                    f"use it with type: {name}, or remove it",
                )

    def check_size(self, graph: Graph) -> None:
        """Refuse a network whose parameters would not fit in a tebibyte."""
        if self.sizes[graph] > MAX_ELEMENTS:
            from nnspec.network.extents import report_size

            report_size(graph, self.problems)

    def check_ids(self, graph: Graph) -> None:
        """Refuse ids that the network makes itself, and that the layer they reach does not take."""
        if self.takes_ids:
            from nnspec.network.extents import report_ids  # which few specs need

            report_ids(graph, self.problems)
