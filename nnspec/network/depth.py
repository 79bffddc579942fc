"""Depth scaling: the projections that end residual branches begin smaller in deep networks.

Radford et al. 2019 (GPT-2): each addition of a branch would widen the sum, so the weights that end
a branch are scaled by 1 / sqrt(N), N the branches of the whole network: two of each layer of a
transformer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from nnspec.language.problems import Problems
from nnspec.layers.attention import GroupedQueryAttention, MultiHeadAttention
from nnspec.layers.base import Layer
from nnspec.layers.initializers import InitializerBase, Ones, Scaled, Zeros
from nnspec.layers.plain_initializers import Constant, Normal
from nnspec.layers.rare_initializers import Orthogonal
from nnspec.layers.recurrent import Recurrent
from nnspec.layers.scaled_initializers import (
    Identity,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from nnspec.network.graph import BlockNode, Graph, LayerNode, Node

_LAST = ("pointwise_initializer", "kernel_initializer", "depthwise_initializer")
"""Fields with the law of a layer's last weights, that of most layers second."""


def depth_scaled(graph: Graph, problems: Problems) -> Graph:
    """Return the network with the weights that end its residual branches scaled.

    Reported where it has no branches, or one whose law is not known to scale.
    """
    ends = [*branch_ends(graph)]
    if not ends:
        problems.add(
            "wrong-value",
            "`depth_scaling` scales the weights that end residual branches, and this network has "
            "none",
            None,
            "leave it out, or add what a layer gives to what it takes",
        )
        return graph
    return _Scaling(len(ends) ** -0.5, frozenset(ends), problems).copied(graph, "")[0]


def branch_ends(graph: Graph) -> Iterator[str]:
    """Yield for each residual branch the path of the layer whose weights end it.

    A branch is an input of an addition that is computed from another input of it. A path comes
    twice where a layer is called twice. A branch that ends in something else than weights of its
    own, such as a normalisation, is none.
    """
    yield from _ends(graph, "")


def _ends(body: Graph, prefix: str) -> Iterator[str]:
    made = {value: node for node in body.nodes for value in node.outputs}
    before: dict[str, frozenset[str]] = {}
    for node in body.nodes:
        if isinstance(node, BlockNode):
            for inner, path in node.paths(prefix, node.owner):
                yield from _ends(inner, path)
        elif node.layer.type == "add":
            for value in node.inputs:
                if any(other in before.get(value, ()) for other in node.inputs if other != value):
                    end = _end(body, prefix, value, made)
                    if end is not None:
                        yield end
        known = frozenset(node.inputs).union(*(before.get(value, ()) for value in node.inputs))
        before.update(dict.fromkeys(node.outputs, known))


def _end(body: Graph, prefix: str, value: str, made: dict[str, Node]) -> str | None:
    """Return the path of the layer whose weights this value is last computed with."""
    while (node := made.get(value)) is not None:
        if isinstance(node, BlockNode):
            *_, (inner, path) = node.paths(prefix, node.owner)
            own = {each: by for by in inner.nodes for each in by.outputs}
            return _end(inner, path, inner.outputs[node.outputs.index(value)], own)
        if _field(node.layer) is not None:
            return prefix + (node.owner or node.name)
        has_weights = node.layer.parameters(body.shapes(node.inputs), body.data_format)
        if has_weights or len(node.inputs) != 1:
            return None
        (value,) = node.inputs
    return None


def _field(layer: Layer) -> str | None:
    """Return the field with the law of a layer's last weights, if it is a projection."""
    if isinstance(layer, MultiHeadAttention | GroupedQueryAttention):
        return "output_initializer"
    if isinstance(layer, Recurrent):
        return None
    fields = type(layer).model_fields
    return next((field for field in _LAST if field in fields), None)


class _Scaling:
    """Makes copies of bodies, one of all that are alike."""

    def __init__(self, factor: float, ends: frozenset[str], problems: Problems) -> None:
        self.factor = factor
        self.ends = ends
        self.problems = problems
        self.layers: dict[int, tuple[Layer, Layer]] = {}
        """By the identity of a layer, which stands beside its copy to keep it."""
        self.bodies: dict[tuple[Graph, frozenset[str]], Graph] = {}

    def copied(self, body: Graph, prefix: str) -> tuple[Graph, frozenset[str]]:
        """Return a body with its ends scaled, and their paths within it."""
        nodes: list[Node] = []
        found: set[str] = set()
        for node in body.nodes:
            home = node.owner or node.name
            if isinstance(node, LayerNode):
                if prefix + home in self.ends:
                    node = node._replace(layer=self.layer(node))
                    found.add(home)
            else:
                update: dict[str, tuple[Graph, ...]] = {}
                for field in ("bodies", "general"):
                    made = []
                    paths = node._replace(bodies=getattr(node, field))
                    for (each, path), (_, own) in zip(
                        paths.paths(prefix, home), paths.paths("", home), strict=True
                    ):
                        inner, within = self.copied(each, path)
                        made.append(inner)
                        found.update(own + name for name in within)
                    update[field] = tuple(made)
                node = node._replace(bodies=update["bodies"], general=update["general"])
            nodes.append(node)
        if not found:
            return body, frozenset()
        key = (body, frozenset(found))
        if key not in self.bodies:
            self.bodies[key] = dataclasses.replace(body, nodes=tuple(nodes))
        return self.bodies[key], key[1]

    def layer(self, node: LayerNode) -> Layer:
        """Return the layer with its last weights scaled."""
        layer = node.layer
        if id(layer) not in self.layers:
            field = _field(layer)
            assert field is not None
            given: Any = layer
            law = getattr(given, field) or given.kernel_initializer
            less = scaled(law, self.factor)
            if less is None:
                self.problems.add(
                    "wrong-value",
                    f'`depth_scaling` cannot scale the initializer {law.type} of "{node.name}"',
                    node.mark,
                    "use one of nnspec's own for it",
                )
                less = law
            self.layers[id(layer)] = layer, layer.model_copy(update={field: less})
        return self.layers[id(layer)][1]


def scaled(law: InitializerBase, factor: float) -> InitializerBase | None:
    """Return the law of values times a positive factor; None of one that is not known."""
    found: InitializerBase | None = None
    if isinstance(law, Zeros):
        found = law
    elif isinstance(law, Ones | Constant):
        found = Constant(value=getattr(law, "value", 1.0) * factor)
    elif isinstance(law, Normal | TruncatedNormal):
        found = law.model_copy(update={"stddev": law.stddev * factor})
    elif isinstance(law, Uniform):
        found = law.model_copy(update={"low": law.low * factor, "high": law.high * factor})
    elif isinstance(law, Orthogonal | Identity):
        found = law.model_copy(update={"gain": law.gain * factor})
    elif isinstance(law, VarianceScaling):
        found = law.model_copy(update={"scale": law.scale * factor**2})
    elif isinstance(law, Scaled):
        found = VarianceScaling(
            scale=law.scale * factor**2,
            mode="fan_in" if law.fan == "in" else "fan_avg",
            distribution="uniform" if law.law == "uniform" else "truncated_normal",
        )
    return found
