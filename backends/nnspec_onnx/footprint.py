"""The memory that one row takes in an ONNX model while it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec_onnx import wire

if TYPE_CHECKING:
    import onnx

SMALL = 2**12
"""Bytes of a constant that may say what shape something has."""


def bytes_of_a_row(path: str | Path, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Return the bytes of what the largest operator takes and gives for one row.

    shapes: of the inputs by name, without the batch axis. Weights are not counted, nor what is made
    of them alone, nor what is in the bodies of loops. 0 where onnx's shape inference does not tell.
    """
    try:
        import onnx

        with Path(path).open("rb") as file:
            # No shape follows from the numbers of large tensors.
            model = onnx.load_model_from_string(wire.without_tensors(file, SMALL))
        for value in model.graph.input:
            if value.name in shapes:
                _set(value, (1, *shapes[value.name]))
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        return _largest(graph)
    except Exception:  # it only advises, and whatever is wrong with a file is told by who runs it
        return 0


def _largest(graph: onnx.GraphProto) -> int:
    values = (*graph.value_info, *graph.input, *graph.output)
    constant = {each.name for each in graph.initializer}
    sizes = {value.name: _bytes(value) for value in values}
    most = 0
    for node in graph.node:
        has_body = any(each.HasField("g") or each.graphs for each in node.attribute)
        if not has_body and constant.issuperset(filter(None, node.input)):
            constant.update(node.output)
            continue
        names = {*node.input, *node.output} - constant
        most = max(most, sum(sizes.get(name, 0) for name in names))
    return most


def _set(value: onnx.ValueInfoProto, shape: tuple[int, ...]) -> None:
    axes = value.type.tensor_type.shape.dim
    if len(axes) == len(shape):
        for axis, size in zip(axes, shape, strict=True):
            axis.dim_value = size


def _bytes(value: onnx.ValueInfoProto) -> int:
    from onnx.helper import tensor_dtype_to_np_dtype

    kind = value.type.tensor_type
    if not kind.HasField("shape") or not all(axis.HasField("dim_value") for axis in kind.shape.dim):
        return 0
    size = math.prod(axis.dim_value for axis in kind.shape.dim)
    dtype: np.dtype[Any] = tensor_dtype_to_np_dtype(kind.elem_type)
    return int(size * dtype.itemsize)
