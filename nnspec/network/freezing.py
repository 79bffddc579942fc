"""Freezes layers: training leaves their parameters alone.

A layer says so itself, the use of a block for all that is inside, and `freeze` by patterns. The
bodies of blocks are shared by equal uses, so what is frozen is a copy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from nnspec.errors import nearest
from nnspec.language.problems import Problems
from nnspec.language.tree import Sequence as Located
from nnspec.layers.base import Layer, Parameter, Trained
from nnspec.network.graph import BlockNode, Graph, LayerNode, Node

Chosen = Callable[[str, Sequence[Parameter], LayerNode], frozenset[str]]
"""(path of a layer, its parameters, its node) -> the names of those that are frozen."""


class Freezing:
    """Makes frozen copies, one of all that are alike."""

    def __init__(self) -> None:
        self.layers: dict[int, tuple[Layer, Layer]] = {}
        """By the identity of a layer, which stands beside its copy to keep it."""
        self.bodies: dict[tuple[Graph, frozenset[str]], Graph] = {}

    def whole(self, body: Graph) -> Graph:
        """Return a body of which everything is frozen."""
        return self.copied(body, "", lambda path: True)[0]

    def copied(
        self,
        body: Graph,
        prefix: str,
        is_frozen: Callable[[str], bool],
        chosen: Chosen | None = None,
    ) -> tuple[Graph, frozenset[str]]:
        """Return a body, the layers of these paths frozen, and their paths within it.

        prefix: what the paths of its layers begin with, where their weights are. chosen: says which
        parameters of a layer are frozen that is not frozen as a whole.
        """
        nodes: list[Node] = []
        found: set[str] = set()
        for node in body.nodes:
            home = node.owner or node.name
            if isinstance(node, LayerNode):
                if isinstance(node.layer, Trained) and is_frozen(prefix + home):
                    node = node._replace(layer=self.layer(node.layer))
                    found.add(home)
                elif isinstance(node.layer, Trained) and node.layer.trainable and chosen:
                    owned = node.layer.parameters(body.shapes(node.inputs), body.data_format)
                    names = chosen(prefix + home, owned, node)
                    if names and len(names) == len(owned):
                        node = node._replace(layer=self.layer(node.layer))
                    elif names:
                        node = node._replace(frozen=tuple(sorted(names)))
                    found.update(f"{home}.{name}" for name in names)
            else:
                inner: list[Graph] = []
                for (each, path), (_, own) in zip(
                    node.paths(prefix, home), node.paths("", home), strict=True
                ):
                    made, within = self.copied(each, path, is_frozen, chosen)
                    inner.append(made)
                    found.update(own + name for name in within)
                node = node._replace(bodies=tuple(inner))
            nodes.append(node)
        if not found:
            return body, frozenset()
        key = (body, frozenset(found))
        if key not in self.bodies:
            self.bodies[key] = dataclasses.replace(body, nodes=tuple(nodes))
        return self.bodies[key], key[1]

    def layer(self, layer: Trained) -> Layer:
        """Return the layer, frozen."""
        if not layer.trainable:
            return layer
        if id(layer) not in self.layers:
            self.layers[id(layer)] = layer, layer.model_copy(update={"trainable": False})
        return self.layers[id(layer)][1]


def frozen(graph: Graph, patterns: Sequence[str], problems: Problems) -> Graph:
    """Return the network with what a pattern names frozen: layers, uses of blocks, parameters.

    A pattern that names nothing that training would change is reported.
    """
    used: set[str] = set()

    def chosen(path: str, own: Sequence[Parameter], node: LayerNode) -> frozenset[str]:
        hits = {
            each.name: [p for p in patterns if fnmatchcase(f"{path}.{each.name}", p)]
            for each in own
        }
        learned = {each.name for each in own if each.trainable and not each.is_fixed}
        names = frozenset(name for name in learned if hits[name])
        used.update(*(hits[name] for name in names))
        for pair in node.layer.stored_together:
            given = names.intersection(pair)
            if 0 < len(given) < len(learned.intersection(pair)):
                problems.add(
                    "wrong-owner",
                    f'"{path}" is a {node.layer.type}, whose {" and ".join(pair)} are one '
                    f"variable in Keras, and {' and '.join(sorted(given))} alone cannot be frozen",
                    node.mark,
                    f"freeze both: {path}.bias_*",
                )
        # With its running statistics, and what is 0 for ever, it is the layer as a whole.
        return frozenset(hits) if names and all(hits.values()) else names

    def is_frozen(path: str) -> bool:
        hits = [
            pattern
            for pattern in patterns
            if any(fnmatchcase(name, pattern) for name in _names_of(path))
        ]
        used.update(hits)
        return bool(hits)

    made = Freezing().copied(graph, "", is_frozen, chosen)[0]
    for i, pattern in enumerate(patterns):
        if pattern not in used:
            known = {name for at in graph.walk() for name in _names_of(at.home)}
            known |= {name for name, each in graph.parameters() if each.trainable}
            if any(fnmatchcase(name, pattern) for name in known):
                continue  # Another pattern freezes all of it.
            problems.add(
                "unknown-owner",
                f'nothing that training changes is called "{pattern}"{nearest(pattern, known)}',
                patterns.marks[i] if isinstance(patterns, Located) else None,
                "name layers, uses of blocks or parameters, by patterns such as encoder.* and "
                "*.bias as well",
            )
    return made


def _names_of(path: str) -> Iterator[str]:
    """Yield the path of a layer, and those of all that hold it."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        yield ".".join(parts[:end])


