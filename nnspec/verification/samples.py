"""The inputs, targets and weights that a verification uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.data.wanted import drawn
from nnspec.errors import DataError
from nnspec.language.losses import Loss
from nnspec.language.losses.targets import wanted
from nnspec.language.objectives import is_composed
from nnspec.language.training_schema import Task, kind_of
from nnspec.language.weighting import is_weighted
from nnspec.layers.initializers import Ones, Zeros
from nnspec.layers.logic import Comparison
from nnspec.layers.plain_initializers import Constant
from nnspec.layers.rare_initializers import LengthOfWeight, UnitForgetBias
from nnspec.layers.shapes import Dim, Shape
from nnspec.network.domain import Domain, size_of
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of
from nnspec.support.streams import derived_seed
from nnspec.weights.canonical import initial_weights

if TYPE_CHECKING:
    from nnspec.backend import Array, Target, Weights

_KINKS = (0.0, 1.0, -1.0, 3.0, -3.0, 6.0, -6.0, 9.0, -9.0)
_KINK_SHARE = 0.1
_NEAR = (0.0, 2.0**-20, -(2.0**-20), 1e-3, -1e-3)
"""Relative, from a number with which a network compares."""
_NEAR_SHARE = 0.3
_HALVINGS = 96
_WHOLE = 64
"""Of these, those that halve whole numbers alone; then all are 0."""


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
        elif isinstance(parameter.initializer, LengthOfWeight):
            weights[name] = weights[name] * draw.uniform(0.5, 1.5, parameter.shape)
    return weights


def random_inputs(graph: Graph, batch: int, axes: Mapping[str, int], seed: int) -> dict[str, Array]:
    """Return normal numbers for every input, some of them where functions bend, or beyond.

    Whole numbers fit every layer that they reach.
    """
    draw = np.random.default_rng(derived_seed("inputs", seed))
    domain = domain_of(graph)
    shapes = {name: sizes_of(kind.shape, axes) for name, kind in graph.inputs.items()}
    ranges = element_ranges(domain, shapes)
    near = _near_steps(graph)
    inputs: dict[str, Array] = {}
    for name, kind in graph.inputs.items():
        shape = (batch, *shapes[name])
        if kind.dtype == "float32":
            values = draw.normal(size=shape)
            chosen = draw.random(shape) < _KINK_SHARE
            values = np.where(chosen, draw.choice(_KINKS, size=shape), values)
            if near:
                chosen = draw.random(shape) < _NEAR_SHARE
                values = np.where(chosen, draw.choice(near, size=shape), values)
            low, high, is_bound = ranges[name]
            if is_bound.any():
                # Away from whole numbers, at which a cast jumps.
                fitting = draw.integers(low, high + 1, shape) + draw.uniform(0.25, 0.75, shape)
                values = np.where(is_bound, fitting, values)
            inputs[name] = values
        elif kind.dtype == "bool":
            inputs[name] = draw.random(shape) < 0.5
        else:
            low, high, _ = ranges[name]
            if kind.dtype == "uint8" and not domain.ranges:
                high = np.full_like(high, 255)
            inputs[name] = draw.integers(low, high + 1, shape).astype(kind.dtype)
    return _within(domain, inputs)


def with_negatives(
    graph: Graph, inputs: Mapping[str, Array], axes: Mapping[str, int], seed: int
) -> dict[str, Array]:
    """Return inputs, some of the whole numbers that no layer bounds below 0."""
    draw = np.random.default_rng(derived_seed("negatives", seed))
    domain = domain_of(graph)
    shapes = {name: sizes_of(kind.shape, axes) for name, kind in graph.inputs.items()}
    ranges = element_ranges(domain, shapes)
    given = dict(inputs)
    for name, kind in graph.inputs.items():
        if kind.dtype in ("int32", "int64") and not domain.steps:
            is_free = ~ranges[name][2] & (draw.random(given[name].shape) < 0.5)
            given[name] = np.where(is_free, -1 - given[name], given[name])
    return given


def _near_steps(graph: Graph) -> list[float]:
    """Return numbers at, and beside, those with which a network compares."""
    compared = {
        float(at.node.layer.value)
        for at in graph.walk()
        if isinstance(at.node.layer, Comparison) and at.node.layer.value is not None
    }
    return [x + off * max(abs(x), 1.0) for x in sorted(compared) for off in _NEAR]


def single(array: Array) -> Array:
    """Return floats in float32, and anything else as it is."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def is_alike(arrays: Mapping[str, Array]) -> bool:
    """Whether there are several rows, and every row of every array holds the same numbers."""
    return all(
        len(array) > 1
        and np.array_equal(array, np.broadcast_to(array[:1], array.shape), equal_nan=True)
        for array in arrays.values()
    )


def of_rows(arrays: Mapping[str, Array], rows: int) -> dict[str, Array]:
    """Return a batch of so many rows, made of these again and again."""
    return {name: np.resize(array, (rows, *array.shape[1:])) for name, array in arrays.items()}


