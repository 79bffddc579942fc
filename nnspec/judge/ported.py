"""Finds the tensors of one file among those of another by their values: what was ported already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Held
from nnspec.judge.sources import Source, sources
from nnspec.judge.units import Units
from nnspec.judge.ways import GATES
from nnspec.layers import LAYERS

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

CLOSE = 1e-6
"""Relative: a file in float32 holds what another holds, rounded."""
MOST = 0.5
"""The share of the tensors found by value from which on a file is a port of the other."""


def found_by_value(units: Units, held: Sequence[Held], theirs: Weights) -> dict[str, Source]:
    """Return the parameters whose values the other file holds, in whatever form."""
    gates = {
        each.name: GATES.get(LAYERS[unit.kind], 0) if unit.kind in LAYERS else 0
        for unit in units.at.values() for each in unit.views
    }  # fmt: skip
    found: dict[str, Source] = {}
    for name, array in units.sought.weights.items():
        if says_something(array):
            fitting = equal_ones(array, held, theirs, gates.get(name, 0))
            source = next(fitting, None)
            # Of two tensors with the same numbers neither is it for sure.
            others = {each.tensor for each in fitting}
            if source is not None and not others - {source.tensor}:
                found[name] = source
    return found


def says_something(array: Array) -> bool:
    """Whether the values of a tensor tell it from others."""
    return array.size > 1 and bool(array.max() > array.min())


def equal_ones(
    array: Array, held: Sequence[Held], theirs: Weights, gates: int = 0
) -> Iterator[Source]:
    """Yield the tensors that hold the numbers of an array, each as it does, but for rounding."""
    scale = CLOSE * float(np.max(np.abs(array), initial=0.0))
    if not np.isfinite(scale):  # to which any number would be near
        return
    total = float(np.sum(array, dtype=np.float64))
    for each in held:
        other = theirs[each.name]
        if other.dtype.kind != "f" or other.size < array.size:
            continue
        if other.size == array.size:
            off = abs(float(np.sum(other, dtype=np.float64)) - total)
            if not off <= scale * array.size:
                continue
        for source in sources(array.shape, each, gates=gates):
            if float(np.max(np.abs(source.of(theirs) - array))) <= scale:
                yield source
                break


def differing(units: Units, mapped: Mapping[str, Source], theirs: Weights) -> list[str]:
    """Return the parameters whose own values are others than those of the other file, told."""
    found = []
    own = units.own()
    for name, source in mapped.items():
        view = units.views[name]
        mine = Source(view.tensor, view.shape, view.axes, view.part).taken(own[view.tensor])
        scale = float(np.max(np.abs(mine), initial=0.0))
        off = float(np.max(np.abs(source.of(theirs) - mine), initial=0.0))
        if off > CLOSE * max(scale, CLOSE):
            found.append(f"{name} is not {source.told()}, but off by up to {off:.2g}")
    return found
