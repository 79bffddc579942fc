"""Layers of which the activations add to the loss: what follows each in the source that trains.

The graph of a spec has none of it. A backend lowers a copy in which a node stands after each of
these layers, and gives what it takes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from nnspec.errors import Problem, nearest
from nnspec.language.paths import mark_at
from nnspec.language.regularization import Term
from nnspec.language.schema import Model
from nnspec.language.training_schema import Training
from nnspec.layers.activity import ActivityRegularization
from nnspec.layers.shapes import TensorType
from nnspec.network.graph import BlockNode, Graph, LayerAt, LayerNode, Node
from nnspec.network.objectives import loss_heads
from nnspec.network.regularization import Amounts
from nnspec.network.spec import Spec

Marks = frozenset[tuple[str, Amounts]]
"""The paths of layers within a body, and what each adds."""


def terms_of_activity(training: Training | None) -> tuple[Term, ...]:
    """Return the terms that are of activations."""
    terms = (training.regularization or ()) if training is not None else ()
    return tuple(term for term in terms if term.activity is not None)


def activities_of(graph: Graph, training: Training | None) -> dict[str, Amounts]:
    """Return by path what the activations of a layer add, of those that add something.

    A layer that is called again adds for each call, and has one path: the first one's.
    """
    terms = terms_of_activity(training)
    if not terms:
        return {}
    found: dict[str, Amounts] = {}
    for at in graph.walk():
        if at.home in found or not gives_numbers(at):
            continue
        sums = {"l1": 0.0, "l2": 0.0}
        for term in terms:
            if any(fnmatchcase(at.home, pattern) for pattern in term.activity or ()):
                sums[term.type] += term.factor
        if any(sums.values()):
            found[at.home] = Amounts(**sums)
    return found


def regularized(spec: Spec) -> Graph:
    """Return the network with a node after each layer whose activations add to the loss."""
    found = activities_of(spec.graph, spec.model.training)
    return _Copies(found).copied(spec.graph, "")[0] if found else spec.graph


def regularized_as(body: Graph, other: Graph) -> Graph:
    """Return a variation of a block with such nodes where the block has them."""
    alike = {node.name: node for node in other.nodes}
    after = {
        node.inputs[0]: node.layer
        for node in other.nodes
        if isinstance(node, LayerNode) and isinstance(node.layer, ActivityRegularization)
    }
    nodes: list[Node] = []
    types = dict(body.types)
    for node in body.nodes:
        same = alike.get(node.name)
        if isinstance(node, LayerNode):
            found = [after[value] for value in same.outputs if value in after] if same else []
            nodes += _followed(node, found[0] if found else None, types)
            continue
        if isinstance(same, BlockNode):
            likes = [*same.bodies, *[same.bodies[-1]] * len(node.bodies)]
            node = node._replace(
                bodies=tuple(map(regularized_as, node.bodies, likes)),
                general=tuple(map(regularized_as, node.general, likes)),
            )
        nodes.append(node)
    return dataclasses.replace(body, nodes=tuple(nodes), types=types)


class _Copies:
    """Makes copies of bodies, one of all that are alike."""

    def __init__(self, found: Mapping[str, Amounts]) -> None:
        self.found = found
        self.layers = {
            each: ActivityRegularization(l1=each.l1, l2=each.l2) for each in found.values()
        }
        self.bodies: dict[tuple[Graph, Marks], Graph] = {}

    def copied(self, body: Graph, prefix: str) -> tuple[Graph, Marks]:
        """Return a body, and which layers in it add what.

        prefix: what the paths of its layers begin with, where their weights are.
        """
        nodes: list[Node] = []
        types = dict(body.types)
        within: set[tuple[str, Amounts]] = set()
        for node in body.nodes:
            home = node.owner or node.name
            if isinstance(node, LayerNode):
                amounts = self.found.get(prefix + home)
                if amounts is not None:
                    within.add((home, amounts))
                nodes += _followed(node, self.layers[amounts] if amounts else None, types)
                continue
            inner, general = [], []
            for (each, path), (_, own) in zip(
                node.paths(prefix, home), node.paths("", home), strict=True
            ):
                made, marks = self.copied(each, path)
                inner.append(made)
                within |= {(own + name, amounts) for name, amounts in marks}
            for whole, (_, path) in zip(node.general, node.paths(prefix, home), strict=False):
                general.append(self.copied(whole, path)[0])
            nodes.append(node._replace(bodies=tuple(inner), general=tuple(general)))
        if not within:
            return body, frozenset()
        key = (body, frozenset(within))
        if key not in self.bodies:
            self.bodies[key] = dataclasses.replace(body, nodes=tuple(nodes), types=types)
        return self.bodies[key], key[1]


def _followed(
    node: LayerNode, layer: ActivityRegularization | None, types: dict[str, TensorType]
) -> list[Node]:
    """Return a node, and those that follow it; what they give has the names that its values had."""
    if layer is None:
        return [node]
    given, after = list(node.outputs), []
    for i, value in enumerate(node.outputs):
        if _is_float(types[value]):
            given[i] = _free(f"{value}_given", types)
            types[given[i]] = types[value]
            name = _free(f"{node.name}_activity" + (f"_{i}" if i else ""), types)
            after.append(LayerNode(name, layer, (given[i],), (value,), node.mark))
    return [node._replace(outputs=tuple(given)), *after]


def activity_problems(model: Model, graph: Graph, tree: object) -> Iterator[Problem]:
    """Yield what makes terms of activations unfit for the network.

    tree: the document, which knows places.
    """
    assert model.training is not None
    heads = {id(head.node) for head in loss_heads(model, graph)}
    layers = {at.home: at for at in graph.walk()}
    for number, term in enumerate(model.training.regularization or ()):
        place = ("training", "regularization", number)
        for i, pattern in enumerate(term.activity or ()):
            key = (*place, "activity")
            mark = mark_at((*key, i), tree) or mark_at(key, tree) or mark_at(place, tree)
            named = {path: at for path, at in layers.items() if fnmatchcase(path, pattern)}
            chosen = {path: at for path, at in named.items() if gives_numbers(at)}
            if not chosen:
                hint = "name layers by their paths, or by patterns such as encoder.* as well"
                message = f'no layer is called "{pattern}"{nearest(pattern, layers)}'
                if named:
                    message = f'"{pattern}" gives whole numbers, which have no gradient'
                yield Problem("unknown-owner", message, hint, mark)
            for path, at in chosen.items():
                if id(at.node) in heads:
                    yield Problem(
                        "wrong-value",
                        f'the loss is computed from what "{path}" takes, and never has what it '
                        "gives",
                        "name layers before the last activation",
                        mark,
                    )
                elif at.steps:
                    yield Problem(
                        "wrong-value",
                        f'"{path}" has other rows than the batch, so that no mean over the rows '
                        "is of what it gives",
                        "name the layer after it: time_distributed puts its steps together",
                        mark,
                    )


def gives_numbers(at: LayerAt) -> bool:
    """Whether a layer gives something that has a gradient."""
    return any(_is_float(at.graph.types[value]) for value in at.node.outputs)


def _is_float(type_: TensorType) -> bool:
    return type_.dtype.startswith("float")


def _free(name: str, types: Mapping[str, TensorType]) -> str:
    while name in types:
        name += "_"
    return name
