"""One table of layer configurations, from which shape, parity and schema tests derive.

A new layer gets its rows here, and nothing else in the tests. A row is a layer as a spec has it,
the shape of what it takes (or several), and what it gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nnspec.shapes import Shape


@dataclass(frozen=True)
class Case:
    """A layer's configuration."""

    layer: dict[str, Any]
    inputs: tuple[Shape, ...]
    output: Shape
    data_format: str = "channels_first"
    tags: frozenset[str] = field(default_factory=frozenset)

    @property
    def id(self) -> str:
        settings = [f"{key}={value}" for key, value in self.layer.items() if key != "type"]
        shapes = "+".join("x".join(map(str, shape)) for shape in self.inputs)
        last = "" if self.data_format == "channels_first" else "-channels_last"
        return "-".join([self.layer["type"], *settings, shapes]).replace(" ", "") + last

    def spec(self, *, fed: bool = False) -> dict[str, Any]:
        """Return the layer as a network; fed, each input first passes a layer with weights."""
        names = [f"given_{i}" for i in range(len(self.inputs))]
        layers: list[dict[str, Any]] = []
        taken = names
        if fed:
            taken = [f"fed_{i}" for i in range(len(self.inputs))]
            for name, given, shape in zip(taken, names, self.inputs, strict=True):
                layers.append(self._feeder(shape) | {"name": name, "inputs": [given]})
        layers.append({**self.layer, "name": "tested", "inputs": taken})
        return {
            "nnspec": 1,
            "name": "Tested",
            "data_format": self.data_format,
            "inputs": {
                name: {"shape": list(shape)} for name, shape in zip(names, self.inputs, strict=True)
            },
            "layers": layers,
            "training": {"task": "regression", "optimizer": {"type": "adam"}},
        }

    def _feeder(self, shape: Shape) -> dict[str, Any]:
        if len(shape) == 3:
            channels = shape[0] if self.data_format == "channels_first" else shape[-1]
            return {"type": "conv2d", "filters": channels, "kernel_size": 1}
        return {"type": "dense", "units": shape[-1]}


def image(layer: dict[str, Any], shape: Shape, output: Shape) -> list[Case]:
    """Return the case in both layouts; shapes are given channels first."""
    last = (*shape[1:], shape[0])
    output_last = (*output[1:], output[0])
    return [Case(layer, (shape,), output), Case(layer, (last,), output_last, "channels_last")]


def conv(shape: Shape, output: Shape, **fields: Any) -> list[Case]:
    return image({"type": "conv2d", "filters": output[0], **fields}, shape, output)


def pool(kind: str, shape: Shape, output: Shape, **fields: Any) -> list[Case]:
    return image({"type": kind, **fields}, shape, output)


def activation(**layer: Any) -> list[Case]:
    return [Case(layer, (shape,), shape) for shape in [(7,), (3, 5), (2, 3, 4)]]


