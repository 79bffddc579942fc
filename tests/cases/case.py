"""What a row of the table of layer configurations is.

A row is a layer as a spec has it, the shape of what it takes (or several), and what it gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnspec.layers.shapes import Shape


@dataclass(frozen=True)
class Case:
    """A layer's configuration."""

    layer: dict[str, Any]
    inputs: tuple[Shape, ...]
    output: Shape
    data_format: str = "channels_first"
    dtypes: tuple[str, ...] = ()
    """Of the inputs, where they are not all float32."""
    others: tuple[Shape, ...] = ()
    """Shapes of the second output and those after it."""
    others_are_whole: bool = False

    @property
    def id(self) -> str:
        settings = [f"{key}={value}" for key, value in self.layer.items() if key != "type"]
        shapes = "+".join("x".join(map(str, shape)) for shape in self.inputs)
        dtypes = "".join(f"-{dtype}" for dtype in dict.fromkeys(self.dtypes))
        last = "" if self.data_format == "channels_first" else "-channels_last"
        return "-".join([self.layer["type"], *settings, shapes]).replace(" ", "") + dtypes + last

    def spec(self, *, fed: bool = False) -> dict[str, Any]:
        """Return the layer as a network; fed, each input first passes a layer with weights."""
        names = [f"given_{i}" for i in range(len(self.inputs))]
        dtypes = self.dtypes or ("float32",) * len(names)
        layers: list[dict[str, Any]] = []
        taken = list(names)
        for i, (shape, dtype) in enumerate(zip(self.inputs, dtypes, strict=True)):
            if fed and dtype == "float32" and shape:
                taken[i] = f"fed_{i}"
                layers.append(self._feeder(shape) | {"name": taken[i], "inputs": [names[i]]})
        layers.append({**self.layer, "name": "tested", "inputs": taken})
        outputs = ["tested", *(f"tested.{i}" for i in range(1, len(self.others) + 1))]
        if fed and self.others:
            # Training needs one output, so all of them become one vector.
            for i, name in enumerate(outputs):
                layers.append({"name": f"flat_{i}", "type": "flatten", "inputs": [name]})
                if i and self.others_are_whole:
                    layers[-1]["name"] = f"whole_{i}"
                    layers.append({"name": f"flat_{i}", "type": "cast", "dtype": "float32"})
            flat = [f"flat_{i}" for i in range(len(outputs))]
            layers.append({"name": "joined", "type": "concatenate", "inputs": flat})
            outputs = ["joined"]
        return {
            "nnspec": 1,
            "name": "Tested",
            "data_format": self.data_format,
            "inputs": {
                name: {"shape": list(shape), "dtype": dtype}
                for name, shape, dtype in zip(names, self.inputs, dtypes, strict=True)
            },
            "layers": layers,
            "outputs": outputs,
            "training": {"task": "regression", "optimizer": {"type": "adam"}},
        }

    def _feeder(self, shape: Shape) -> dict[str, Any]:
        if len(shape) == 3:
            channels = shape[0] if self.data_format == "channels_first" else shape[-1]
            return {"type": "conv2d", "filters": channels, "kernel_size": 1}
        if len(shape) == 2 and isinstance(shape[-1], str):
            return {"type": "conv1d", "filters": shape[0], "kernel_size": 1}
        return {"type": "dense", "units": shape[-1]}


@dataclass(frozen=True)
class Network:
    """A configuration that one layer cannot show: layers that share weights, a state handed on."""

    id: str
    inputs: dict[str, Any]
    layers: list[dict[str, Any]]
    output: Shape
    data_format: str = "channels_first"
    blocks: dict[str, Any] | None = None

    def spec(self, *, fed: bool = False) -> dict[str, Any]:
        """Return the network, which is the same fed or not."""
        return {
            "nnspec": 1,
            "name": "Tested",
            "data_format": self.data_format,
            "inputs": self.inputs,
            "blocks": self.blocks or {},
            "layers": self.layers,
            "training": {"task": "regression", "optimizer": {"type": "adam"}},
        }


def image(layer: dict[str, Any], shape: Shape, output: Shape) -> list[Case]:
    """Return the case in both layouts; shapes are given channels first."""
    last = (*shape[1:], shape[0])
    output_last = (*output[1:], output[0])
    return [Case(layer, (shape,), output), Case(layer, (last,), output_last, "channels_last")]
