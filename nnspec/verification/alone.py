"""A layer alone, fed by inputs, as a network of its own in double precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnspec.backend import Inspectable
from nnspec.errors import UnsupportedError
from nnspec.layers import Layer
from nnspec.layers.shapes import TensorType
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.opened import as_spec
from nnspec.verification.engines import SourceEngine
from nnspec.verification.samples import exercised_weights

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.state import State

NAME = "alone"


def graph_of(state: State, layer: Layer, inputs: Mapping[str, TensorType]) -> Graph:
    """Return the network of this layer; its outputs are `alone`, `alone.1`, ..."""
    shapes = tuple(kind.shape for kind in inputs.values())
    data_format = state.graph.data_format
    made = layer.infer_shape(shapes, data_format)
    outputs = (NAME, *(f"{NAME}.{i}" for i in range(1, len(made))))
    node = LayerNode(NAME, layer, tuple(inputs), outputs)
    types = {**inputs, **dict(zip(outputs, map(TensorType, made), strict=True))}
    return Graph("Alone", data_format, dict(inputs), (node,), outputs, types)


def built(
    state: State, engine: SourceEngine, graph: Graph, weights: Mapping[str, Array] | None = None
) -> Inspectable:
    """Return the program of such a network, with weights of its own where none are given.

    Raises UnsupportedError for a backend whose programs do not show what they give in training.
    """
    spec = as_spec(state.spec, graph, is_trained=False)
    if weights is None:
        weights = exercised_weights(graph, state.settings.seed)
    program = engine.build(spec, dict(weights), "float64")
    if not isinstance(program, Inspectable):
        raise UnsupportedError("its programs show no single step (nnspec.backend.Inspectable)")
    return program
