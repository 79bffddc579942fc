"""Finds whose weights a layer uses, and makes the node of what is called again."""

from __future__ import annotations

from nnspec.errors import nearest
from nnspec.layers.base import Layer
from nnspec.layers.shapes import TensorType, show
from nnspec.network.entries import Entry
from nnspec.network.graph import BlockNode, LayerNode, Node
from nnspec.network.state import BodyState
from nnspec.network.wiring import output_names


def shared_node(body: BodyState, entry: Entry, owner: Node) -> Node:
    """Return the node that is its owner called again."""
    if owner.name not in body.weighted:
        body.weighted[owner.name] = _has_weights(body, owner)
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
    taken = [body.types[value] for value in owner.inputs]
    given = [body.types[value] for value in entry.inputs or ()]
    if taken == given:
        return owner
    with_dtype = [type_ and type_.shape for type_ in taken] == [
        type_ and type_.shape for type_ in given
    ]
    shown = (
        " and ".join(_shown(type_, with_dtype=with_dtype) for type_ in side if type_ is not None)
        for side in (taken, given)
    )
    body.problems.add(
        "wrong-owner",
        '"{}" calls "{}" again, which takes {}, and got {}'.format(entry.name, owner.name, *shown),
        entry.mark,
        "give it inputs of the same shapes and dtypes, or "
        + (
            f"weights of its own: {{type: {owner.block}}}"
            if isinstance(owner, BlockNode)
            else "a layer of its own"
        ),
    )
    return None


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
