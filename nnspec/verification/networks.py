"""Variants of a network that a verification runs: with one output, one layer alone, all values."""

from __future__ import annotations

import dataclasses

from nnspec.layers import Layer, ReduceNorm, Stack
from nnspec.layers.shapes import Dim, Shape, TensorType
from nnspec.network.graph import Graph, LayerNode, inline


def with_one_output(graph: Graph) -> Graph:
    """Return a network of several outputs with one in their place: the length of each, (outputs,).

    A loss of it has a gradient through every output that holds floats; the others are left out.
    Where one alone holds floats, it is that.
    """
    floats = [name for name in graph.outputs if graph.types[name].dtype == "float32"]
    if len(floats) == 1:
        return dataclasses.replace(graph, outputs=(floats[0],))
    types = dict(graph.types)
    nodes = list(graph.nodes)
    taken = {node.name for node in nodes} | types.keys()

    def add(layer: Layer, inputs: tuple[str, ...], shape: Shape) -> str:
        name = next(n for i in range(len(taken) + 1) if (n := f"{layer.type}_{i}") not in taken)
        taken.add(name)
        nodes.append(LayerNode(name, layer, inputs, (name,)))
        types[name] = TensorType(shape)
        return name

    lengths = []
    for output in floats:
        axes = tuple(range(types[output].rank))
        lengths.append(add(ReduceNorm(axes=axes), (output,), ()) if axes else output)
    result = add(Stack(axis=0), tuple(lengths), (len(lengths),))
    return dataclasses.replace(graph, nodes=tuple(nodes), types=types, outputs=(result,))


def untrained_parameters(graph: Graph) -> list[str]:
    """Return the trainable parameters that reach no output by a gradient.

    A whole number has none, nor has what a layer keeps back.
    """
    opened = inline(graph)
    reached = set(opened.outputs)
    homes: set[str] = set()
    for node in reversed(opened.nodes):
        assert isinstance(node, LayerNode)
        if not any(v in reached and opened.types[v].dtype == "float32" for v in node.outputs):
            continue
        homes.update(name for name in (node.owner or node.name, node.tied) if name is not None)
        if node.layer.passes_gradient:
            reached.update(node.inputs)
    trained = {
        f"{at.path}.{parameter.name}"
        for at in graph.walk()
        if at.path in homes
        for parameter in at.parameters()
    }
    return [
        name for name, parameter in graph.parameters() if parameter.learns and name not in trained
    ]


def one_layer(graph: Graph, node: LayerNode) -> Graph:
    """Return the network that is this layer of an opened graph alone, fed by inputs.

    A size that layers before it have changed, as `time - 2`, is an axis of its own here.
    """
    names = {value: f"input_{i}" for i, value in enumerate(dict.fromkeys(node.inputs))}
    axes: dict[Dim, str] = {}
    inputs = {
        name: graph.types[value]._replace(
            shape=tuple(
                axes.setdefault(size, f"axis_{len(axes)}")
                if isinstance(size, str) and not size.isidentifier()
                else size
                for size in graph.types[value].shape
            ),
        )
        for value, name in names.items()
    }
    taken = tuple(names[value] for value in node.inputs)
    alone = node._replace(inputs=taken, owner=None, tied=None, general=())
    types = {**inputs, **{value: graph.types[value] for value in node.outputs}}
    if axes:
        shapes = tuple(inputs[name].shape for name in taken)
        inferred = node.layer.infer_shape(shapes, graph.data_format)
        for value, shape in zip(node.outputs, inferred, strict=True):
            types[value] = types[value]._replace(shape=shape)
    return Graph(graph.name, graph.data_format, inputs, (alone,), node.outputs, types)
