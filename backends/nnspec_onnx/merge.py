"""Layers that join several values, or part one."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.layers import Add, Average, Concatenate, Dot, Layer, Multiply, Split
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows


def add(layer: Add, context: Context) -> Values:
    """Add, or Sum for more than two floats."""
    given = operands(context)
    if len(given) > 2 and context.input_types[0].dtype == "float32":
        return (context.node("Sum", *given),)
    return folded("Add", "sum", given, context)


def multiply(layer: Multiply, context: Context) -> Values:
    """Mul, as often as it takes."""
    return folded("Mul", "product", operands(context), context)


def average(layer: Average, context: Context) -> Values:
    """Mean, or Sum and Div where shapes stretch: onnx's evaluator has Mean keep the first one."""
    given = operands(context)
    if len({type_.shape for type_ in context.input_types}) == 1:
        return (context.node("Mean", *given),)
    number = context.constant("number", float(len(given)))
    return (context.node("Div", context.node("Sum", *given, part="sum"), number),)


def variadic(op_type: str) -> Callable[[Layer, Context], Values]:
    """Return the lowering to one operator that takes all the inputs."""
    return lambda layer, context: (context.node(op_type, *operands(context)),)


def dot(layer: Dot, context: Context) -> Values:
    """Einsum, or Mul and ReduceSum for two vectors."""
    first, second = (type_.shape for type_ in context.input_types)
    if len(first) == len(second) == 1:
        product = context.node("Mul", *context.inputs, part="product")
        return (context.node("ReduceSum", product, context.constant("axes", [1]), keepdims=1),)
    equation = layer.equation((len(first), len(second)), layer.resolved((first, second)))
    return (context.node("Einsum", *context.inputs, equation=equation),)


def operands(context: Context) -> Values:
    """Return the inputs, each with the axes after the batch that it lacks."""
    ranks = [len(type_.shape) for type_ in context.input_types]
    top = max(ranks)
    expanded: dict[str, str] = {}
    axes: dict[int, str] = {}
    for value, rank in zip(context.inputs, ranks, strict=True):
        if rank == top or value in expanded:
            continue
        missing = top - rank
        if missing not in axes:
            axes[missing] = context.constant(f"axes_{missing}", range(1, missing + 1))
        part = f"expanded_{len(expanded)}"
        expanded[value] = context.node("Unsqueeze", value, axes[missing], part=part)
    return tuple(expanded.get(value, value) for value in context.inputs)


def folded(op_type: str, name: str, given: Values, context: Context) -> Values:
    """Return an operator of two applied to the first, then to that and the next, and so on."""
    result, *rest, last = given
    for i, value in enumerate(rest, start=1):
        result = context.node(op_type, result, value, part=f"{name}_{i}")
    return (context.node(op_type, result, last),)


def concatenate(layer: Concatenate, context: Context) -> Values:
    """Concat."""
    axis = layer.resolved_axis(len(context.shape), context.spec_format)
    return (context.node("Concat", *context.inputs, axis=context.axis(axis)),)


def split(layer: Split, context: Context) -> Values:
    """Split, its sizes a constant."""
    return context.nodes(
        "Split",
        context.inputs[0],
        context.constant("sizes", layer.sizes),
        axis=context.axis(layer.axis),
    )


ROWS: Rows = {
    layers.Add: add,
    layers.Subtract: variadic("Sub"),
    layers.Multiply: multiply,
    layers.Divide: variadic("Div"),
    layers.Average: average,
    layers.Maximum: variadic("Max"),
    layers.Minimum: variadic("Min"),
    layers.Matmul: variadic("MatMul"),
    layers.Dot: dot,
    layers.Concatenate: concatenate,
    layers.Split: split,
}
