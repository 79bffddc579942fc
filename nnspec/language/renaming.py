"""Finds every use of a name of a spec: what is renamed at its definition alone means nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import import_module

from nnspec.errors import Mark
from nnspec.language.outline import Named, Outline, Place, items_of, one_or_many
from nnspec.language.spans import Node, Spans
from nnspec.layers import LAYERS

_WORD = re.compile(r"[A-Za-z0-9_]+")
_AUTOMATIC = re.compile(r"([A-Za-z][A-Za-z0-9_]*)_[0-9]+\Z")
"""A name that a layer without one may get: its type and a number."""
_EXPRESSION = re.compile(r"\$\{([^{}]*)\}")
_BY_OUTPUT = ("loss", "task", "metrics")
"""Keys of `training` that may be given by output."""
_BY_NAME = ("target", "augment")
"""Keys of `data` that may be given by output, or by input."""
_GLOB = re.compile(r"[*?\[]")


def uses(mark: Mark, spans: Spans) -> list[Place]:
    """Return where the name that is defined at `mark` stands, its definition first.

    Empty where nothing of a spec is defined there.
    """
    if spans.root is None:
        return []
    outline = Outline(spans.root, spans)
    at = spans.starts[mark.line] + mark.column
    return next((list(found) for found in _defined(at, outline)), [])


def free_name(
    name: str, places: list[Place], spans: Spans, chosen: Mapping[str, str]
) -> str | None:
    """Return a name like this one for what stands at the places, which nothing else has.

    chosen: the names that others are about to get, with those that they had: what had one name in
    several places may have one again. None where an expression can be read as one of
    other names, such as `${n-1}` beside the variables `n` and `n-1`, and where a pattern of
    `freeze` would hold of one of the two names alone.
    """
    assert spans.root is not None
    outline = Outline(spans.root, spans)
    taken = _words(places, spans)
    if any(_is_arithmetic(place, outline) for place in places):
        return None
    given = spans.text[slice(*places[0])]
    types = _types_of_unnamed(outline)
    steps = {each.rpartition("_")[0] for each in taken if each.rpartition("_")[2].isdigit()}
    is_stepped = any(outline.name_of(each) == given for each in _stepped(outline))
    while (
        name in taken
        or (is_stepped and name in steps)
        or chosen.get(name, given) != given
        or ((automatic := _AUTOMATIC.match(name)) and automatic[1] in types)
    ):
        name += "_"
    return None if _changes_a_pattern(given, name, outline) else name


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


def _stepped(outline: Outline) -> Iterator[Node]:
    return (layer for layer in outline.all_layers() if outline.is_stepped(layer))


def _is_arithmetic(place: Place, outline: Outline) -> bool:
    """Whether what stands there, in an expression, is one of other variables."""
    start, end = place
    text = outline.spans.text
    line = text.rfind("${", 0, start)
    if line < 0 or "}" in text[line:start]:
        return False
    named = {
        outline.text(each.name) for body in outline.bodies for each in _variables(body, outline)
    }
    return any(word in named for word in _WORD.findall(text[start:end]))


def _types_of_unnamed(outline: Outline) -> Collection[str]:
    """Return the types whose layers may get a name of their own, where a layer has none."""
    if all(outline.field(layer, "name") is not None for layer in outline.all_layers()):
        return ()
    return {*LAYERS, *(outline.text(each.name) for each in outline.blocks)}


def _changes_a_pattern(given: str, name: str, outline: Outline) -> bool:
    """Whether a pattern of `freeze` holds of one of the two names, and not of the other."""
    parts = {
        part
        for pattern in one_or_many(outline.value(outline.root, "freeze"))
        for part in outline.text(pattern).split(".")
        if _GLOB.search(part)
    }
    return any(fnmatchcase(given, part) != fnmatchcase(name, part) for part in parts)


def _variables(body: Node, outline: Outline) -> list[Named]:
    return outline.named(outline.value(body, "variables"), held="value")


def _defined(at: int, outline: Outline) -> Iterator[Iterator[Place]]:
    """Yield the places of what is defined at a position."""
    root = outline.root
    for block in outline.blocks:
        if block.name.start == at:
            yield _of_block(block.name, outline)
    for given in outline.named(outline.value(root, "inputs")):
        if given.name.start == at:
            yield _of_value(given.name, root, outline)
        for axis in items_of(outline.value(given.held, "shape")):
            if axis.start == at:
                yield _of_axis(axis, outline)
    name = outline.value(root, "name")
    if name is not None and name.start == at:
        yield iter([outline.inner(name)])
    for variable in _variables(root, outline):
        if variable.name.start == at:
            yield _of_variable(variable.name, outline)
    for body in outline.bodies:
        for layer in outline.layers(body):
            own = outline.field(layer, "name")
            if own is not None and own.start == at:
                yield _of_value(own, body, outline)
    for block in outline.blocks:
        for each in one_or_many(outline.value(block.held, "inputs")):
            if each.start == at:
                yield _of_value(each, block.held, outline)
        for each in one_or_many(outline.value(block.held, "optional")):
            if each.start == at:
                yield _of_optional(each, block, outline)
        for variable in _variables(block.held, outline):
            if variable.name.start == at:
                yield _of_block_variable(variable.name, block, outline)


def _of_block(key: Node, outline: Outline) -> Iterator[Place]:
    yield outline.inner(key)
    for layer in outline.all_layers():
        kind = outline.value(layer, "type")
        if kind is not None and outline.text(kind) == outline.text(key):
            yield outline.inner(kind)


def _of_value(name: Node, body: Node, outline: Outline) -> Iterator[Place]:
    """Yield the places of a layer or an input in its body."""
    given = outline.text(name)
    if _is_given_twice(given, body, outline):
        return  # which of them is used, nobody knows
    root = outline.root if body is outline.root else None
    if root is not None and _is_target(given, outline.value(root, "data"), outline):
        return
    training = outline.value(outline.root, "training") if body is outline.root else None
    by_name = [outline.value(training, key) for key in _BY_OUTPUT] if training is not None else []
    if training is not None and _is_named_otherwise(given, training, by_name, outline):
        return  # by a pattern, or as a part of a name
    yield outline.inner(name)
    yield from _taken(given, body, outline)
    yield from _named(outline.value(body, "outputs"), given, body, outline)
    yield from _frozen(given, body, outline)
    data = outline.value(body, "data") if body is outline.root else None
    by_name += [outline.value(data, key) for key in _BY_NAME] if data is not None else []
    for node in by_name:
        for each in outline.named(node, "output"):
            if outline.text(each.name) == given:
                yield outline.inner(each.name)
    features = outline.value(data, "features") if data is not None else None
    for each in outline.named(features, "input"):
        if outline.text(each.name) == given:
            yield outline.inner(each.name)


def _is_target(given: str, data: Node | None, outline: Outline) -> bool:
    """Whether an input of this name is the target, or is it shifted."""
    waiting = [outline.value(data, "target")] if data is not None else []
    while waiting:
        node = waiting.pop()
        for item in node.items if node is not None else ():
            is_input = outline.text(item.key) in ("input", "shifted")
            if is_input and outline.text(item.value) == given:
                return True
            waiting.append(item.value)
    return False


def _is_named_otherwise(
    given: str, training: Node, by_name: Sequence[Node | None], outline: Outline
) -> bool:
    """Whether `training` says a name elsewhere than as a key of what is given by output."""
    keys = {id(each.name) for node in by_name for each in outline.named(node, "output")}
    waiting = [training]
    while waiting:
        node = waiting.pop()
        waiting.extend(each for item in node.items for each in (item.key, item.value))
        waiting.extend(node.values)
        if node.kind != "scalar" or id(node) in keys:
            continue
        for part in outline.text(node).split("."):
            is_pattern = bool(_GLOB.search(part)) and fnmatchcase(given, part)
            if part == given or part.startswith(f"{given}_") or is_pattern:
                return True
    return False


def _taken(given: str, body: Node, outline: Outline) -> Iterator[Place]:
    """Yield where layers of a body take a value, or name the layer that gives it."""
    for layer in outline.layers(body):
        for field in _fields_of_values(layer, outline):
            yield from _named(outline.field(layer, field), given, body, outline)


def _fields_of_values(layer: Node, outline: Outline) -> list[str]:
    """Return the keys of a layer, or of the use of a block, that name values or layers."""
    kind = outline.type_of(layer)
    layer_class = LAYERS.get(kind)
    if layer_class is not None:
        referred = ["layer"] if layer_class.refers else []
        return ["inputs", *layer_class.named_inputs, *referred]
    block = outline.block(kind)
    if block is not None:
        optional = one_or_many(outline.value(block, "optional"))
        return ["inputs", *map(outline.text, optional)]
    # By its name: the library stands above this file.
    library = import_module("nnspec.library").find_block(kind)
    return ["inputs", *(library.optional if library is not None else ())]


def _is_given_twice(given: str, body: Node, outline: Outline) -> bool:
    names = [outline.field(layer, "name") for layer in outline.layers(body)]
    inputs = outline.value(body, "inputs")
    names += [each.name for each in outline.named(inputs)]
    names += [each for each in one_or_many(inputs) if each.kind == "scalar"]
    return sum(outline.text(each) == given for each in names if each is not None) > 1


def _named(node: Node | None, given: str, body: Node, outline: Outline) -> Iterator[Place]:
    """Yield the names among one or several.

    `split.1` is an output of `split`, and `h_0` a repetition of `h`.
    """
    is_stepped = any(
        outline.name_of(layer) == given and outline.is_stepped(layer)
        for layer in outline.layers(body)
    )
    pattern = re.compile(re.escape(given) + (r"(?:_[0-9]+)?" if is_stepped else "") + r"(?:\.|\Z)")
    for each in one_or_many(node):
        if pattern.match(outline.text(each)):
            start, _ = outline.inner(each)
            yield start, start + len(given)


def _frozen(given: str, body: Node, outline: Outline) -> Iterator[Place]:
    """Yield where patterns of `freeze` name a layer of a body: by its path, through blocks."""
    for pattern in one_or_many(outline.value(outline.root, "freeze")):
        start, _ = outline.inner(pattern)
        within = [outline.root]
        for part in outline.text(pattern).split("."):
            own = part.removesuffix(f"_{part.rpartition('_')[2]}")
            is_it = part == given or (
                own == given
                and part.rpartition("_")[2].isdigit()
                and any(outline.name_of(each) == given for each in _stepped(outline))
            )
            if body in within and is_it:
                yield start, start + len(given)
            if not part.isdigit():
                within = _inside(part, within, outline)
            start += len(part) + 1


def _inside(part: str, bodies: list[Node], outline: Outline) -> list[Node]:
    """Return the blocks whose uses, in these bodies, a part of a pattern may name."""
    found = []
    for body in bodies:
        for layer in outline.layers(body):
            kind, name = outline.type_of(layer), outline.name_of(layer)
            block = outline.block(kind)
            steps = f"{name or kind}_"
            is_step = part.startswith(steps) and part[len(steps) :].isdigit()
            may_be = bool(_GLOB.search(part)) and (not name or fnmatchcase(name, part))
            if block is not None and (part == name or is_step or may_be):
                found.append(block)
    return found


def _of_optional(name: Node, block: Named, outline: Outline) -> Iterator[Place]:
    """Yield the places of an optional input of a block: in it, and where its uses give it."""
    given = outline.text(name)
    yield outline.inner(name)
    yield from _taken(given, block.held, outline)
    yield from _named(outline.value(block.held, "outputs"), given, block.held, outline)
    yield from _keys_of_uses(given, block, outline)


def _keys_of_uses(given: str, block: Named, outline: Outline) -> Iterator[Place]:
    for layer in outline.all_layers():
        if outline.type_of(layer) == outline.text(block.name):
            for each in outline.fields(layer):
                if outline.text(each.name) == given:
                    yield outline.inner(each.name)


def _of_axis(axis: Node, outline: Outline) -> Iterator[Place]:
    """Yield the places of a dynamic axis: in the shapes of inputs, and where layers name it."""
    given = outline.text(axis)
    yield outline.inner(axis)
    nodes = [
        outline.value(each.held, "shape")
        for each in outline.named(outline.value(outline.root, "inputs"))
    ]
    nodes += [
        outline.field(layer, key)
        for layer in outline.all_layers()
        for key in ("axes", "axis", "shape")
    ]
    for node in nodes:
        for each in one_or_many(node):
            if each is not axis and outline.text(each) == given:
                yield outline.inner(each)


def _of_variable(key: Node, outline: Outline) -> Iterator[Place]:
    given = outline.text(key)
    yield outline.inner(key)
    for item in outline.root.items:
        if outline.text(item.key) != "blocks":
            yield from _in_expressions(item.value, given, outline.spans)
    for block in outline.blocks:
        own = {outline.text(each.name) for each in _variables(block.held, outline)}
        if given not in own:
            yield from _in_expressions(block.held, given, outline.spans)


def _of_block_variable(key: Node, block: Named, outline: Outline) -> Iterator[Place]:
    given = outline.text(key)
    yield outline.inner(key)
    yield from _in_expressions(block.held, given, outline.spans)
    yield from _keys_of_uses(given, block, outline)


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
