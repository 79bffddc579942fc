"""Normalisations that one of two files holds within the weights of the layer before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Unit, View
from nnspec.judge.pairing import Pairing
from nnspec.judge.units import viewed

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

CLOSE = 1e-4
"""Relative: of weights in float32 that were multiplied by a scale, and of what comes of them."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A normalisation and the unit before it, whose weights the other file holds multiplied.

    before: the views of the latter, by their own names.
    """

    unit: Unit
    before: Mapping[str, View]

    @property
    def names(self) -> set[str]:
        """The parameters of both."""
        return {each.name for each in (*self.unit.views, *self.before.values())}


def folded_in(walk: Pairing) -> list[Folded]:
    """Return the normalisations of a walk's file that the other one does without."""
    found = []
    for step in walk.steps:
        unit = walk.units.at.get(step.number)
        if unit is None or unit.kind != "batch_normalization":
            continue
        own = {each.own: walk.sources.get(each.name) for each in unit.views}
        variance = own.get("running_var")
        if variance is None or variance.tensor:
            continue
        before = next((each for each in walk.steps if step.inputs[0] in each.outputs), None)
        views = walk.views(before) if before is not None else ()
        found.append(Folded(unit, {each.own.rpartition(".")[2]: each for each in views}))
    return found


def is_scaled(folded: Folded, walk: Pairing, theirs: Weights) -> bool:
    """Whether the other file holds the very weights, but for the scale of the normalisation."""
    weight = folded.before.get("weight")
    if weight is None or weight.name not in walk.sources:
        return False
    kernel = viewed(weight, walk.units.own()[weight.tensor]).astype(np.float64)
    (size,) = next(e.shape for e in folded.unit.views if e.own == "running_var")
    if kernel.size <= size:
        return False  # one number each is a multiple of any other
    return _scale(kernel, walk.sources[weight.name].of(theirs), size) is not None


def folded_otherwise(folded: Folded, walk: Pairing, theirs: Weights) -> Iterator[str]:
    """Yield in words how the numbers differ that a normalisation was folded with.

    theirs: the tensors that the other file itself holds.
    """
    own = walk.units.own()
    mine = {
        each.own: viewed(each, own[each.tensor]).astype(np.float64) for each in folded.unit.views
    }
    weight = folded.before.get("weight")
    if weight is None or weight.name not in walk.sources:
        return
    place = folded.unit.views[0].tensor.rpartition(".")[0]
    kernel = viewed(weight, own[weight.tensor]).astype(np.float64)
    scale = _scale(kernel, walk.sources[weight.name].of(theirs), len(mine["running_var"]))
    if scale is None:
        yield f"{weight.name} is not {walk.sources[weight.name].told()}, scaled by {place}"
        return
    epsilon = _epsilon(mine, scale)
    if epsilon is None:
        yield f"{place} is folded with another scale"
        return
    if abs(epsilon - folded.unit.epsilon) > CLOSE:
        yield f"{place} is folded as with epsilon {epsilon:.2g}, and not {folded.unit.epsilon:g}"
        return
    added = folded.before.get("bias")
    before = viewed(added, own[added.tensor]) if added is not None else 0.0
    shift = mine.get("bias", 0.0) + (before - mine["running_mean"]) * scale
    biases = [each for each in folded.unit.views if each.own == "bias"]
    biases += [added] if added is not None else []
    sources = [walk.sources[each.name] for each in biases if each.name in walk.sources]
    given = sum((np.asarray(each.of(theirs), "float64") for each in sources), np.zeros(1))
    off = float(np.max(np.abs(given - shift), initial=0.0))
    if off > CLOSE * max(float(np.max(np.abs(shift), initial=0.0)), CLOSE):
        yield f"{place} is folded with another shift, off by up to {off:.2g}"


def _scale(mine: Array, theirs: Array, channels: int) -> Array | None:
    """Return what each channel of a kernel is multiplied by, or None where it is another kernel."""
    for axis in range(min(mine.ndim, 2)):
        if mine.shape[axis] != channels:
            continue
        one = np.moveaxis(mine, axis, 0).reshape(channels, -1)
        other = np.moveaxis(np.asarray(theirs, "float64"), axis, 0).reshape(channels, -1)
        squares = (one * one).sum(axis=1)
        if not (squares > 0).all():
            return None
        scale = np.asarray((one * other).sum(axis=1) / squares)
        if np.max(np.abs(other - scale[:, None] * one)) <= CLOSE * np.max(np.abs(other)):
            return scale
    return None


def _epsilon(mine: Mapping[str, Array], scale: Array) -> float | None:
    """Return the epsilon that gives a scale, or None where no single one does."""
    variance = mine["running_var"]
    if not np.abs(scale).min() > 0:
        return None
    found = (mine.get("weight", np.ones_like(variance)) / scale) ** 2 - variance
    epsilon = float(np.median(found))
    spread = float(np.max(np.abs(found - epsilon)))
    return epsilon if spread <= CLOSE * float(np.max(variance) + abs(epsilon)) else None
