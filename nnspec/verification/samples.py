"""The inputs, targets and weights that a verification uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.graph import Graph, inline
from nnspec.initializers import Constant, Ones, UnitForgetBias, Zeros
from nnspec.shapes import Dim, Shape
from nnspec.streams import derived_seed
from nnspec.training_schema import Task
from nnspec.weights import initial_weights

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

_KINKS = (0.0, 1.0, -1.0, 3.0, -3.0, 6.0, -6.0, 9.0, -9.0)
_KINK_SHARE = 0.1


def exercised_weights(graph: Graph, seed: int) -> Weights:
    """Return seeded weights in which nothing is trivially 0 or 1.

    A bias of zeros or a variance of ones would hide that a backend loses it.
    """
    weights = dict(initial_weights(graph, seed))
    for name, parameter in graph.parameters():
        draw = np.random.default_rng(derived_seed("verify", seed, name))
        if parameter.is_fixed:
            continue
        if not parameter.trainable and isinstance(parameter.initializer, Ones):
            weights[name] = draw.uniform(0.5, 1.5, parameter.shape)
        elif isinstance(parameter.initializer, Zeros | Ones | Constant | UnitForgetBias):
            weights[name] = weights[name] + draw.normal(0, 0.1, parameter.shape)
    return weights


def random_inputs(graph: Graph, batch: int, axes: Mapping[str, int], seed: int) -> dict[str, Array]:
    """Return normal numbers for every input, some of them where functions bend, or beyond."""
    draw = np.random.default_rng(derived_seed("inputs", seed))
    ranges = whole_number_ranges(graph, axes)
    inputs: dict[str, Array] = {}
    for name, kind in graph.inputs.items():
        shape = (batch, *sizes_of(kind.shape, axes))
        if kind.dtype == "float32":
            values = draw.normal(size=shape)
            chosen = draw.random(shape) < _KINK_SHARE
            inputs[name] = np.where(chosen, draw.choice(_KINKS, size=shape), values)
        elif kind.dtype == "bool":
            inputs[name] = draw.random(shape) < 0.5
        else:
            low, high = ranges.get(name, (0, 1))
            inputs[name] = draw.integers(low, high + 1, shape).astype(kind.dtype)
    return inputs


def whole_number_ranges(graph: Graph, axes: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return, by input, the whole numbers that every layer taking it allows."""
    ranges: dict[str, tuple[int, int]] = {}
    for at in inline(graph).walk():
        shapes = tuple(sizes_of(shape, axes) for shape in at.input_shapes)
        for i, value in enumerate(at.node.inputs):
            allowed = at.node.layer.whole_numbers(i, shapes)
            if value in graph.inputs and allowed is not None:
                low, high = ranges.get(value, allowed)
                ranges[value] = max(low, allowed[0]), min(high, allowed[1])
    return ranges


def random_target(
    graph: Graph, task: Task, batch: int, axes: Mapping[str, int], seed: int
) -> Array:
    """Return a target of the output's shape: numbers, zeros and ones, or class numbers."""
    draw = np.random.default_rng(derived_seed("target", seed))
    shape = sizes_of(graph.types[graph.outputs[0]].shape, axes)
    if task == "multiclass":
        return draw.integers(0, shape[-1], (batch, *shape[:-1]))
    if task == "binary":
        return draw.integers(0, 2, (batch, *shape)).astype(np.float64)
    return draw.normal(size=(batch, *shape))


def dynamic_axes(graph: Graph) -> list[str]:
    """Return the names of the dynamic axes of the inputs."""
    names = [size for kind in graph.inputs.values() for size in kind.shape if isinstance(size, str)]
    return list(dict.fromkeys(names))


def sizes_of(shape: Shape, axes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape with its dynamic axes given numbers; an expression is not looked into."""
    return tuple(_size(size, axes) for size in shape)


def _size(size: Dim, axes: Mapping[str, int]) -> int:
    if isinstance(size, int):
        return size
    if size in axes:
        return axes[size]
    from nnspec.expressions import evaluate

    value = evaluate(size, axes.__getitem__)
    assert isinstance(value, int)
    return value
