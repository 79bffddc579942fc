"""Finds the layer whose weights another one uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.entries import Entry
from nnspec.errors import nearest
from nnspec.graph import LayerNode
from nnspec.layers.base import Layer
from nnspec.shapes import show

if TYPE_CHECKING:
    from nnspec.body import Body


def owner_of(body: Body, entry: Entry, layer: Layer) -> LayerNode | None:
    """Return the node whose weights the layer uses, or None where that is a mistake."""
    name: str = layer.layer  # type: ignore[attr-defined]
    owner = body.nodes.get(name)
    if owner is not None:
        if owner.layer.is_tied:
            body.report.add(
                "wrong-owner",
                f'"{name}" has no table of its own: it uses that of "{owner.owner}"',
                entry.place("layer"),
                f"use {{type: tied_dense, layer: {owner.owner}}} again",
            )
            return None
        if owner.owner is not None:
            owner = body.nodes[owner.owner]
        taken = [body.types[value] for value in owner.inputs]
        given = [body.types[value] for value in entry.inputs or ()]
        if layer.is_tied or taken == given:
            return owner
        shown = (" and ".join(show(t.shape) for t in side if t) for side in (taken, given))
        body.report.add(
            "wrong-owner",
            '"{}" calls "{}" again, which takes {}, and got {}'.format(entry.name, name, *shown),
            entry.mark,
            "give it inputs of the same shapes and dtypes, or a layer of its own",
        )
    elif name not in body.by_name:
        body.report.add(
            "unknown-owner",
            f'no layer is called "{name}"{nearest(name, body.by_name)}',
            entry.place("layer"),
            "name a layer of the same network or block",
        )
    elif body.by_name[name].call is not None:
        body.report.add(
            "wrong-owner",
            f'"{name}" is the use of a block, and a layer is expected',
            entry.place("layer"),
            "share each layer of it: name them in one network, and use `shared` for each",
        )
    return None