def frozen_paths(graph: Graph) -> Iterator[tuple[tuple[str | int, ...], bool]]:
    """Yield what is frozen as a whole, outermost first: its path, and whether it is a block's use.

    Of a path the numbers are repetitions.
    """
    if not _has_frozen(graph):
        return
    for node in graph.nodes:
        if node.owner is not None or not _owns(node):
            continue
        if _is_frozen(node):
            yield (node.name,), isinstance(node, BlockNode)
        elif isinstance(node, BlockNode):
            for i, body in enumerate(node.bodies):
                start = (node.name, i) if node.is_repeated else (node.name,)
                if node.is_repeated and _is_whole(body):
                    yield start, True
                    continue
                yield from (((*start, *path), is_block) for path, is_block in frozen_paths(body))


def frozen_parameters(
    graph: Graph,
) -> Iterator[tuple[tuple[str | int, ...], LayerNode, Graph]]:
    """Yield the layers of which some parameters alone are frozen: path, node and body.

    Of a path the numbers are repetitions.
    """
    if not _has_frozen(graph):
        return
    for node in graph.nodes:
        if node.owner is not None:
            continue
        if isinstance(node, LayerNode):
            if node.frozen:
                yield (node.name,), node, graph
            continue
        for i, body in enumerate(node.bodies):
            start = (node.name, i) if node.is_repeated else (node.name,)
            yield from (((*start, *path), at, of) for path, at, of in frozen_parameters(body))


def _has_frozen(graph: Graph) -> bool:
    """Whether a layer is frozen, here or in a block; the bodies of equal blocks are one object."""
    seen: set[int] = set()
    waiting = [graph]
    while waiting:
        body = waiting.pop()
        if id(body) in seen:
            continue
        seen.add(id(body))
        for node in body.nodes:
            if isinstance(node, BlockNode):
                waiting += node.bodies
            elif node.frozen or (isinstance(node.layer, Trained) and not node.layer.trainable):
                return True
    return False


def _owns(node: Node) -> bool:
    """Whether a layer, or one inside of a block, has parameters."""
    if isinstance(node, LayerNode):
        return isinstance(node.layer, Trained)
    return any(map(_owns, (inner for body in node.bodies for inner in body.nodes)))


def _is_frozen(node: Node) -> bool:
    if isinstance(node, LayerNode):
        return not (isinstance(node.layer, Trained) and node.layer.trainable)
    return all(map(_is_whole, node.bodies))


def _is_whole(body: Graph) -> bool:
    return all(map(_is_frozen, body.nodes))
