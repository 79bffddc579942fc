"""Edits of an ONNX graph: each is a fault that an exporter may make at one node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.detection.catalogue.kinds import OnnxFinder

Change = Callable[[Any], None]
_OPTIONAL = ("direction", "transB")
"""Attributes that a fault sets where the file leaves them out."""


def label(node: Any) -> str:
    """Return what reports call a node."""
    return str(node.name or node.output[0])


def _nodes(model: Any, ops: str) -> Iterator[tuple[int, Any]]:
    for i, node in enumerate(model.graph.node):
        if node.op_type in ops.split():
            yield i, node


def attribute(ops: str, name: str, new: Any) -> OnnxFinder:
    """An attribute is another; `new` is given the old value, or stands for it; None deletes it."""

    def find(model: Any) -> Iterator[tuple[str, Change]]:
        from onnx import helper

        for i, node in _nodes(model, ops):
            given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            if callable(new):
                value = new(given.get(name)) if name in given or name in _OPTIONAL else None
            else:
                value = new
            if value == given.get(name) or (value is None and name not in given):
                continue
            if isinstance(value, float) and np.float32(value) == np.float32(given.get(name, 0)):
                continue

            def change(changed: Any, i: int = i, value: Any = value) -> None:
                node = changed.graph.node[i]
                kept = [a for a in node.attribute if a.name != name]
                del node.attribute[:]
                node.attribute.extend(kept)
                if value is not None:
                    node.attribute.append(helper.make_attribute(name, value))

            yield label(node), change

    return find


def renamed(ops: str, other: str, **attributes: Any) -> OnnxFinder:
    """An operator is another one, with these attributes beside its own that have a name in them.

    All attributes of the old one go, unless `keeps` names them.
    """
    keeps = attributes.pop("keeps", "").split()

    def find(model: Any) -> Iterator[tuple[str, Change]]:
        from onnx import helper

        for i, node in _nodes(model, ops):

            def change(changed: Any, i: int = i) -> None:
                node = changed.graph.node[i]
                node.op_type = other
                kept = [a for a in node.attribute if a.name in keeps]
                del node.attribute[:]
                node.attribute.extend(kept)
                node.attribute.extend(helper.make_attribute(*each) for each in attributes.items())

            yield label(node), change

    return find


def left_out(ops: str) -> OnnxFinder:
    """An operator gives what it takes first."""
    return renamed_to_identity(ops)


def renamed_to_identity(ops: str) -> OnnxFinder:
    def find(model: Any) -> Iterator[tuple[str, Change]]:
        for i, node in _nodes(model, ops):

            def change(changed: Any, i: int = i) -> None:
                node = changed.graph.node[i]
                node.op_type = "Identity"
                del node.attribute[:]
                del node.input[1:]

            yield label(node), change

    return find


def turned(ops: str) -> OnnxFinder:
    """The first two operands stand the other way round."""

    def find(model: Any) -> Iterator[tuple[str, Change]]:
        for i, node in _nodes(model, ops):

            def change(changed: Any, i: int = i) -> None:
                node = changed.graph.node[i]
                node.input[0], node.input[1] = node.input[1], node.input[0]

            yield label(node), change

    return find


def without_input(ops: str, place: int) -> OnnxFinder:
    """An optional input, such as a bias, is left out."""

    def find(model: Any) -> Iterator[tuple[str, Change]]:
        for i, node in _nodes(model, ops):
            if len(node.input) <= place or not node.input[place]:
                continue

            def change(changed: Any, i: int = i) -> None:
                node = changed.graph.node[i]
                if place == len(node.input) - 1:
                    del node.input[place]
                else:
                    node.input[place] = ""

            yield label(node), change

    return find


def constant(ops: str, place: int, new: Callable[[Any], Any], *, most: int = 16) -> OnnxFinder:
    """A small constant that an operator takes is another: a shape, a bound, a scale.

    Of one that others take too, they get the old one. `new` gives None to leave it.
    """

    def find(model: Any) -> Iterator[tuple[str, Change]]:
        from onnx import numpy_helper

        held = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        for i, node in _nodes(model, ops):
            if len(node.input) <= place or node.input[place] not in held:
                continue
            old = held[node.input[place]]
            value = new(old) if old.size <= most else None
            if value is None or np.array_equal(value, old):
                continue
            array = np.asarray(value, old.dtype)

            def change(changed: Any, i: int = i, array: Any = array) -> None:
                name = f"changed_{i}_{place}"
                changed.graph.initializer.append(numpy_helper.from_array(array, name))
                changed.graph.node[i].input[place] = name

            yield label(node), change

    return find


def either(*finders: OnnxFinder) -> OnnxFinder:
    """Edits of several kinds, which are one kind of fault."""

    def find(model: Any) -> Iterator[tuple[str, Change]]:
        for each in finders:
            yield from each(model)

    return find
