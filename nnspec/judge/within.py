"""Inputs with which float32 holds every number within a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.judge.ours import Ours
from nnspec.layers.fields import FLOAT32_MAX

if TYPE_CHECKING:
    from nnspec.backend import Array

DRAWS = 8
"""Of inputs, to take other rows from."""
LEAST = 2
"""Rows, so that one can be told from another."""


def within_float32(
    ours: Ours, inputs: Mapping[str, Array], drawn: Callable[[int], Mapping[str, Array]]
) -> dict[str, Array]:
    """Return the inputs with other rows in place of those whose numbers float32 does not hold.

    Beyond them any tensors agree, so that nothing tells which is which. drawn: other inputs of the
    same sizes, by the number of the draw. Where few rows are held, the inputs are as they were.
    """
    held = _held(ours, inputs)
    if held.all():
        return dict(inputs)
    kept = [{name: array[held] for name, array in inputs.items()}]
    count = int(held.sum())
    for draw in range(1, DRAWS):
        if count >= len(held):
            break
        others = drawn(draw)
        fitting = _held(ours, others)
        kept.append({name: array[fitting] for name, array in others.items()})
        count += int(fitting.sum())
    if count < min(LEAST, len(held)):
        return dict(inputs)
    found = {name: np.concatenate([part[name] for part in kept]) for name in inputs}
    return {
        name: np.resize(array[: len(held)], (len(held), *array.shape[1:]))
        for name, array in found.items()
    }


def _held(ours: Ours, inputs: Mapping[str, Array]) -> Array:
    """Return by row whether float32 holds what every layer gives of it."""
    rows = len(next(iter(inputs.values())))
    held = np.ones(rows, bool)
    with np.errstate(all="ignore"):
        for array in ours.every_value(ours.weights, inputs).values():
            if array.dtype.kind == "f" and len(array) == rows:
                held &= ~(np.abs(array) > FLOAT32_MAX).reshape(rows, -1).any(axis=1)
    return held
