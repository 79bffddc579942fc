"""Layers that join several values, or part one."""

from __future__ import annotations

from nnspec.layers import Add, Concatenate, Multiply, Split
from nnspec_onnx.context import Context, Values


def add(layer: Add, at: Context) -> Values:
    """Add, or Sum for more than two."""
    return (at.node("Add" if len(at.inputs) == 2 else "Sum", *at.inputs),)


def multiply(layer: Multiply, at: Context) -> Values:
    """Mul, as often as it takes."""
    product, *rest, last = at.inputs
    for i, value in enumerate(rest, start=1):
        product = at.node("Mul", product, value, part=f"product_{i}")
    return (at.node("Mul", product, last),)


def concatenate(layer: Concatenate, at: Context) -> Values:
    """Concat."""
    axis = layer.resolved_axis(len(at.shape), at.spec_format)
    return (at.node("Concat", *at.inputs, axis=at.axis(axis)),)


def split(layer: Split, at: Context) -> Values:
    """Split, its sizes a constant."""
    return at.nodes(
        "Split", at.inputs[0], at.constant("sizes", layer.sizes), axis=at.axis(layer.axis)
    )
