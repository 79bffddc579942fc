"""A row of the table from layer to operators, and the rows that are one operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnspec.layers.base import Layer
from nnspec_onnx.context import Context, Values

Lowering = Callable[[Any, Context], Values]
"""Adds the layer's operators to the model and returns its outputs: those that the context names,
or the inputs themselves where the layer changes nothing. A fused activation is not its business."""

Rows = Mapping[type[Layer], Lowering]
"""Layer class -> how ONNX expresses it: what each family's file gives."""


def operator(op_type: str) -> Lowering:
    """Return the lowering to one operator that takes the inputs, and nothing else."""
    return lambda layer, context: (context.node(op_type, *context.inputs),)
