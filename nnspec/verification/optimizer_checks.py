"""Optimizer steps of each source by itself, against the spec's formula in NumPy.

The step gets gradients that are made for it, of 0 and of all sizes: so that a clipping, a decay or
another rate shows, whatever the network's own gradients are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.language.optimizers import Adam, Optimizer, Sgd
from nnspec.support.streams import derived_seed
from nnspec.verification.tolerance import EXACT

if TYPE_CHECKING:
    from nnspec.backend import Array, Inspectable, Weights

SCALES = (0.0, 1.0, 1e4, 1e-3, 1.0, 0.0, 1e2, 1.0, 1e-7, 1.0, 1e6, 1.0)
"""Of the gradients, by step: the first is 0, so that nothing may move but by a decay."""
SPREAD = 30.0
"""Deviation of what is added to the weights, so that a small decay moves them visibly."""
_ULPS = 8 * 2.0**-53

Step = Callable[["Array", "Array", int], "Array"]
"""(parameter, gradient, number of the step from 1) -> the parameter after the step."""


def _sgd(optimizer: Sgd) -> Step:
    momentum = optimizer.momentum
    buffer: list[Array] = []

    def step(parameter: Array, gradient: Array, number: int) -> Array:
        if not buffer:
            buffer.append(gradient)
        else:
            buffer[0] = momentum * buffer[0] + gradient
        move = gradient + momentum * buffer[0] if optimizer.nesterov else buffer[0]
        moved: Array = parameter - optimizer.rate(number - 1) * move
        return moved

    return step


def _adam(optimizer: Adam) -> Step:
    first, second = optimizer.beta_1, optimizer.beta_2
    means: list[Array] = []

    def step(parameter: Array, gradient: Array, number: int) -> Array:
        if not means:
            means.extend((np.zeros_like(gradient), np.zeros_like(gradient)))
        means[0] = first * means[0] + (1 - first) * gradient
        means[1] = second * means[1] + (1 - second) * gradient**2
        mean, square = means[0] / (1 - first**number), means[1] / (1 - second**number)
        moved: Array = parameter - optimizer.rate(number - 1) * mean / (
            np.sqrt(square) + optimizer.epsilon
        )
        return moved

    return step


FORMULAS: Mapping[type[Optimizer], Callable[..., Step]] = {Sgd: _sgd, Adam: _adam}
"""Optimizer -> a new step of one parameter, which remembers what it needs."""


def formula_errors(
    program: Inspectable,
    optimizer: Optimizer,
    weights: Weights,
    inputs: Mapping[str, Array],
    target: Array,
    seed: int,
) -> tuple[float, list[str]]:
    """Return the largest error of a step beside the formula, and what shows it.

    The error is relative to the largest movement of the step, rounding of the weights left out.
    """
    _, reached = program.gradients(inputs, target)
    draw = np.random.default_rng(derived_seed("optimizer", seed))
    spread = {
        name: array + draw.normal(0, SPREAD, array.shape) if name in reached else array
        for name, array in weights.items()
    }
    program.load_weights(spread)
    program.start_training()
    names = [name for name in reached if _is_reached(program, name, reached)]
    steps = {name: FORMULAS[type(optimizer)](optimizer) for name in names}
    worst, detail = 0.0, []
    before = program.weights()
    for number, scale in enumerate(SCALES, start=1):
        gradients = {name: scale * draw.normal(size=before[name].shape) for name in names}
        program.follow(inputs, target, gradients)
        after = program.weights()
        expected = {
            name: steps[name](before[name], gradient, number)
            for name, gradient in gradients.items()
        }
        error = _error(before, after, expected)
        if error > worst:
            worst = error
            if error > EXACT:
                detail = [f"step {number}, of gradients of {scale:g}, is not the spec's"]
        if error > EXACT:
            break
        before = after
    return worst, detail


def _is_reached(program: Inspectable, name: str, gradients: Mapping[str, Array]) -> bool:
    # One that no output depends on keeps its value in every framework.
    return bool(gradients[name].size) and bool(np.any(gradients[name]))


def _error(
    before: Mapping[str, Array], after: Mapping[str, Array], expected: Mapping[str, Array]
) -> float:
    worst = 0.0
    movement = max(
        (float(np.abs(array - before[name]).max(initial=0)) for name, array in expected.items()),
        default=0.0,
    )
    for name, array in expected.items():
        off = np.abs(after[name] - array).max(initial=0)
        rounding = _ULPS * np.abs(before[name]).max(initial=0)
        rest = max(float(off - rounding), 0.0)
        if rest > 0:
            worst = max(worst, rest / movement if movement > 0 else float("inf"))
    return worst
