"""Spares torch.onnx what it reads and does not need, and mends what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Unread:
    """Stands for what the source of an exporter's operator says; it is read when it is needed."""

    def __init__(self, domain: str, read: Any, operator: Any) -> None:
        self.domain = domain
        self._read = read
        self._operator = operator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._read(self._operator), name)


@contextmanager
def operators_unread() -> Iterator[None]:
    """Let torch.onnx list its operators without reading the source of each.

    For every export it asks all of them, about 500, for their domain, and for that parses them,
    which takes as long as the rest of the export of a small network (onnxscript 0.7).
    """
    try:
        from onnxscript import values

        operators: Any = values.TracedOnnxFunction
        read = operators.function_ir.fget
    except (ImportError, AttributeError):
        yield
        return
    original = operators.function_ir
    operators.function_ir = property(lambda self: _Unread(self.opset.domain, read, self))
    try:
        yield
    finally:
        operators.function_ir = original


def give_way(graph: Any) -> bool:
    """Rename the values inside a graph that have the name of an output; return if there were any.

    torch.onnx names what it computes after the operator, "relu", and leaves it so where an output
    is to be called that: no runtime loads such a model (torch 2.13).
    """
    results = {id(value) for value in graph.outputs}
    values = [value for node in graph for value in node.outputs]
    taken = {value.name for value in (*graph.inputs, *graph.outputs, *values)}
    names = {value.name for value in graph.outputs}
    clashes = [value for value in values if value.name in names and id(value) not in results]
    for value in clashes:
        name = f"{value.name}_"
        while name in taken:
            name += "_"
        taken.add(name)
        value.name = name
    return bool(clashes)
