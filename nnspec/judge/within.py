"""Inputs with which floats hold every number within a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.judge.ours import Ours
from nnspec.layers.fields import FLOAT32_MAX

if TYPE_CHECKING:
    from nnspec.backend import Array

FLOAT64_MAX = float(np.finfo("float64").max)
IN_FLOAT32, IN_FLOAT64 = (FLOAT32_MAX,), (FLOAT32_MAX, FLOAT64_MAX)
"""Of numbers in a network that computes so."""
DRAWS = 8
"""Of inputs, to take other rows from."""
LEAST = 2
"""Rows, so that one can be told from another."""


def within_floats(
    ours: Ours,
    inputs: Mapping[str, Array],
    drawn: Callable[[int], Mapping[str, Array]],
    limits: Sequence[float],
) -> dict[str, Array]:
    """Return the inputs with other rows in place of those whose numbers floats do not hold.

    Beyond them any tensors agree, so that nothing tells which is which. drawn: other inputs of the
    same sizes, by the number of the draw. limits: of numbers, of which the first is kept to that
    leaves enough rows; where none does, the inputs are as they were.
    """
    largest = _largest(ours, inputs)
    if (largest <= limits[0]).all():
        return dict(inputs)
    draws = [(inputs, largest)]
    for limit in limits:
        kept: list[dict[str, Array]] = []
        count = 0
        for draw in range(DRAWS):
            if draw == len(draws):
                others = drawn(draw)
                draws.append((others, _largest(ours, others)))
            given, numbers = draws[draw]
            fitting = numbers <= limit
            kept.append({name: array[fitting] for name, array in given.items()})
            count += int(fitting.sum())
            if count >= len(largest):
                break
        if count < min(LEAST, len(largest)):
            continue
        found = {name: np.concatenate([part[name] for part in kept]) for name in inputs}
        return {
            name: np.resize(array[: len(largest)], (len(largest), *array.shape[1:]))
            for name, array in found.items()
        }
    return dict(inputs)


def _largest(ours: Ours, inputs: Mapping[str, Array]) -> Array:
    """Return by row the largest number that a layer gives of it; what is NaN counts for none."""
    rows = len(next(iter(inputs.values())))
    found = np.zeros(rows)
    with np.errstate(all="ignore"):
        for array in ours.every_value(ours.weights, inputs).values():
            if array.dtype.kind == "f" and array.size and len(array) == rows:
                np.fmax(found, np.fmax.reduce(np.abs(array).reshape(rows, -1), axis=1), out=found)
    return found
