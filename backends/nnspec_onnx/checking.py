"""Lets onnx check the types and shapes of a graph, of a large one part by part.

onnx holds a model several times while it checks it, and its own messages take ten times their
bytes: a network of a hundred thousand layers would take most of a gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import onnx

from nnspec_onnx import wire
from nnspec_onnx.ir import Network, Node

PART = 16384
"""Operators that are checked at once."""


class Messages(NamedTuple):
    """A model in parts, each the bytes of a message.

    head: the model without its graph. nodes: the operators, so many in each as `size` says. ends:
    the graph's name, inputs and outputs. tensors: what stands for each initializer, by its name.
    """

    head: bytes
    nodes: Sequence[bytes]
    size: int
    ends: bytes
    tensors: Mapping[str, bytes]


def check(network: Network, messages: Messages) -> None:
    """Raise onnx's ValidationError or InferenceError for a graph that is not valid."""
    if len(network.nodes) <= PART or not _check_parts(network, messages):
        graph = [*messages.nodes, messages.ends, *messages.tensors.values()]
        onnx.checker.check_model(_model(messages.head, graph), full_check=True)


def _check_parts(network: Network, messages: Messages) -> bool:
    """Check part by part; False where onnx cannot tell the type of a value between two parts."""
    count = PART // messages.size
    ends = onnx.GraphProto.FromString(messages.ends)
    last = {value: i for i, node in enumerate(network.nodes) for value in node.inputs}
    last.update((value.name, len(network.nodes)) for value in network.outputs)
    known = {value.name: value for value in ends.input}
    declared = {value.name: value for value in ends.output}
    for start in range(0, len(network.nodes), count * messages.size):
        nodes = network.nodes[start : start + count * messages.size]
        made = {value for node in nodes for value in node.outputs if value}
        taken = _taken(nodes, made)
        end = start + len(nodes)
        outputs = [value for value in made if last.get(value, 0) >= end]
        rest = onnx.GraphProto(
            name=ends.name,
            input=[known[value] for value in taken if value in known],
            output=[declared.get(v) or onnx.ValueInfoProto(name=v) for v in sorted(outputs)],
        )
        first = start // messages.size
        tensors = [messages.tensors[value] for value in taken if value in messages.tensors]
        graph = [*messages.nodes[first : first + count], rest.SerializeToString(), *tensors]
        inferred = onnx.shape_inference.infer_shapes(
            _model(messages.head, graph), check_type=True, strict_mode=True
        )
        if not all(value.HasField("type") for value in inferred.graph.output):
            return False
        onnx.checker.check_model(inferred)
        known = {name: value for name, value in known.items() if last.get(name, 0) >= end}
        known.update((value.name, value) for value in inferred.graph.output)
    return True


def _taken(nodes: Iterable[Node], made: set[str]) -> list[str]:
    """Return the values that these operators take and do not make, each once."""
    taken = (value for node in nodes for value in node.inputs if value and value not in made)
    return list(dict.fromkeys(taken))


def _model(head: bytes, graph: Sequence[bytes]) -> bytes:
    start = wire.prefix(wire.GRAPH_OF_MODEL, sum(map(len, graph)))
    return b"".join([head, start, *graph])
