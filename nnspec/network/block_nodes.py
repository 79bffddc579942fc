"""Makes the node of a block's use: a body for each repetition."""

from __future__ import annotations

from nnspec.language.limits import MAX_BLOCK_DEPTH, MAX_LAYERS, MAX_WORK
from nnspec.language.schema import Call
from nnspec.language.scope import Scope, compute
from nnspec.layers.shapes import TensorType
from nnspec.network.entries import Entry
from nnspec.network.graph import BlockNode, Graph
from nnspec.network.state import BodyState, Given
from nnspec.network.wiring import output_names


def block_node(
    body: BodyState, entry: Entry, call: Call, types: tuple[TensorType, ...]
) -> BlockNode | None:
    """Return the node of a block's use for values of these types; what is wrong is reported."""
    block = body.resolver.reader.block(call.type)
    assert block is not None
    if call.type in body.chain or len(body.chain) >= MAX_BLOCK_DEPTH:
        path = " -> ".join([*body.chain, call.type])
        is_itself = call.type in body.chain
        body.problems.add(
            "block-recursion",
            f'block "{call.type}" uses itself: {path}'
            if is_itself
            else f"blocks are nested deeper than {MAX_BLOCK_DEPTH} levels: {path}",
            entry.mark,
            "a block may use other blocks, not itself; for depth use `repeat`",
        )
        return None
    given = len(types) - len(entry.optional)
    if given != len(block.inputs):
        body.wrong_number(
            entry, call.type, len(block.inputs), len(block.inputs), given, block.inputs
        )
        return None
    made = _bodies(body, entry, call, types)
    if made is None:
        return None
    bodies, features = made
    if not call.trainable:
        bodies = [body.resolver.frozen(inner) for inner in bodies]
    last = bodies[-1]
    names = output_names(entry.name, len(last.outputs))
    for name, output, found in zip(names, last.outputs, features, strict=True):
        body.types[name] = last.types[output]
        if found is not None:
            body.features[name] = found
    is_repeated = call.repeat is not None
    inputs = entry.inputs or ()
    mark = body.problems.place(entry.mark)
    return BlockNode(entry.name, call.type, tuple(bodies), is_repeated, inputs, names, mark)


def bodies_for(
    body: BodyState, entry: Entry, owner: BlockNode, types: tuple[TensorType, ...]
) -> list[Graph] | None:
    """Return the bodies of a block's use for values of other types."""
    block = body.resolver.reader.block(owner.block)
    assert block is not None
    optional = tuple(name for name in owner.bodies[0].inputs if name in block.optional)
    features: Given = tuple(map(body.features.get, entry.inputs or ()))
    bodies: list[Graph] = []
    for each in owner.bodies:
        made = body.resolver.block_body(
            owner.block, each.arguments, types, body.chain, entry.mark, features, optional
        )
        if made is None:
            return None
        inner, found = made
        outputs = tuple(inner.types[name] for name in inner.outputs)
        types = (*outputs, *types[len(outputs) :])
        features = (*found, *features[len(outputs) :])
        call = body.by_name[owner.name].call
        is_frozen = call is not None and not call.trainable
        bodies.append(body.resolver.frozen(inner) if is_frozen else inner)
    return bodies


def block_again(
    body: BodyState, entry: Entry, owner: BlockNode, types: tuple[TensorType, ...]
) -> BlockNode | None:
    """Return the node of a block's use that is called again for values of other types."""
    bodies = bodies_for(body, entry, owner, types)
    if bodies is None:
        return None
    last = bodies[-1]
    names = output_names(entry.name, len(last.outputs))
    for name, output in zip(names, last.outputs, strict=True):
        body.types[name] = last.types[output]
    for name, value in zip(names, owner.outputs, strict=True):
        if value in body.features:
            body.features[name] = body.features[value]
    mark = body.problems.place(entry.mark)
    inputs = entry.inputs or ()
    return owner._replace(
        name=entry.name, bodies=tuple(bodies), inputs=inputs, outputs=names, mark=mark
    )


def _bodies(
    body: BodyState, entry: Entry, call: Call, types: tuple[TensorType, ...]
) -> tuple[list[Graph], Given] | None:
    """Return one body for each repetition, each of the types that the one before gives.

    And where what the last gives has its features.
    """
    given = dict(call.model_extra or {})
    names = tuple(name for name, _ in entry.optional)
    repeat = call.repeat if isinstance(call.repeat, int) else 1
    if repeat > MAX_LAYERS:
        body.resolver.too_many(entry.place("repeat"))
        return None
    layers = 0
    bodies: list[Graph] = []
    features: Given = tuple(map(body.features.get, entry.inputs or ()))
    found: Given = ()
    for i in range(repeat):
        scope = body.scope
        if call.repeat is not None:
            scope = Scope({"index": i}, body.scope)
        arguments: dict[str, object] = {}
        for key, value in given.items():
            arguments[key], fine = compute(value, scope, body.problems, entry.place(key))
            if not fine:
                return None
            body.resolver.work += getattr(arguments[key], "size", 1)
        made = body.resolver.block_body(
            call.type, arguments, types, body.chain, entry.mark, features, names
        )
        if made is None:
            return None
        inner, found = made
        bodies.append(inner)
        body.size += body.resolver.sizes[inner]
        layers += body.resolver.layers[inner]
        if layers > MAX_LAYERS or body.resolver.work > MAX_WORK:
            body.resolver.too_many(entry.place("repeat"))
            return None
        outputs = tuple(inner.types[name] for name in inner.outputs)
        if call.repeat is not None and len(outputs) > len(types):
            body.problems.add(
                "wrong-number-of-inputs",
                f'block "{call.type}" gives {len(outputs)} values and takes {len(types)}, '
                "so that it cannot be repeated",
                entry.place("repeat"),
                "let it give as many values as it takes",
            )
            return None
        types = (*outputs, *types[len(outputs) :])
        features = (*found, *features[len(outputs) :])
    return bodies, found
