"""Finds every use of a name of a spec: what is renamed at its definition alone means nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from nnspec.errors import Mark
from nnspec.language.spans import Item, Node, Spans
from nnspec.layers import LAYERS

Place = tuple[int, int]
_WORD = re.compile(r"[A-Za-z0-9_]+")
_AUTOMATIC = re.compile(r"([A-Za-z][A-Za-z0-9_]*)_[0-9]+\Z")
"""A name that a layer without one may get: its type and a number."""
_EXPRESSION = re.compile(r"\$\{([^{}]*)\}")


def uses(mark: Mark, spans: Spans) -> list[Place]:
    """Return where the name that is defined at `mark` stands, its definition first.

    Empty where nothing of a spec is defined there.
    """
    return next((list(found) for found in _defined(mark, spans)), [])


def free_name(
    name: str, places: list[Place], spans: Spans, chosen: Mapping[str, str]
) -> str | None:
    """Return a name like this one for what stands at the places, which nothing else has.

    chosen: the names that others are about to get, with those that they had: what had one name in
    several places may have one again. None where an expression can be read as one of
    other names, such as `${n-1}` beside the variables `n` and `n-1`.
    """
    taken = _words(places, spans)
    if any(_is_arithmetic(place, spans) for place in places):
        return None
    given = spans.text[slice(*places[0])]
    types = _types_of_unnamed(spans)
    while (
        name in taken
        or chosen.get(name, given) != given
        or ((automatic := _AUTOMATIC.match(name)) and automatic[1] in types)
    ):
        name += "_"
    return name


def _words(places: list[Place], spans: Spans) -> set[str]:
    """Return every word of the text but those at the places."""
    return {
        word[0]
        for node in _scalars(spans)
        for word in _WORD.finditer(spans.text, node.start, node.end)
        if not any(start <= word.start() < end for start, end in places)
    }


def _scalars(spans: Spans) -> Iterator[Node]:
    waiting = [spans.root] if spans.root is not None else []
    while waiting:
        node = waiting.pop()
        waiting.extend(each for item in node.items for each in (item.key, item.value))
        waiting.extend(node.values)
        if node.kind == "scalar":
            yield node


def _is_arithmetic(place: Place, spans: Spans) -> bool:
    """Whether what stands there, in an expression, is one of other variables."""
    start, end = place
    line = spans.text.rfind("${", 0, start)
    if line < 0 or "}" in spans.text[line:start]:
        return False
    root = spans.root
    named: set[str] = set()
    if root is not None:
        for body in (root, *(item.value for item in _items(_value(root, "blocks", spans)))):
            named |= {_text(item.key, spans) for item in _items(_value(body, "variables", spans))}
    return any(word in named for word in _WORD.findall(spans.text[start:end]))


def _types_of_unnamed(spans: Spans) -> Collection[str]:
    """Return the types whose layers may get a name of their own, where a layer has none."""
    root = spans.root
    if root is None:
        return ()
    blocks = _items(_value(root, "blocks", spans))
    layers = _layers(root, [item.value for item in blocks], spans)
    if all(_value(layer, "name", spans) is not None for layer in layers):
        return ()
    return {*LAYERS, *(_text(item.key, spans) for item in blocks)}


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
    if _is_given_twice(given, body, spans):
        return  # which of them is used, nobody knows
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


def _is_given_twice(given: str, body: Node, spans: Spans) -> bool:
    names = [_value(layer, "name", spans) for layer in _list(_value(body, "layers", spans))]
    inputs = _value(body, "inputs", spans)
    names += [item.key for item in _items(inputs)] + _list(inputs)
    return sum(_text(each, spans) == given for each in names if each is not None) > 1


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
