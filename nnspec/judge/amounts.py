"""Tells a fault from what rounding makes of a value, where a run in float32 has both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnspec.judge.found import Blamed
from nnspec.judge.walk import Walk
from nnspec.layers.shapes import show
from nnspec.network.graph import LayerNode

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


def other_shape(walk: Walk, node: LayerNode) -> str:
    """Return in words that a convolution or a pooling of the file gives another shape, if it does.

    node: of which the run does not hold what it gives.
    """
    word = next((each for each in ("conv", "pool") if each in node.layer.type), "")
    if not word or len(node.outputs) != 1:
        return ""
    sources = (walk.found.sources.get(name) for name in walk.ours.parameters(node).values())
    own, taken = {each.tensor for each in sources if each}, walk.ways.taken_by(node)
    mine = walk.values[node.outputs[0]].shape
    for step in walk.trace.steps:
        is_its = own.intersection(step.tensors) if own else taken.intersection(step.inputs)
        if is_its and word in step.kind.lower() and len(step.outputs) == 1:
            theirs = walk.trace.values.get(step.outputs[0], np.zeros(0)).shape
            if len(theirs) == len(mine) and sorted(theirs) != sorted(mine):
                return f"it gives the shape {show(theirs[1:])}, and not {show(mine[1:])}"
            return ""
    return ""
