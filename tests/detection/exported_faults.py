"""Faults of what the frameworks' own exporters write."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.detection.framework import Injection, layer, network
from tests.detection.patches import exported

NET = network(
    {"image": [2, 6, 6]},
    layer("conv2d", "conv", filters=4, kernel_size=3, padding="same"),
    layer("batch_normalization", "norm"),
    layer("leaky_relu", "bend", negative_slope=0.2),
    layer("flatten", "flat"),
    layer("dense", "scores", units=3),
)


def attribute(op_type: str, name: str, value: float) -> Any:
    def edit(model: Any) -> bool:
        found = False
        for node in model.graph.node:
            for each in node.attribute:
                if node.op_type == op_type and each.name == name:
                    each.f = value
                    found = True
        return found

    return edit


def scaled(factor: float, rank: int) -> Any:
    """The first float tensor of this rank is another."""

    def edit(model: Any) -> bool:
        from onnx import numpy_helper

        for tensor in model.graph.initializer:
            array = numpy_helper.to_array(tensor)
            if array.dtype.kind == "f" and array.ndim == rank and array.size > 1:
                tensor.CopyFrom(numpy_helper.from_array(array * factor, tensor.name))
                return True
        return False

    return edit


def flipped(model: Any) -> bool:
    from onnx import numpy_helper

    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype.kind == "f" and array.ndim == 4 and array.shape[-1] > 1:
            turned = np.ascontiguousarray(array[..., ::-1])
            tensor.CopyFrom(numpy_helper.from_array(turned, tensor.name))
            return True
    return False


def fixed(which: str) -> Any:
    """The declared batch is 8."""

    def edit(model: Any) -> bool:
        for value in getattr(model.graph, which):
            value.type.tensor_type.shape.dim[0].ClearField("dim_param")
            value.type.tensor_type.shape.dim[0].dim_value = 8
        return True

    return edit


FAULTS = tuple(
    Injection(name, "exporter", side, NET, exported(side.removeprefix("onnx-via-"), edit))
    for side, name, edit in (
        ("onnx-via-torch", "leaky slope", attribute("LeakyRelu", "alpha", 0.01)),
        ("onnx-via-torch", "weights scaled", scaled(1.001, 2)),
        ("onnx-via-torch", "kernel flipped", flipped),
        ("onnx-via-torch", "batch of the input fixed", fixed("input")),
        ("onnx-via-torch", "batch of the output fixed", fixed("output")),
        ("onnx-via-keras", "leaky slope", attribute("LeakyRelu", "alpha", 0.3)),
        ("onnx-via-keras", "weights scaled", scaled(1.001, 2)),
        ("onnx-via-keras", "kernel flipped", flipped),
        ("onnx-via-keras", "batch of the input fixed", fixed("input")),
    )
)
