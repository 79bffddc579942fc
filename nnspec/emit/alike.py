"""Lowerings that PyTorch and Keras share: to operators, and to functions of equal names."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING

from nnspec import layers
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Binary, Expression, Input, Literal, Operator, X, apply
from nnspec.layers.arithmetic import whole_or_float
from nnspec.layers.base import Layer

if TYPE_CHECKING:
    from nnspec.layers.logic import Comparison


def compact(sizes: tuple[int, ...]) -> object:
    """Return one number where all axes have the same."""
    return sizes[0] if len(set(sizes)) == 1 else sizes


def operands(context: Context) -> list[Expression]:
    """Return the inputs, each with the axes after the batch that it lacks."""
    ranks = [len(type_.shape) for type_ in context.inputs]
    top = max(ranks)
    return [
        Input(i)[(slice(None), *[None] * (top - rank))] if rank < top else Input(i)
        for i, rank in enumerate(ranks)
    ]


def joined(operator: Operator) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to an operator between the inputs."""

    def lowering(layer: Layer, context: Context) -> Lowered:
        return Lowered(_chain(operator, operands(context)))

    return lowering


def average(layer: layers.Average, context: Context) -> Lowered:
    """The sum by the number."""
    return Lowered(_chain("+", operands(context)) / len(context.inputs))


def power(layer: layers.Power, context: Context) -> Lowered:
    """The operator."""
    return Lowered(X ** whole_or_float(layer.exponent))


def sliced(layer: layers.Slice, context: Context) -> Lowered:
    """A slice, without the bounds that Python supplies."""
    step = layer.step if layer.step > 1 else None
    taken = slice(layer.start or None, layer.stop, step)
    return Lowered(X[(*[slice(None)] * context.axis(layer.axis), taken)])


def compared_with(layer: Comparison, context: Context) -> float | int:
    """Return the number that a comparison has in the place of a second input."""
    assert layer.value is not None
    return float(layer.value) if context.inputs[0].dtype == "float32" else int(layer.value)


def folded(function: str, given: list[Expression]) -> Expression:
    """Return a function of two applied to the first, then to that and the next, and so on."""
    return reduce(lambda left, right: apply(function, left, right), given)


def root_or_number(value: float) -> Expression:
    """Return `math.sqrt(n)`, or 1 over it, for a float that is one; else the number."""
    square = value * value
    whole = round(square if value >= 1 else 1 / square) if 1e-3 < value < 1e3 else 0
    if whole > 1 and math.isqrt(whole) ** 2 != whole:
        root = apply("math.sqrt", whole)
        if value == math.sqrt(whole):
            return root
        if value == 1 / math.sqrt(whole):
            return Literal(1) / root
    return Literal(value)


def _chain(operator: Operator, given: list[Expression]) -> Expression:
    return reduce(lambda left, right: Binary(operator, left, right), given)


def same_functions(namespace: str) -> Rows:
    """Return the lowerings to functions of equal names, in a namespace: `torch` or `ops`."""
    return {
        layers.Sqrt: apply(f"{namespace}.sqrt", X),
        layers.Exp: apply(f"{namespace}.exp", X),
        layers.Log: apply(f"{namespace}.log", X),
        layers.Abs: apply(f"{namespace}.abs", X),
        layers.Square: apply(f"{namespace}.square", X),
        layers.Sin: apply(f"{namespace}.sin", X),
        layers.Cos: apply(f"{namespace}.cos", X),
        layers.Erf: apply(f"{namespace}.erf", X),
        layers.Sign: apply(f"{namespace}.sign", X),
        layers.Floor: apply(f"{namespace}.floor", X),
        layers.Ceil: apply(f"{namespace}.ceil", X),
        layers.Round: apply(f"{namespace}.round", X),
    }
