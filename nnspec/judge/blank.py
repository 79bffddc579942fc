"""Outputs that tell no row from another: that a file agrees there says little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.verification.samples import is_alike

if TYPE_CHECKING:
    from nnspec.backend import Array

NOTHING = "no output is finite, so that no value was compared"
ALIKE = "every row has the same outputs, whatever its inputs: that they agree says little"


def alike_ones(outputs: Mapping[str, Array]) -> set[str]:
    """Return the outputs that tell no row from another, or hold no finite number."""
    return {
        name
        for name, array in outputs.items()
        if _is_nothing(array) or (array.ndim and is_alike({name: array}))
    }


def blank_of(outputs: Mapping[str, Array]) -> str:
    """Return why outputs say little where two files agree in them, or an empty text."""
    if not outputs or alike_ones(outputs) != outputs.keys():
        return ""
    return NOTHING if all(map(_is_nothing, outputs.values())) else ALIKE


def _is_nothing(array: Array) -> bool:
    return array.dtype.kind == "f" and not np.isfinite(array).any()
