"""Inputs unlike those of every day, where ranges, ties and rounding show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import DataError
from nnspec.network.domain import Domain
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph
from nnspec.support.streams import derived_seed
from nnspec.verification.samples import random_inputs

if TYPE_CHECKING:
    from nnspec.backend import Array

ORDINARY = "as the others"
SCALES = {"about 1e-4": 1e-4, "about 10": 10.0, "about 300": 300.0, "about 3e5": 3e5}
WIDE = "from 1e-5 to 1e5"
TIED = ("of few values", "of zeros and ones", "all 0")

_WHOLE = {
    "uint8": (127, 128, 255),
    "int32": (2**24 + 1, 2**31 - 1),
    "int64": (2**24 + 1, 2**31 + 1, 2**40 + 3),
}
"""Whole numbers that a narrower dtype would round or wrap."""


def unusual_inputs(
    graph: Graph, ordinary: Mapping[str, Array], axes: Mapping[str, int], seed: int
) -> tuple[list[str], dict[str, Array]]:
    """Return the kind of each row of a batch, and the batch; its first row is an ordinary one."""
    kinds = [ORDINARY, *SCALES, WIDE, *TIED]
    inputs = random_inputs(graph, len(kinds), axes, seed)
    domain = domain_of(graph)
    for number, (name, array) in enumerate(list(inputs.items())):
        draw = np.random.default_rng(derived_seed("unusual", seed, number))
        array[0] = ordinary[name][0]
        if array.dtype.kind == "f":
            spread = array.copy()
            _spread(spread, draw)
            inputs = _admitted(domain, inputs, name, spread)
        elif array.dtype.kind in "iu":
            inputs = _admitted(domain, inputs, name, _large(array, draw))
    return kinds, inputs


def _admitted(
    domain: Domain, inputs: dict[str, Array], name: str, array: Array
) -> dict[str, Array]:
    """Return the inputs with another one in its place, unless a layer sets a bound to it."""
    changed = {**inputs, name: array}
    try:
        domain.admit(changed)
    except DataError:
        return inputs
    return changed


def _large(array: Array, draw: np.random.Generator) -> Array:
    """Return whole numbers, all but the first row large and odd or even, of both signs if any."""
    found = draw.choice(np.array(_WHOLE[str(array.dtype)], array.dtype), array.shape)
    found -= draw.integers(0, 2, array.shape, array.dtype)
    if array.dtype.kind == "i":
        found *= draw.choice(np.array([-1, 1], array.dtype), array.shape)
    found[0] = array[0]
    return found


def _spread(array: Array, draw: np.random.Generator) -> None:
    for row, scale in enumerate(SCALES.values(), start=1):
        array[row] *= scale
    row = 1 + len(SCALES)
    array[row] *= 10.0 ** draw.uniform(-5, 5, array[row].shape)
    array[row + 1] = draw.choice([-2.0, -0.0, 0.0, 0.5, 2.0], array[row + 1].shape)
    array[row + 2] = draw.integers(0, 2, array[row + 2].shape)
    array[row + 3] = draw.choice([-0.0, 0.0], array[row + 3].shape)
