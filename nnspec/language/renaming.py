"""Finds every use of a name of a spec: what is renamed at its definition alone means nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nnspec.errors import Mark
from nnspec.language.spans import Item, Node, Spans
from nnspec.layers import LAYERS

Place = tuple[int, int]
_EXPRESSION = re.compile(r"\$\{([^{}]*)\}")


def uses(mark: Mark, spans: Spans) -> list[Place]:
    """Return where the name that is defined at `mark` stands, its definition first.

    Empty where nothing of a spec is defined there.
    """
    return next((list(found) for found in _defined(mark, spans)), [])


def _defined(mark: Mark, spans: Spans) -> Iterator[Iterator[Place]]:
    """Yield the places of what is defined at the mark."""
    root = spans.root
    if root is None:
        return
    at = spans.starts[mark.line] + mark.column
    blocks = [item.value for item in _items(_value(root, "blocks", spans))]
    for item in _items(_value(root, "blocks", spans)):
        if item.key.start == at:
            yield _of_block(item.key, root, blocks, spans)
    for item in _items(_value(root, "inputs", spans)):
        if item.key.start == at:
            yield _of_value(item.key, root, spans, is_network=True)
        for axis in _list(_value(item.value, "shape", spans)):
            if axis.start == at:
                yield _of_axis(axis, root, spans)
    name = _value(root, "name", spans)
    if name is not None and name.start == at:
        yield iter([_inner(name, spans)])
    for item in _items(_value(root, "variables", spans)):
        if item.key.start == at:
            yield _of_variable(item.key, root, blocks, spans)
    for body in (root, *blocks):
        for layer in _list(_value(body, "layers", spans)):
            name = _value(layer, "name", spans)
            if name is not None and name.start == at:
                yield _of_value(name, body, spans, is_network=body is root)
    for item in _items(_value(root, "blocks", spans)):
        for name in _list(_value(item.value, "inputs", spans)):
            if name.start == at:
                yield _of_value(name, item.value, spans, is_network=False)
        for own in _items(_value(item.value, "variables", spans)):
            if own.key.start == at:
                yield _of_block_variable(own.key, item, root, blocks, spans)


def _of_block(key: Node, root: Node, blocks: list[Node], spans: Spans) -> Iterator[Place]:
    yield _inner(key, spans)
    for layer in _layers(root, blocks, spans):
        kind = _value(layer, "type", spans)
        if kind is not None and _text(kind, spans) == _text(key, spans):
            yield _inner(kind, spans)


def _of_value(name: Node, body: Node, spans: Spans, *, is_network: bool) -> Iterator[Place]:
    """Yield the places of a layer or an input in its body."""
    given = _text(name, spans)
    yield _inner(name, spans)
    for layer in _list(_value(body, "layers", spans)):
        kind = _value(layer, "type", spans)
        layer_class = LAYERS.get(_text(kind, spans)) if kind is not None else None
        fields = ["inputs"]
        if layer_class is not None:
            fields += [*layer_class.named_inputs, *(["layer"] if layer_class.refers else [])]
        for field in fields:
            yield from _named(_value(layer, field, spans), given, spans)
    yield from _named(_value(body, "outputs", spans), given, spans)
    data = _value(body, "data", spans) if is_network else None
    for item in _items(_value(data, "features", spans) if data is not None else None):
        if _text(item.key, spans) == given:
            yield _inner(item.key, spans)


def _named(node: Node | None, given: str, spans: Spans) -> Iterator[Place]:
    """Yield the names among one or several; `split.1` is an output of `split`."""
    if node is None:
        return
    for each in [node] if node.kind == "scalar" else node.values:
        text = _text(each, spans)
        if text == given or text.startswith(f"{given}."):
            start, _ = _inner(each, spans)
            yield start, start + len(given)


def _of_axis(axis: Node, root: Node, spans: Spans) -> Iterator[Place]:
    given = _text(axis, spans)
    for item in _items(_value(root, "inputs", spans)):
        for each in _list(_value(item.value, "shape", spans)):
            if _text(each, spans) == given:
                yield _inner(each, spans)


def _of_variable(key: Node, root: Node, blocks: list[Node], spans: Spans) -> Iterator[Place]:
    given = _text(key, spans)
    yield _inner(key, spans)
    for item in root.items:
        if _text(item.key, spans) != "blocks":
            yield from _in_expressions(item.value, given, spans)
    for block in blocks:
        own = {_text(each.key, spans) for each in _items(_value(block, "variables", spans))}
        if given not in own:
            yield from _in_expressions(block, given, spans)


def _of_block_variable(
    key: Node, block: Item, root: Node, blocks: list[Node], spans: Spans
) -> Iterator[Place]:
    given = _text(key, spans)
    yield _inner(key, spans)
    yield from _in_expressions(block.value, given, spans)
    for layer in _layers(root, blocks, spans):
        kind = _value(layer, "type", spans)
        if kind is not None and _text(kind, spans) == _text(block.key, spans):
            for item in layer.items:
                if _text(item.key, spans) == given:
                    yield _inner(item.key, spans)


def _in_expressions(node: Node, given: str, spans: Spans) -> Iterator[Place]:
    word = re.compile(rf"(?<![A-Za-z0-9_.]){re.escape(given)}(?![A-Za-z0-9_])")
    waiting = [node]
    while waiting:
        node = waiting.pop()
        waiting.extend(item.value for item in node.items)
        waiting.extend(node.values)
        if node.kind == "scalar":
            text = spans.text[node.start : node.end]
            for expression in _EXPRESSION.finditer(text):
                for found in word.finditer(expression[1]):
                    start = node.start + expression.start(1) + found.start()
                    yield start, start + len(given)


def _layers(root: Node, blocks: list[Node], spans: Spans) -> Iterator[Node]:
    for body in (root, *blocks):
        yield from _list(_value(body, "layers", spans))


def _items(node: Node | None) -> list[Item]:
    return node.items if node is not None else []


def _list(node: Node | None) -> list[Node]:
    return node.values if node is not None else []


def _value(node: Node, key: str, spans: Spans) -> Node | None:
    return next((each.value for each in node.items if _text(each.key, spans) == key), None)


def _text(node: Node, spans: Spans) -> str:
    """Return what a simple scalar says; one with escapes says itself, and is no name."""
    start, end = _inner(node, spans)
    return spans.text[start:end]


def _inner(node: Node, spans: Spans) -> Place:
    """Return the span of a scalar without its quotes."""
    quoted = spans.text[node.start : node.start + 1] in ("'", '"') and node.end - node.start > 1
    return (node.start + 1, node.end - 1) if quoted else (node.start, node.end)
