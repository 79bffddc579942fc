"""Finds whose weights a layer uses, and makes the node of what is called again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pydantic_core import PydanticCustomError

from nnspec.errors import ShapeError, nearest
from nnspec.layers import LAYERS
from nnspec.layers.base import WINDOW, Layer
from nnspec.layers.shapes import Dim, TensorType, show
from nnspec.layers.sharing import Shared, with_setting
from nnspec.network.block_nodes import block_again, bodies_for
from nnspec.network.entries import Entry
from nnspec.network.graph import BlockNode, LayerNode, Node
from nnspec.network.layer_nodes import layer_node
from nnspec.network.state import BodyState
from nnspec.network.wiring import output_names


def shared_node(
    body: BodyState, entry: Entry, shared: Layer, owner: Node, types: tuple[TensorType, ...]
) -> Node | None:
    """Return the node that is its owner called again, or None where that is a mistake."""
    if owner.name not in body.weighted:
        body.weighted[owner.name] = _has_weights(body, owner)
    layer = _called(body, entry, shared)
    if layer is None:
        return None
    if isinstance(owner, LayerNode) and any(
        getattr(layer, name) != getattr(owner.layer, name) for name in layer.varying
    ):
        return _resized(body, entry, owner, types, layer)
    if types != tuple(body.types[value] for value in owner.inputs):
        return _resized(body, entry, owner, types)
    names = output_names(entry.name, len(owner.outputs))
    for name, output in zip(names, owner.outputs, strict=True):
        body.types[name] = body.types[output]
        if output in body.features:
            body.features[name] = body.features[output]
    return owner._replace(
        name=entry.name,
        inputs=entry.inputs or (),
        outputs=names,
        mark=body.problems.place(entry.mark),
        # Without weights there are none to share.
        owner=owner.name if body.weighted[owner.name] else None,
    )


def owner_of(body: BodyState, entry: Entry, layer: Layer) -> Node | None:
    """Return the node that a shared layer calls again, or None where that is a mistake."""
    owner = _named(body, entry, layer)
    if owner is None:
        return None
    taken = [type_ for value in owner.inputs if (type_ := body.types[value]) is not None]
    given = [type_ for value in entry.inputs or () if (type_ := body.types[value]) is not None]
    kinds = [[(each.dtype, each.rank) for each in side] for side in (taken, given)]
    if kinds[0] == kinds[1]:
        return owner
    with_dtype = [each.shape for each in taken] == [each.shape for each in given]
    shown = (
        " and ".join(_shown(type_, with_dtype=with_dtype) for type_ in side)
        for side in (taken, given)
    )
    body.problems.add(
        "wrong-owner",
        '"{}" calls "{}" again, which takes {}, and got {}'.format(entry.name, owner.name, *shown),
        entry.mark,
        f'give it inputs with as many axes and of the same dtypes as "{owner.name}" takes',
    )
    return None


def _called(body: BodyState, entry: Entry, shared: Layer) -> Layer | None:
    """Return the layer that a `shared` computes, None where it is none; a block's is itself.

    It has the settings of the one that is named, unless it gives others.
    """
    assert isinstance(shared, Shared)
    named = body.nodes[shared.layer]
    layer = named.layer if isinstance(named, LayerNode) else shared
    for name, value in shared.given().items():
        if name not in layer.varying:
            what = f"a {layer.type}" if isinstance(named, LayerNode) else "the use of a block"
            has = (
                "has no" if name not in type(layer).model_fields or layer is shared else "keeps its"
            )
            *kinds, last = (kind for kind, each in LAYERS.items() if each.varying)
            body.problems.add(
                "wrong-owner",
                f'"{entry.name}" calls "{named.name}" again, {what}, which {has} {name}',
                entry.place(name),
                f"leave it out: {', '.join(WINDOW[:-1])} and {WINDOW[-1]} may be given where a "
                f"{', '.join(kinds)} or {last} is called",
            )
            return None
        try:
            layer = with_setting(layer, name, value)
        except PydanticCustomError as error:
            body.problems.add(
                "wrong-type",
                f'{name} of a {layer.type}, "{named.name}": {error.message()}',
                entry.place(name),
                f"`nnspec layers {layer.type}` says what it takes",
            )
            return None
    return layer


def _resized(
    body: BodyState,
    entry: Entry,
    owner: Node,
    types: tuple[TensorType, ...],
    varied: Layer | None = None,
) -> Node | None:
    """Return the node that is its owner called again at other sizes.

    varied: the owner's layer with the settings of this call, where they are others.
    """
    before = len(body.problems.found)
    node: Node | None
    if isinstance(owner, BlockNode):
        node = block_again(body, entry, owner, types)
    elif varied is not None:
        node = layer_node(body, entry, varied, types)
    else:
        table = body.nodes[owner.tied] if owner.tied is not None else None
        assert table is None or isinstance(table, LayerNode)
        node = layer_node(body, entry, owner.layer, types, table)
    if node is None:
        if len(body.problems.found) == before:
            _refuse(body, entry, owner, "its layers do not fit these sizes")
        return None
    same = _parameters(body, owner), _parameters(body, node)
    if same[0] != same[1]:
        names = [*same[0], *same[1]]
        different = next(name for name in names if same[0].get(name) != same[1].get(name))
        shapes = " and ".join(show(each.get(different, ())) for each in same)
        _refuse(body, entry, owner, f"its parameter {different} would be {shapes}")
        return None
    if varied is not None:
        return node._replace(owner=owner.name, tied=owner.name)  # type: ignore[call-arg]
    is_sharing = body.weighted[owner.name]
    return node._replace(owner=owner.name if is_sharing else None)


def _refuse(body: BodyState, entry: Entry, owner: Node, why: str, hint: str = "") -> None:
    body.problems.add(
        "wrong-owner",
        f'"{entry.name}" calls "{owner.name}" again at other sizes, and {why}',
        entry.mark,
        hint
        or "only sizes that no weight depends on may differ: bring the others to those of "
        f'the first call, "{owner.name}"',
    )


def _parameters(body: BodyState, node: Node) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters that a node computes with, by their names within it."""
    if isinstance(node, BlockNode):
        return {
            f"{i}.{name}" if node.is_repeated else name: each.shape
            for i, inner in enumerate(node.bodies)
            for name, each in inner.parameters()
        }
    known = [body.types[value] for value in node.inputs]
    shapes = tuple(type_.shape for type_ in known if type_ is not None)
    return {each.name: each.shape for each in node.layer.parameters(shapes, body.model.data_format)}


