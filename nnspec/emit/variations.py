"""Variations of a block: the same with another value of one of its variables.

A block is resolved and lowered once more for each, so that what follows from a variable is seen
and not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.emit.body import Body, Lowerer
from nnspec.emit.formulas import Formulas
from nnspec.language.problems import Problems
from nnspec.language.scope import Scope, expressions_in
from nnspec.layers.base import Layer, channel_axis
from nnspec.layers.shapes import Dim, TensorType
from nnspec.library import find_block
from nnspec.network.activity import regularized_as, terms_of_activity
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.network.resolve import Resolver

_LARGEST = 300
"""Layers of a block beyond which its variables stay numbers: each is resolved several times."""
_WANTED = 2


class Variations:
    """The variations of the blocks of one spec."""

    def __init__(self, spec: Spec, lowerer: Lowerer) -> None:
        # The layout has been checked; said once more it counts as written, whatever the sizes.
        layout = {"data_format": spec.model.data_format}
        self.model = spec.model.model_copy(update=layout)
        self.lowerer = lowerer
        self.is_regularized = bool(terms_of_activity(spec.model.training))
        self.apart: set[str] = set()
        """Blocks whose layers pad in steps of their own."""

    def of(self, block: str, body: Body) -> Iterator[tuple[str, list[Body]]]:
        """Yield each variable that the use sets, and bodies with other values of it."""
        graph = body.graph
        if sum(1 for _, _ in zip(graph.walk(), range(_LARGEST + 1), strict=False)) > _LARGEST:
            return
        for variable, value in graph.arguments.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                bodies = []
                for other in _others(value):
                    varied = self._varied(block, graph, variable, other)
                    if varied is not None:
                        is_apart = block in self.apart
                        lowered = self.lowerer.body(varied, body.layouts, pads_apart=is_apart)
                        bodies.append(lowered)
                    if len(bodies) == _WANTED:
                        break
                yield variable, bodies

    def padding_apart(self, body: Body) -> Body:
        """Return the body with padding in steps of its own."""
        return self.lowerer.body(body.graph, body.layouts, pads_apart=True)

    def formulas(self, block: str) -> Formulas:
        """Return the expressions that the block is written with."""
        own = self.model.blocks.get(block)
        found = own or find_block(block)
        assert found is not None
        layers = [each for each in found.layers if not isinstance(each, Layer)]
        outer = Scope(self.model.variables if own is not None else {})
        return Formulas(expressions_in([found.variables, *layers]), outer)

    def _varied(self, block: str, graph: Graph, variable: str, value: object) -> Graph | None:
        """Return the block with this value, for inputs that it takes then, or None."""
        arguments = {**graph.arguments, variable: value}
        types = tuple(graph.inputs.values())
        old = graph.arguments[variable]
        candidates = [types]
        if isinstance(old, int) and isinstance(value, int):
            candidates += [
                tuple(_scaled(type_, old, value, graph, is_multiple) for type_ in types)
                for is_multiple in (False, True)
            ]
        found = self.model.blocks.get(block) or find_block(block)
        assert found is not None
        optional = tuple(name for name in graph.inputs if name in found.optional)
        for tried in dict.fromkeys(candidates):
            problems = Problems()
            resolver = Resolver(self.model, Scope(self.model.variables), problems, frozenset())
            with problems.limited():
                unknown = (None,) * len(tried)
                made = resolver.block_body(block, arguments, tried, (), None, unknown, optional)
                if made is not None and not problems.found:
                    return made[0] if not self.is_regularized else regularized_as(made[0], graph)
        return None


def _others(value: float) -> list[int | float]:
    if isinstance(value, int):
        return [value * 2, value * 3, value * 4, value + 1, value + 2]
    return [value * 2, value * 3, value / 2, value / 4] if value else [0.25, 0.5]


def _scaled(type_: TensorType, old: int, new: int, graph: Graph, is_multiple: bool) -> TensorType:
    """Return the type with its channels, or features, grown as the variable has."""
    if not type_.shape:
        return type_
    shape: list[Dim] = list(type_.shape)
    axis = channel_axis(len(shape), graph.data_format) if len(shape) != 2 else 1
    size = shape[axis]
    if isinstance(size, int) and old and (size == old or (is_multiple and size % old == 0)):
        shape[axis] = size * new // old
    return type_._replace(shape=tuple(shape))
