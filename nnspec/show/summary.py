"""The summary of a network: its layers, parameters and costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from nnspec.errors import printable
from nnspec.layers.base import count
from nnspec.layers.shapes import Shape, product, show
from nnspec.network.graph import LayerAt
from nnspec.network.loader import Spec
from nnspec.support import html
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


@dataclass(frozen=True, slots=True, repr=False)
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

    def text(self, width: int | None = None, *, is_styled: bool = False) -> str:
        """Return what `nnspec summary` prints: a table, and the sums below it.

        width: characters of a line. is_styled: with the escape sequences of a terminal.
        """
        import click

        from nnspec.show.table import table_lines

        lines = table_lines(self.name, HEADINGS, self._rows(), numeric=2, width=width)
        whole = "\n".join([*lines, *self._sums()])
        return whole if is_styled else click.unstyle(whole)

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        return [
            (
                layer.name,
                layer.type,
                show(layer.output_shape),
                f"{layer.parameters:,}" if layer.parameters else "",
                f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
            )
            for layer in self.layers
        ]

    def _sums(self) -> tuple[str, str, str]:
        frozen = self.parameters - self.trainable_parameters
        return (
            f"parameters       {self.parameters:,} ({self.trainable_parameters:,} trainable, "
            f"{frozen:,} not), {_bytes(self.parameter_bytes)} in float32",
            f"multiply-adds    {self.multiply_adds:,} a row",
            f"layers' outputs  {_bytes(self.activation_bytes)} a row in float32",
        )

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return printable(
            f"<Summary {self.name}: {len(self.layers):,} layers, {self.parameters:,} parameters, "
            f"{self.multiply_adds:,} multiply-adds>"
        )

    def _repr_html_(self) -> str:
        table = html.table(HEADINGS, self._rows(), numeric=2)
        return html.titled(self.name, html.lines(self._sums()), table)


HEADINGS = ("layer", "type", "output", "parameters", "multiply-adds")


def _bytes(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.1f} {unit}" if unit != "bytes" else f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


@collector_paused()
def summarize(spec: Spec) -> Summary:
    """Count a network's parameters, its work and its memory."""
    places = list(spec.graph.walk())
    layers = tuple(_layer(at) for at in places)
    elements = sum(count((*at.steps_given, *shape)) for at in places for shape in at.output_shapes)
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
        trainable += size if each.learns else 0
    return LayerSummary(
        name=at.path,
        type=layer.type,
        output_shape=outputs[0],
        parameters=parameters,
        trainable_parameters=trainable,
        multiply_adds=layer.multiply_adds(inputs, outputs, at.graph.data_format) * count(at.steps),
    )
