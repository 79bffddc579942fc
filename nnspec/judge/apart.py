"""Other numbers for the tensors of a file that their numbers would not tell apart."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Held
from nnspec.judge.found import Walked
from nnspec.support.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

NOISE = 0.1
"""Of what is added to tensors that are one number everywhere, and to those that are equal."""


def halves(walked: Walked) -> set[str]:
    """Return the tensors of which a parameter is a part."""
    parted = [each for each in walked.sources.values() if each.part[1] > 1]
    return {each.tensor for each in parted}


def told_apart(
    held: Sequence[Held], weights: Weights, seed: int, parted: Container[str] = (),
    met: set[bytes] | None = None,
) -> dict[str, Array]:  # fmt: skip
    """Return new values of the tensors that their values would not tell apart.

    parted: those that are more than one parameter, of which each half may be one number everywhere.
    met: digests of tensors looked at before, to which those looked at here are added.
    """
    met = set() if met is None else met
    changed: dict[str, Array] = {}
    for each in held:
        array = weights[each.name]
        if array.dtype.kind != "f" or not array.size:
            continue
        # A length begins as the size of its direction: of one number each only the sign differs.
        key = hashlib.sha256(np.abs(array).tobytes()).digest()
        pieces = np.split(array.ravel(), 2) if each.name in parted and array.size % 2 == 0 else []
        if key in met or any((one == one.flat[0]).all() for one in (array, *pieces)):
            draw = np.random.default_rng(derived_seed("apart", seed, each.name))
            moved = np.clip(NOISE * draw.normal(size=array.shape), -0.4, 0.4)
            changed[each.name] = array + moved
        met.add(key)
    return changed


def redrawn(held: Sequence[Held], weights: Weights, seed: int) -> dict[str, Array]:
    """Return new matrices, with numbers as large as theirs and of either sign, and nothing else.

    Of vectors some are variances, which a network cannot have otherwise.
    """
    found: dict[str, Array] = {}
    for each in held:
        array = weights[each.name]
        if array.dtype.kind == "f" and array.ndim > 1 and array.size:
            draw = np.random.default_rng(derived_seed("redrawn", seed, each.name))
            found[each.name] = draw.normal(0.0, float(np.std(array)), array.shape)
    return found
