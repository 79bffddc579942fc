"""Layers that join several values, or part one."""

from __future__ import annotations

from collections.abc import Callable

from nnspec.layers import Add, Average, Concatenate, Dot, Layer, Multiply, Split
from nnspec_onnx.context import Context, Values


def add(layer: Add, at: Context) -> Values:
    """Add, or Sum for more than two floats."""
    given = operands(at)
    if len(given) > 2 and at.input_types[0].dtype == "float32":
        return (at.node("Sum", *given),)
    return _folded("Add", "sum", given, at)


def multiply(layer: Multiply, at: Context) -> Values:
    """Mul, as often as it takes."""
    return _folded("Mul", "product", operands(at), at)


def average(layer: Average, at: Context) -> Values:
    """Mean, or Sum and Div where shapes stretch: onnx's evaluator has Mean keep the first one."""
    given = operands(at)
    if len({kind.shape for kind in at.input_types}) == 1:
        return (at.node("Mean", *given),)
    number = at.constant("number", float(len(given)))
    return (at.node("Div", at.node("Sum", *given, part="sum"), number),)


def variadic(op_type: str) -> Callable[[Layer, Context], Values]:
    """Return the lowering to one operator that takes all the inputs."""
    return lambda layer, at: (at.node(op_type, *operands(at)),)


def dot(layer: Dot, at: Context) -> Values:
    """Einsum, or Mul and ReduceSum for two vectors."""
    first, second = (kind.shape for kind in at.input_types)
    if len(first) == len(second) == 1:
        product = at.node("Mul", *at.inputs, part="product")
        return (at.node("ReduceSum", product, at.constant("axes", [1]), keepdims=1),)
    equation = layer.equation((len(first), len(second)), layer.resolved((first, second)))
    return (at.node("Einsum", *at.inputs, equation=equation),)


def operands(at: Context) -> Values:
    """Return the inputs, each with the axes after the batch that it lacks."""
    ranks = [len(kind.shape) for kind in at.input_types]
    top = max(ranks)
    expanded: dict[str, str] = {}
    axes: dict[int, str] = {}
    for value, rank in zip(at.inputs, ranks, strict=True):
        if rank == top or value in expanded:
            continue
        missing = top - rank
        if missing not in axes:
            axes[missing] = at.constant(f"axes_{missing}", range(1, missing + 1))
        part = f"expanded_{len(expanded)}"
        expanded[value] = at.node("Unsqueeze", value, axes[missing], part=part)
    return tuple(expanded.get(value, value) for value in at.inputs)


def _folded(op_type: str, name: str, given: Values, at: Context) -> Values:
    result, *rest, last = given
    for i, value in enumerate(rest, start=1):
        result = at.node(op_type, result, value, part=f"{name}_{i}")
    return (at.node(op_type, result, last),)


def concatenate(layer: Concatenate, at: Context) -> Values:
    """Concat."""
    axis = layer.resolved_axis(len(at.shape), at.spec_format)
    return (at.node("Concat", *at.inputs, axis=at.axis(axis)),)


def split(layer: Split, at: Context) -> Values:
    """Split, its sizes a constant."""
    return at.nodes(
        "Split", at.inputs[0], at.constant("sizes", layer.sizes), axis=at.axis(layer.axis)
    )
