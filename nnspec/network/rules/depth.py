"""Advice on gradients that fade through many layers which nothing keeps in scale."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Mark, Problem
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.rules import NORMALISING, RECURRENT, Case, activation_of, advice, has_kernel
from nnspec.network.rules.flow import Flow

_WEIGHT = {"sigmoid": 2, "tanh": 1}
"""The weight of an activation's slope on the gradient: a sigmoid's is at most 1/4, a tanh's 1."""
_MANY = 6
"""Three sigmoids, or six layers of tanh."""
_PLAIN = 20
_MOST_USES = 2_000

_START = frozenset({*NORMALISING, *RECURRENT, "embedding", "multi_head_attention",
                    "grouped_query_attention", "parameter", "constant"})  # fmt: skip
"""Layers after which a gradient is in scale again, or has another path."""


Depth = tuple[int, int, int]
"""Of a value, along the path with least of them: the sum of weights, the number of layers that
bend flat, and that of layers with weights."""


class _Depth(Flow[Depth]):
    """The depth of values under layers that bend flat, and under plain ones."""

    def __init__(self, graph: Graph) -> None:
        super().__init__((0, 0, 0), _MOST_USES)
        self.graph = graph
        self.flat: tuple[int, int, str, Mark | None] = (0, 0, "", None)
        self.plain: tuple[int, Mark | None] = (0, None)

    def layer(self, body: Graph, node: LayerNode, taken: list[Depth]) -> Depth:
        if node.layer.type in _START:
            return self.unknown
        weight, count, layers = min(taken, default=self.unknown)
        bend = activation_of(node)
        if has_kernel(node):
            layers += 1
            if layers > self.plain[0]:
                self.plain = (layers, node.mark)
        is_end = body is self.graph and bool({*node.outputs} & {*body.outputs})
        if bend in _WEIGHT and not is_end:
            weight, count = weight + _WEIGHT[bend], count + 1
            if weight > self.flat[0]:
                self.flat = (weight, count, bend, node.mark)
        return weight, count, layers


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice where the gradient passes too many flat slopes, or layers, on its best path."""
    depth = _Depth(case.graph)
    depth.body(case.graph, [])
    weight, count, bend, mark = depth.flat
    if weight >= _MANY:
        slope = "at most 1/4" if bend == "sigmoid" else "far below 1 where it saturates"
        yield advice(
            "saturating-stack",
            f"{count} hidden layers of sigmoid or tanh follow one another with no normalisation "
            f"and no path around them: the slope of {bend} is {slope}, and the gradient of the "
            "first layers is a product of all of them, which vanishes",
            "use relu or gelu, put a normalisation between them, or add a path around (`add`)",
            mark,
        )
    elif depth.plain[0] > _PLAIN and not _keeps_itself(case.bodies):
        yield advice(
            "deep-plain-stack",
            f"{depth.plain[0]} layers with weights follow one another with no normalisation and no "
            "path around them: the scale of the gradient is a product over all of them, which "
            "vanishes or explodes with their first weights",
            "put a normalisation between them, or add a path around every few (`add`)",
            depth.plain[1],
        )


def _keeps_itself(bodies: tuple[Graph, ...]) -> bool:
    """Whether selu keeps mean and variance from layer to layer."""
    return any(
        isinstance(node, LayerNode) and activation_of(node) == "selu"
        for body in bodies
        for node in body.nodes
    )
