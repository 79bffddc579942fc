"""Finds the parts of a spec in its text, in its usual form and in that of structured output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nnspec.language.spans import Item, Node, Spans
from nnspec.layers import LAYERS

Place = tuple[int, int]


class Named(NamedTuple):
    """A name where it is defined, and what has it."""

    name: Node
    held: Node


class Outline:
    """The parts of a text."""

    def __init__(self, root: Node, spans: Spans) -> None:
        self.root = root
        self.spans = spans
        self.blocks = self.named(self.value(root, "blocks"))
        self.bodies = [root, *(block.held for block in self.blocks)]

    def layers(self, body: Node) -> list[Node]:
        """Return the layers of a body."""
        return items_of(self.value(body, "layers"))

    def all_layers(self) -> Iterator[Node]:
        """Yield the layers of the network and of every block."""
        for body in self.bodies:
            yield from self.layers(body)

    def value(self, node: Node, key: str) -> Node | None:
        """Return the value of a key of a mapping."""
        return next((each.value for each in node.items if self.text(each.key) == key), None)

    def field(self, layer: Node, key: str) -> Node | None:
        """Return the value of a key of a layer, or of its `arguments`."""
        return self.value(layer, key) or next(
            (each.held for each in self.arguments(layer) if self.text(each.name) == key), None
        )

    def fields(self, layer: Node) -> list[Named]:
        """Return the keys of a layer with their values, its `arguments` among them."""
        return [*map(_pair, layer.items), *self.arguments(layer)]

    def arguments(self, layer: Node) -> list[Named]:
        """Return what a layer lists under `arguments`."""
        return self.named(self.value(layer, "arguments"), held="value")

    def named(self, node: Node | None, name: str = "name", held: str = "") -> list[Named]:
        """Return the items of a mapping, or of a list of records with a name, as they are defined.

        held: the key of such a record that has the value; the record itself by default.
        """
        if node is None:
            return []
        found = list(map(_pair, node.items))
        for each in node.values:
            key = self.value(each, name)
            value = self.value(each, held) if held else each
            if key is not None and value is not None:
                found.append(Named(key, value))
        return found

    def type_of(self, layer: Node) -> str:
        """Return the type that a layer says it is."""
        kind = self.value(layer, "type")
        return self.text(kind) if kind is not None else ""

    def name_of(self, layer: Node) -> str:
        """Return the name that a layer says it has."""
        name = self.field(layer, "name")
        return self.text(name) if name is not None else ""

    def block(self, kind: str) -> Node | None:
        """Return the block of the spec that has this name."""
        return next((each.held for each in self.blocks if self.text(each.name) == kind), None)

    def is_stepped(self, layer: Node) -> bool:
        """Whether each repetition may be a layer of its own: `name_0`, `name_1`, ..."""
        return self.field(layer, "repeat") is not None and (
            self.type_of(layer) in LAYERS or self.field(layer, "unroll") is not None
        )

    def text(self, node: Node) -> str:
        """Return what a simple scalar says; one with escapes says itself, and is no name."""
        start, end = self.inner(node)
        return self.spans.text[start:end]

    def inner(self, node: Node) -> Place:
        """Return the span of a scalar without its quotes."""
        begin = self.spans.text[node.start : node.start + 1]
        quoted = begin in ("'", '"') and node.end - node.start > 1
        return (node.start + 1, node.end - 1) if quoted else (node.start, node.end)


def items_of(node: Node | None) -> list[Node]:
    """Return the items of a list."""
    return node.values if node is not None else []


def one_or_many(node: Node | None) -> list[Node]:
    """Return the items of a list, or the scalar that stands for a list of one."""
    if node is None:
        return []
    return [node] if node.kind == "scalar" else node.values


def _pair(item: Item) -> Named:
    return Named(item.key, item.value)
