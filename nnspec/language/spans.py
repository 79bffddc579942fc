"""Finds where each key and value of a text begins and ends; only a fix needs the ends."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from nnspec.errors import Mark

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""The ends of a line, as YAML has them."""


class Edit(NamedTuple):
    """One change of a text: from a line and column (from 0) to others, and what comes there."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


class Node:
    """A scalar, an alias, a mapping or a list of the text, from `start` to `end`."""

    __slots__ = ("end", "is_flow", "items", "kind", "start", "values")

    def __init__(self, kind: Literal["scalar", "alias", "map", "list"], start: int) -> None:
        self.kind = kind
        self.start = start
        self.end = start
        self.is_flow = False
        self.items: list[Item] = []
        """Of a mapping."""
        self.values: list[Node] = []
        """Of a list."""


class Item:
    """A key of a mapping with its value."""

    __slots__ = ("key", "owner", "value")

    def __init__(self, owner: Node, key: Node, value: Node) -> None:
        self.owner = owner
        self.key = key
        self.value = value


class Spans:
    """The nodes of a text by where they begin."""

    def __init__(self, text: str, *, is_json: bool) -> None:
        self.text = text
        self.is_json = is_json
        self.root: Node | None = None
        self.starts = self.line_starts(text)
        self._items: dict[int, Item] = {}
        self._values: dict[int, Node] = {}

    @staticmethod
    def line_starts(text: str) -> list[int]:
        """Return where each line begins."""
        return [0, *(match.end() for match in _LINE_BREAK.finditer(text))]

    def item(self, mark: Mark) -> Item | None:
        """Return the item whose key stands there."""
        return self._items.get(self.starts[mark.line] + mark.column)

    def item_of(self, mark: Mark) -> Item | None:
        """Return the item whose value stands there."""
        place = self.starts[mark.line] + mark.column
        return next((item for item in self._items.values() if item.value.start == place), None)

    def node(self, mark: Mark) -> Node | None:
        """Return the value that stands there."""
        return self._values.get(self.starts[mark.line] + mark.column)

    def end(self, node: Node) -> int:
        """Return where a value ends: a block one at its last value, not at the next line."""
        while node.kind in ("map", "list") and not node.is_flow:
            node = node.items[-1].value if node.kind == "map" else node.values[-1]
        return node.end

    def is_special(self, node: Node) -> bool:
        """Whether an anchor or a tag begins it, which an edit would take away."""
        return self.text[node.start : node.start + 1] in ("&", "!")

    def column(self, position: int) -> int:
        """Return the column of a position."""
        return position - self.line_start(position)

    def line_start(self, position: int) -> int:
        """Return where the line of a position begins."""
        return self.starts[bisect.bisect_right(self.starts, position) - 1]

    def line_end(self, position: int) -> int:
        """Return where the line of a position ends, before its break."""
        match = _LINE_BREAK.search(self.text, position)
        return match.start() if match else len(self.text)

    def edit(self, start: int, end: int, text: str) -> Edit:
        """Return the edit of a span."""
        first = bisect.bisect_right(self.starts, start) - 1
        last = bisect.bisect_right(self.starts, end) - 1
        return Edit(first, start - self.starts[first], last, end - self.starts[last], text)

    def add(self, node: Node) -> None:
        """Keep every value of a finished tree by where it begins."""
        waiting = [node]
        self.root = node
        while waiting:
            node = waiting.pop()
            # A block mapping begins where its first key does; that key is no value.
            self._values[node.start] = node
            for item in node.items:
                self._items[item.key.start] = item
                waiting.append(item.value)
            waiting.extend(node.values)


class _Builder:
    """Builds the nodes from a flat stream of events."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[tuple[Node, list[Node]]] = []

    def add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        owner, keys = self._open[-1]
        if owner.kind == "list":
            owner.values.append(node)
        elif keys:
            owner.items.append(Item(owner, keys.pop(), node))
        else:
            keys.append(node)

    def open(self, node: Node) -> None:
        self.add(node)
        self._open.append((node, []))

    def close(self, end: int) -> None:
        node, _ = self._open.pop()
        node.end = end


def read_spans(text: str, *, is_json: bool) -> Spans | None:
    """Return where everything of a text stands; None where it cannot be read."""
    spans = Spans(text, is_json=is_json)
    builder = _Builder()
    feed: Callable[[_Builder, str], None] = _feed_json if is_json else _feed_yaml
    try:
        feed(builder, text)
    except ValueError:
        return None
    if builder.root is None:
        return None
    spans.add(builder.root)
    return spans


def _feed_yaml(builder: _Builder, text: str) -> None:
    import yaml
    from yaml import events

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        stream: Any = loader(text)
        while True:
            event: Any = stream.get_event()
            kind = type(event)
            if kind is events.StreamEndEvent:
                return
            if kind is events.ScalarEvent or kind is events.AliasEvent:
                node = Node(
                    "scalar" if kind is events.ScalarEvent else "alias", event.start_mark.index
                )
                node.end = event.end_mark.index
                builder.add(node)
            elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
                is_map = kind is events.MappingStartEvent
                node = Node("map" if is_map else "list", event.start_mark.index)
                node.is_flow = bool(event.flow_style)
                builder.open(node)
            elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
                builder.close(event.end_mark.index)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _feed_json(builder: _Builder, text: str) -> None:
    from nnspec.language.json_source import json_spans

    for kind, start, end in json_spans(text):
        if kind == "close":
            builder.close(end)
        elif kind == "scalar":
            node = Node("scalar", start)
            node.end = end
            builder.add(node)
        else:
            node = Node("map" if kind == "map" else "list", start)
            node.is_flow = True
            builder.open(node)
