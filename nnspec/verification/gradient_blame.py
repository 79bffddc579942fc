"""The last layer that gives a wrong gradient."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Trainable
from nnspec.errors import NnspecError
from nnspec.language.optimizers.sgd import Sgd
from nnspec.language.training_schema import Training
from nnspec.layers import Add, LearnedTensor
from nnspec.layers.rows import ROWS
from nnspec.layers.shapes import TensorType
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.loader import Spec
from nnspec.network.opened import all_values, as_spec, flat
from nnspec.verification.networks import one_layer
from nnspec.verification.noise import feed
from nnspec.verification.samples import random_target, sizes_of
from nnspec.verification.tolerance import tensor_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnspec.backend import Array, Weights
    from nnspec.verification.engines import SourceEngine

WRONG = 1e-9
"""Relative to the largest gradient of the layer."""
_NOISE = 1
"""The seed of what a random layer draws."""
MOST = 60
"""Layers that are looked at."""


def first_wrong_gradient(
    spec: Spec,
    weights: Weights,
    inputs: Mapping[str, Array],
    engines: tuple[SourceEngine, SourceEngine],
    axes: Mapping[str, int],
) -> str | None:
    """Return the last layer whose gradients differ where both are fed the same, or None.

    Each layer alone is trained on the mean squared error from the same values, with a tensor added
    to what it takes, whose gradient is that of the input. Errors travel backwards, so that it is
    looked for from the end.
    """
    opened = as_spec(spec, all_values(spec.graph), is_trained=False)
    paths = {flat(at.path): at.path for at in spec.graph.walk()}
    renamed = {
        f"{flat(at.path)}.{parameter.name}": weights[f"{at.path}.{parameter.name}"]
        for at in spec.graph.walk()
        for parameter in at.parameters()
    }
    values = {**inputs, **engines[0].build(opened, renamed, "float64").forward(inputs)}
    nodes = [node for node in opened.graph.nodes if isinstance(node, LayerNode)]
    for node in list(reversed(nodes))[:MOST]:
        if node.layer.is_tied or node.layer.type in ROWS:
            continue  # it uses another's weights, or gives other rows than it takes
        try:
            if _is_wrong(opened, node, renamed, values, engines, axes):
                return paths[node.name]
        except NnspecError:
            continue  # it cannot be trained alone
    return None


def _is_wrong(
    opened: Spec,
    node: LayerNode,
    weights: Weights,
    values: Mapping[str, Array],
    engines: tuple[SourceEngine, SourceEngine],
    axes: Mapping[str, int],
) -> bool:
    graph = one_layer(opened.graph, node)
    inputs = {
        name: values[value]
        for name, value in zip(graph.inputs, dict.fromkeys(node.inputs), strict=True)
    }
    home = node.owner or node.name
    own = {
        f"{node.name}.{name.partition('.')[2]}": array
        for name, array in weights.items()
        if name.partition(".")[0] == home
    }
    graph, added = _with_shifts(_at_sizes_of(graph, inputs), inputs)
    if len(graph.outputs) != 1 or graph.types[graph.outputs[0]].dtype != "float32":
        graph = _first_output(graph)
    own |= added
    trained = {name for name, parameter in graph.parameters() if parameter.learns}
    if not trained or graph.types[graph.outputs[0]].dtype != "float32":
        return False
    training = Training(task="regression", optimizer=Sgd())
    model = opened.model.model_copy(update={"training": training, "data": None})
    alone = Spec(model, graph, opened.path)
    rows = len(next(iter(inputs.values())))
    target = random_target(graph, "regression", rows, axes, 0)
    found: list[Weights | None] = []
    for engine in engines:
        program = engine.build(alone, own, "float64")
        assert isinstance(program, Trainable)
        feed(program, _NOISE)
        try:
            found.append(program.gradients(inputs, target)[1])
        except Exception:
            found.append(None)  # as where nothing of the loss depends on a parameter
    first, second = found
    if first is None or second is None:
        return first is not second
    largest = max((float(np.abs(array).max(initial=0)) for array in first.values()), default=0.0)
    return any(
        tensor_error(second[name], array, 1e-3 * largest) > WRONG for name, array in first.items()
    )


def _first_output(graph: Graph) -> Graph:
    return dataclasses.replace(graph, outputs=graph.outputs[:1])


def _at_sizes_of(graph: Graph, inputs: Mapping[str, Array]) -> Graph:
    """Return the network of one layer with numbers for dynamic axes: those of its inputs."""
    axes = {
        str(size): number
        for name, kind in graph.inputs.items()
        for size, number in zip(kind.shape, inputs[name].shape[1:], strict=True)
    }
    types = {
        value: kind._replace(shape=sizes_of(kind.shape, axes))
        for value, kind in graph.types.items()
    }
    (node,) = graph.nodes
    assert isinstance(node, LayerNode)
    layer = node.layer.at_sizes(lambda size: sizes_of((size,), axes)[0])
    return dataclasses.replace(
        graph,
        inputs={name: types[name] for name in graph.inputs},
        nodes=(node._replace(layer=layer, general=()),),
        types=types,
    )


def _with_shifts(graph: Graph, inputs: Mapping[str, Array]) -> tuple[Graph, Weights]:
    """Return the network with a learned tensor of zeros added to each input of floats."""
    (node,) = graph.nodes
    assert isinstance(node, LayerNode)
    nodes: list[LayerNode] = []
    types = dict(graph.types)
    names = {}
    zeros: Weights = {}
    for name, kind in graph.inputs.items():
        if kind.dtype != "float32" or not kind.shape:
            continue
        shape = inputs[name].shape[1:]
        shift, moved = f"shift_{name}", f"moved_{name}"
        nodes.append(LayerNode(shift, LearnedTensor(shape=shape), (name,), (shift,)))
        nodes.append(LayerNode(moved, Add(), (name, shift), (moved,)))
        types[shift] = TensorType(shape)
        types[moved] = kind
        names[name] = moved
        zeros[f"{shift}.weight"] = np.zeros(shape)
    taken = tuple(names.get(value, value) for value in node.inputs)
    nodes.append(node._replace(inputs=taken))
    return dataclasses.replace(graph, nodes=tuple(nodes), types=types), zeros