def element_ranges(
    domain: Domain, shapes: Mapping[str, Sequence[int]]
) -> dict[str, tuple[Array, Array, Array]]:
    """Return the range of each element of an input: least, most, and whether it is bound.

    For inputs of these shapes, the batch left out. What is computed on the way to a table sets a
    bound that may be too high; a whole number that nothing restricts is 0 or 1.
    """
    axes = {
        size: found
        for name, kind in domain.inputs.items()
        for size, found in zip(kind.shape, shapes[name], strict=True)
        if isinstance(size, str)
    }
    sizes = {name: int(np.prod(shape, dtype=np.int64)) for name, shape in shapes.items()}
    largest = np.iinfo(np.int64).max
    low = np.full(sum(sizes.values()), np.iinfo(np.int64).min)
    high = np.full(low.shape, largest)
    computed = 1
    places = domain.places(shapes)
    for allowed in domain.ranges:
        most = int(size_of(allowed.most, axes))
        if allowed.value in places:
            chosen = np.unique(places[allowed.value])
            low[chosen] = np.maximum(low[chosen], allowed.least)
            high[chosen] = np.minimum(high[chosen], most)
        else:
            computed = max(computed, most)
    free = high == largest
    low[free], high[free] = 0, computed
    high = np.maximum(low, high)
    ranges = {}
    start = 0
    for name, size in sizes.items():
        part = slice(start, start + size)
        shape = tuple(shapes[name])
        ranges[name] = (
            low[part].reshape(shape),
            high[part].reshape(shape),
            ~free[part].reshape(shape),
        )
        start += size
    return ranges


def _within(domain: Domain, inputs: dict[str, Array]) -> dict[str, Array]:
    """Return inputs nearer to 0 where ids computed of them would not fit a table."""
    for halvings in range(_HALVINGS):
        try:
            return domain.admit(inputs)
        except DataError:
            inputs = {
                name: (array / 2).astype(array.dtype)
                if array.dtype.kind == "i" or (array.dtype.kind == "f" and halvings > _WHOLE)
                else array
                for name, array in inputs.items()
            }
    return inputs


def random_target(
    graph: Graph,
    task: Task,
    batch: int,
    axes: Mapping[str, int],
    seed: int,
    loss: Loss | None = None,
) -> Array:
    """Return a target of the output's shape: numbers, zeros and ones, or class numbers.

    loss: where it takes others than the task's, those.
    """
    draw = np.random.default_rng(derived_seed("target", seed))
    shape = sizes_of(graph.types[graph.outputs[0]].shape, axes)
    choices = wanted(loss, shape) if loss is not None else ()
    if choices:
        row = () if choices[0].is_padded else sizes_of(choices[0].shape, axes)
        return drawn(choices, (batch, *row), shape, draw)
    if kind_of(task) == "multiclass":
        return draw.integers(0, shape[-1], (batch, *shape[:-1]))
    if kind_of(task) == "binary":
        return draw.integers(0, 2, (batch, *shape)).astype(np.float64)
    return draw.normal(size=(batch, *shape))


def random_goals(
    spec: Spec,
    batch: int,
    axes: Mapping[str, int],
    seed: int,
    inputs: Mapping[str, Array] | None = None,
) -> Target:
    """Return a target of the spec's task; of several losses one for each, by output.

    inputs: those that it is of; by default such as the seed gives. Where rows count by weights, it
    has some with it.
    """
    if not is_weighted(spec.model):
        return _random_goals(spec, batch, axes, seed)
    from nnspec.data.weighting import random_weight, with_weight  # which few specs need

    if inputs is None:
        inputs = random_inputs(spec.graph, batch, axes, seed)
    draw = np.random.default_rng(derived_seed("weight", seed))
    found: Target = with_weight(
        _random_goals(spec, batch, axes, seed), random_weight(spec, inputs, batch, draw)
    )
    return found


def _random_goals(spec: Spec, batch: int, axes: Mapping[str, int], seed: int) -> Target:
    assert spec.model.training is not None
    if not is_composed(spec.model):
        training = spec.model.training
        return random_target(spec.graph, training.task, batch, axes, seed, training.resolved_loss)
    return {
        term.output: random_target(
            term.graph,
            term.training.task,
            batch,
            axes,
            derived_seed(term.output, seed),
            term.training.resolved_loss,
        )
        for term in terms_of(spec.model, spec.graph)
    }


def dynamic_axes(graph: Graph) -> list[str]:
    """Return the names of the dynamic axes of the inputs."""
    names = [size for kind in graph.inputs.values() for size in kind.shape if isinstance(size, str)]
    return list(dict.fromkeys(names))


def sizes_of(shape: Shape, axes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape with its dynamic axes given numbers; an expression is not looked into."""
    return tuple(_size(size, axes) for size in shape)


def _size(size: Dim, axes: Mapping[str, int]) -> int:
    value = size_of(size, axes)
    assert isinstance(value, int)
    return value
