"""Keeps one of the constants and operators that several layers make alike, as a causal mask."""

from __future__ import annotations

from collections.abc import Iterable

from nnspec_onnx.ir import Initializer, Node


def shared(
    nodes: Iterable[Node], initializers: Iterable[Initializer], kept: frozenset[str]
) -> tuple[list[Node], list[Initializer]]:
    """Return the nodes and initializers without those that give what an earlier one gives.

    kept: values that stay even so, those that are the layers' own and bear their names.
    """
    nodes = list(nodes)
    # OpenVINO 2026.4 does not compile two Where that share a scalar, so each keeps its own.
    chosen = {name for node in nodes if node.op_type == "Where" for name in node.inputs}
    equal: dict[str, str] = {}
    renamed: dict[str, str] = {}
    constants: dict[object, str] = {}
    made: dict[object, Node] = {}
    tensors = []
    for tensor in initializers:
        if tensor.value is not None:
            value = tensor.value
            content = (value.dtype.str, value.shape, value.tobytes())
            first = constants.setdefault((tensor.dtype, tensor.is_single, content), tensor.name)
            if first != tensor.name and not tensor.shape and tensor.name in chosen:
                equal[tensor.name] = first
            elif first != tensor.name:
                renamed[tensor.name] = first
                continue
        tensors.append(tensor)
    operators = []
    for given in nodes:
        inputs = tuple(renamed.get(name, name) for name in given.inputs)
        node = given._replace(inputs=inputs) if inputs != given.inputs else given
        if kept.isdisjoint(node.outputs):
            attributes = tuple(sorted(node.attributes.items()))
            compared = tuple(equal.get(name, name) for name in inputs)
            twin = made.setdefault((node.op_type, compared, attributes), node)
            if twin is not node:
                renamed.update(zip(node.outputs, twin.outputs, strict=True))
                continue
        operators.append(node)
    return operators, tensors
