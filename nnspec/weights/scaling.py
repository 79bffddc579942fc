"""The scale of a loss whose gradients are of 16 bits, among what an optimizer remembers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import WeightsError

Array = NDArray[Any]

SCALE = "loss_scale"
"""Name of the scale, and of the steps since it has changed."""


def without_scale(state: Mapping[str, Array]) -> tuple[tuple[float, int] | None, dict[str, Array]]:
    """Return the scale and the steps since it has changed, if there, and all else.

    Raises WeightsError for anything else of that name.
    """
    rest = {name: array for name, array in state.items() if name != SCALE}
    if SCALE not in state:
        return None, rest
    found = np.asarray(state[SCALE])
    if found.shape != (2,) or found.dtype.kind != "f" or not (found >= 0).all():
        raise WeightsError(f'"{SCALE}" of the optimizer\'s state is no scale and number of steps')
    return (float(found[0]), int(found[1])), rest


def scale_of(scale: float, steps: int) -> dict[str, Array]:
    """Return what `without_scale` finds."""
    return {SCALE: np.array([scale, steps], np.float64)}
