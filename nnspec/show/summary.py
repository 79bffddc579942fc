"""The summary of a network: its layers, parameters and costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from nnspec.layers.base import count
from nnspec.layers.shapes import Shape, product
from nnspec.network.graph import LayerAt
from nnspec.network.loader import Spec
from nnspec.support.collector import collector_paused


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One layer, by its path."""

    name: str
    type: str
    output_shape: Shape
    parameters: int
    trainable_parameters: int
    multiply_adds: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The layers and their sums; multiply-adds are of one row, a dynamic axis counted as 1.

    Bytes are those of float32: of all parameters, and of every layer's output for one row.
    """

    name: str
    layers: tuple[LayerSummary, ...]
    parameters: int
    trainable_parameters: int
    multiply_adds: int
    parameter_bytes: int
    activation_bytes: int

    def as_json(self) -> dict[str, object]:
        """Return what `nnspec summary --json` prints."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "trainable_parameters": self.trainable_parameters,
            "multiply_adds": self.multiply_adds,
            "layers": [
                {
                    "name": layer.name,
                    "type": layer.type,
                    "output_shape": list(layer.output_shape),
                    "parameters": layer.parameters,
                }
                for layer in self.layers
            ],
        }


@collector_paused()
def summarize(spec: Spec) -> Summary:
    """Count a network's parameters, its work and its memory."""
    places = list(spec.graph.walk())
    layers = tuple(_layer(at) for at in places)
    elements = sum(count(shape) for at in places for shape in at.output_shapes)
    parameters = sum(layer.parameters for layer in layers)
    return Summary(
        name=spec.name,
        layers=layers,
        parameters=parameters,
        trainable_parameters=sum(layer.trainable_parameters for layer in layers),
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        parameter_bytes=4 * parameters,
        activation_bytes=4 * elements,
    )


def _layer(at: LayerAt) -> LayerSummary:
    layer, inputs, outputs = at.node.layer, at.input_shapes, at.output_shapes
    parameters = trainable = 0
    for each in at.parameters():
        size = cast("int", product(each.shape))
        parameters += size
        trainable += size if each.trainable else 0
    return LayerSummary(
        name=at.path,
        type=layer.type,
        output_shape=outputs[0],
        parameters=parameters,
        trainable_parameters=trainable,
        multiply_adds=layer.multiply_adds(inputs, outputs, at.graph.data_format),
    )
