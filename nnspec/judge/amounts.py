"""Tells a fault from what rounding makes of a value, where a run in float32 has both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnspec.judge.found import Blamed
from nnspec.judge.walk import Walk

SINGLE = 1e-7
"""A tolerance of values above it is one of float32."""
ROUNDED, REAL = 0.01, 0.05
"""Relative: a value that is off by less may be so by rounding, as one of thousands that is clipped
to a few; one that is off by more is not."""
FURTHER = 30.0
"""Times as far off: then the other is the fault."""


class Met(NamedTuple):
    """A fault as the search met it; amount: how far the file is from the layer, or inf."""

    blamed: Blamed
    amount: float


def met(walk: Walk, blamed: Blamed) -> Met:
    """Return a fault with the least difference of what the file may give in its place."""
    found = np.inf
    for instead in blamed.instead:
        for name, theirs in instead.items():
            mine = walk.values.get(name)
            if mine is None or mine.shape != theirs.shape or mine.dtype.kind != "f":
                continue
            scale = float(np.max(np.abs(mine), initial=0.0)) or 1.0
            off = float(np.max(np.abs(np.asarray(theirs, "float64") - mine), initial=0.0)) / scale
            found = min(found, off)
    return Met(blamed, found)


def first_of(faults: Sequence[Met], tolerance: float) -> int:
    """Return the number of the first fault that rounding cannot be.

    In float32 a value may be off by more than usual, and a later layer by far more; one of which a
    cause was found is a fault. tolerance: of values that are the same.
    """
    if tolerance < SINGLE:
        return 0
    largest = max((each.amount for each in faults if np.isfinite(each.amount)), default=0.0)
    for number, each in enumerate(faults):
        is_small = each.amount <= ROUNDED and FURTHER * each.amount <= largest
        if each.blamed.fault.cause or not is_small or largest < REAL:
            return number
    return 0
