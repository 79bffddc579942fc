"""Operators of neighbouring layers that undo each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from nnspec_onnx.ir import Initializer, Node

_UNDONE = {"Squeeze": "Unsqueeze", "Unsqueeze": "Squeeze"}


def cancelled(
    nodes: Iterable[Node], tensors: Iterable[Initializer]
) -> tuple[list[Node], dict[str, str]]:
    """Return the operators without what cancels, and which values are now which others.

    Two transposes become one, or none where the second undoes the first, and equal ones of one
    value become one. An axis that is taken away and put back, or the other way round, was always
    there. A shape is made in one step. What thereby is not used stays.
    """
    constants = {each.name: each.value.tolist() for each in tensors if each.value is not None}
    kept: list[Node] = []
    made: dict[str, Node] = {}
    turned: dict[tuple[str, tuple[int, ...]], str] = {}
    same: dict[str, str] = {}

    def is_undone(before: Node, node: Node) -> bool:
        if _UNDONE.get(before.op_type) != node.op_type:
            return False
        axes, back = (constants.get(each.inputs[1]) for each in (before, node))
        return axes is not None and axes == back

    for given in nodes:
        node = given
        if not same.keys().isdisjoint(node.inputs):
            inputs = tuple(same.get(value, value) for value in node.inputs)
            node = node._replace(inputs=inputs)
        before = made.get(node.inputs[0])
        source: str | None = None
        if node.op_type == "Transpose":
            node = _composed(before, node)
            key = node.inputs[0], _perm(node)
            source = (
                node.inputs[0] if _perm(node) == tuple(sorted(_perm(node))) else turned.get(key)
            )
            turned.setdefault(key, node.outputs[0])
        elif before is not None and is_undone(before, node):
            source = before.inputs[0]
        elif before is not None and node.op_type == before.op_type == "Reshape":
            sizes = constants.get(node.inputs[1])
            # A 0 takes a size of what it stands at.
            if sizes is not None and 0 not in sizes:
                node = node._replace(inputs=(before.inputs[0], node.inputs[1]))
        if source is not None:
            same[node.outputs[0]] = source
            continue
        made[node.outputs[0]] = node
        kept.append(node)
    return kept, same


def _composed(before: Node | None, node: Node) -> Node:
    """Return a Transpose that does the work of one before it too."""
    if before is None or before.op_type != "Transpose":
        return node
    perm = tuple(_perm(before)[axis] for axis in _perm(node))
    return node._replace(inputs=before.inputs, attributes={"perm": perm})


def _perm(node: Node) -> tuple[int, ...]:
    return cast("tuple[int, ...]", node.attributes["perm"])