def generalised(body: BodyState, nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes, what is called at several sizes fit for all of them.

    One object serves all calls in the emitted code; what it cannot do at any size is reported.
    """
    calls: dict[str, list[Node]] = {}
    for node in nodes:
        if node.owner is not None and not (isinstance(node, LayerNode) and node.is_varied):
            calls.setdefault(node.owner, []).append(node)
    changed: dict[str, Node] = {}
    for node in nodes:
        every = [node, *calls.get(node.name, ())]
        rows = [tuple(map(body.types.get, each.inputs)) for each in every]
        if any(row != rows[0] for row in rows):
            for each in _general(body, every, rows):
                changed[each.name] = each
    return [changed.get(node.name, node) for node in nodes]


def _general(
    body: BodyState, every: Sequence[Node], rows: Sequence[tuple[TensorType | None, ...]]
) -> list[Node]:
    types = _named_sizes(body, rows)
    owner = every[0]
    entry = body.by_name[every[-1].name]
    before = len(body.problems.found)
    if isinstance(owner, BlockNode):
        bodies = bodies_for(body, entry, owner, types)
        if bodies is not None:
            return [each._replace(general=tuple(bodies)) for each in every]  # type: ignore[arg-type]
        del body.problems.found[before + 1 :]
        found = body.problems.found.pop() if len(body.problems.found) > before else None
        why, hint = (found.message, found.hint) if found is not None else ("", "")
    else:
        try:
            made = owner.layer.infer_shape(tuple(t.shape for t in types), body.model.data_format)
            if owner.layer.output_activation is not None:
                owner.layer.output_activation.infer_shape(made, body.model.data_format)
            return [each._replace(general=types) for each in every]  # type: ignore[arg-type]
        except ShapeError as error:
            why, hint = error.message, error.hint
    _refuse(body, entry, owner, f"one object cannot serve all of these: {why}", hint)
    return []


def _named_sizes(
    body: BodyState, rows: Sequence[tuple[TensorType | None, ...]]
) -> tuple[TensorType, ...]:
    """Return what all calls take, with names for the sizes in which they differ."""
    taken = {size for type_ in body.types.values() if type_ is not None for size in type_.shape}
    free = (
        name
        for i in itertools.count()
        for letter in "nmklpq"
        if (name := f"{letter}{i or ''}") not in taken
    )
    names: dict[tuple[Dim, ...], Dim] = {}
    types = []
    for column in zip(*rows, strict=True):
        first = column[0]
        assert first is not None
        shape: list[Dim] = []
        for sizes in zip(*(each.shape for each in column if each is not None), strict=True):
            if len(set(sizes)) == 1:
                shape.append(sizes[0])
                continue
            if sizes not in names:
                names[sizes] = next(free)
            shape.append(names[sizes])
        types.append(first._replace(shape=tuple(shape)))
    return tuple(types)


def table_of(body: BodyState, entry: Entry, layer: Layer) -> LayerNode | None:
    """Return the layer whose table a tied one uses, or None where that is a mistake."""
    owner = _named(body, entry, layer)
    if owner is None:
        return None
    if isinstance(owner, LayerNode) and owner.tied is None:
        return owner
    if isinstance(owner, BlockNode):
        message = f'"{owner.name}" is the use of a block, and an embedding is expected'
        hint = "name an embedding of the same network or block"
    else:
        message = f'"{owner.name}" has no table of its own: it uses that of "{owner.tied}"'
        hint = f"use {{type: tied_dense, layer: {owner.tied}}} again"
    body.problems.add("wrong-owner", message, entry.place("layer"), hint)
    return None


def _named(body: BodyState, entry: Entry, layer: Layer) -> Node | None:
    """Return the node of that name; one that calls another is followed to that one."""
    name: str = layer.layer  # type: ignore[attr-defined]
    node = body.nodes.get(name)
    if node is not None:
        return node if node.owner is None else body.nodes[node.owner]
    if name not in body.by_name:
        body.problems.add(
            "unknown-owner",
            f'no layer is called "{name}"{nearest(name, body.by_name)}',
            entry.place("layer"),
            "name a layer of the same network or block",
        )
    return None


def _has_weights(body: BodyState, node: Node) -> bool:
    if isinstance(node, BlockNode):
        return any(at.parameters() for inner in node.bodies for at in inner.walk())
    types = [body.types[value] for value in node.inputs]
    shapes = tuple(type_.shape for type_ in types if type_ is not None)
    return bool(node.layer.parameters(shapes, body.model.data_format))


def _shown(type_: TensorType, *, with_dtype: bool) -> str:
    return f"{type_.dtype} {show(type_.shape)}" if with_dtype else show(type_.shape)