CASES: list[Case] = [
    Case({"type": "dense", "units": 3}, ((4,),), (3,)),
    Case({"type": "dense", "units": 1, "use_bias": False}, ((5,),), (1,)),
    Case({"type": "dense", "units": 5, "activation": "tanh"}, ((5,),), (5,)),
    Case({"type": "dense", "units": 6}, ((3, 4),), (3, 6)),
    Case({"type": "dense", "units": 4, "activation": "softmax"}, ((2, 3),), (2, 4)),
    Case({"type": "dense", "units": 4}, (("time", 3),), ("time", 4)),
    *conv((3, 5, 7), (4, 3, 5), kernel_size=3),
    *conv((2, 6, 5), (3, 6, 5), kernel_size=3, padding="same"),
    *conv((2, 6, 5), (3, 6, 5), kernel_size=[2, 4], padding="same", use_bias=False),
    *conv((2, 7, 8), (3, 4, 4), kernel_size=3, padding="same", strides=2),
    *conv((2, 8, 7), (4, 4, 3), kernel_size=3, padding="same", strides=[2, 3], activation="relu"),
    *conv((4, 9, 9), (6, 5, 5), kernel_size=3, dilation_rate=2, groups=2),
    *conv((4, 8, 8), (4, 8, 8), kernel_size=3, dilation_rate=2, padding="same", groups=4),
    *conv((2, 6, 6), (3, 3, 3), kernel_size=3, strides=2, padding=1),
    *conv((2, 5, 6), (3, 6, 7), kernel_size=3, padding=[[2, 1], [0, 3]]),
    *conv((2, 9, 9), (3, 3, 3), kernel_size=3, strides=2, dilation_rate=2),
    *conv((1, 1, 1), (2, 1, 1), kernel_size=1),
    *pool("max_pooling2d", (2, 6, 7), (2, 3, 3)),
    *pool("max_pooling2d", (2, 7, 7), (2, 3, 3), pool_size=3, strides=2),
    *pool("max_pooling2d", (2, 7, 5), (2, 4, 3), pool_size=3, strides=2, padding="same"),
    *pool("max_pooling2d", (2, 6, 6), (2, 6, 6), pool_size=2, strides=1, padding="same"),
    *pool("max_pooling2d", (3, 7, 7), (3, 4, 4), pool_size=3, strides=2, padding=1),
    *pool("average_pooling2d", (2, 6, 7), (2, 3, 3)),
    *pool("average_pooling2d", (2, 7, 5), (2, 4, 3), pool_size=3, strides=2, padding="same"),
    *pool("average_pooling2d", (2, 6, 6), (2, 6, 6), pool_size=2, strides=1, padding="same"),
    *pool(
        "average_pooling2d", (2, 6, 6), (2, 3, 4), pool_size=3, strides=2, padding=[[1, 0], [2, 1]]
    ),
    Case({"type": "global_average_pooling2d"}, ((3, 4, 5),), (3,)),
    Case({"type": "global_average_pooling2d"}, ((4, 5, 3),), (3,), "channels_last"),
    Case({"type": "flatten"}, ((2, 3, 4),), (24,)),
    Case({"type": "flatten"}, ((3, 4, 2),), (24,), "channels_last"),
    Case({"type": "flatten"}, ((6,),), (6,)),
    Case({"type": "reshape", "shape": [4, 6]}, ((2, 3, 4),), (4, 6)),
    Case({"type": "reshape", "shape": [2, -1, 2]}, ((12,),), (2, 3, 2)),
    Case({"type": "reshape", "shape": [-1]}, ((3, 4, 2),), (24,), "channels_last"),
    Case({"type": "dropout", "rate": 0.4}, ((5,),), (5,)),
    *image({"type": "dropout", "rate": 0.0}, (2, 3, 4), (2, 3, 4)),
    Case({"type": "batch_normalization"}, ((5,),), (5,)),
    Case({"type": "batch_normalization", "momentum": 0.99, "epsilon": 0.01}, ((4,),), (4,)),
    *image({"type": "batch_normalization", "affine": False}, (3, 2, 4), (3, 2, 4)),
    *image({"type": "batch_normalization"}, (3, 4, 5), (3, 4, 5)),
    *image({"type": "batch_normalization", "momentum": 0.5}, (2, 3, 3), (2, 3, 3)),
    *[
        Case({"type": kind}, ((3, 4),) * number, (3, 4))
        for kind in ("add", "multiply")
        for number in (2, 3)
    ],
    *[
        Case({"type": kind}, ((2, 3, 4),) * 2, (2, 3, 4), layout)
        for kind in ("add", "multiply")
        for layout in ("channels_first", "channels_last")
    ],
    Case({"type": "concatenate"}, ((3,), (4,)), (7,)),
    Case({"type": "concatenate"}, ((2, 3, 4), (1, 3, 4)), (3, 3, 4)),
    Case({"type": "concatenate"}, ((3, 4, 2), (3, 4, 1)), (3, 4, 3), "channels_last"),
    Case({"type": "concatenate", "axis": 1}, ((2, 3, 4), (2, 2, 4)), (2, 5, 4)),
    Case({"type": "concatenate", "axis": 0}, ((2, 3), (1, 3), (3, 3)), (6, 3)),
    *activation(type="linear"),
    *activation(type="relu"),
    *activation(type="leaky_relu"),
    *activation(type="leaky_relu", negative_slope=0.25),
    *activation(type="elu"),
    *activation(type="elu", alpha=0.3),
    *activation(type="sigmoid"),
    *activation(type="tanh"),
    *activation(type="softmax"),
    *activation(type="softmax", axis=0),
    Case({"type": "softmax", "axis": 1}, ((2, 3, 4),), (2, 3, 4)),
    *activation(type="gelu"),
    *activation(type="gelu", approximate=True),
    *activation(type="silu"),
]
