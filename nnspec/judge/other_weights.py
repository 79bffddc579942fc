"""Two files with other weights than their own, with which the outputs tell rows apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Held
from nnspec.judge.attempts import Attempt, Attempts
from nnspec.judge.blank import alike_ones
from nnspec.judge.ported import says_something
from nnspec.support.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

DRAWS = 4
"""Of weights, while the outputs are the same for every row."""


def reweighed(attempts: Attempts, best: Attempt) -> Attempt | None:
    """Return two files with weights with which more of the outputs tell rows apart.

    None where none were found, or where the one file may hold a weight in another form too. Both
    hold the weights then: whoever asks gives them back theirs.
    """
    own = best.theirs.foreign.weights()
    inputs, foreign = attempts.inputs, best.theirs.foreign
    before = alike_ones(best.theirs.facing.run(inputs))
    held = [*_drawn_ones(best, own)]
    if best.walk.missing() or best.unused or not _are_all(best, held, own):
        return None
    for draw in range(DRAWS):
        foreign.load({each.name: _drawn(own, each.name, attempts.seed, draw) for each in held})
        if alike_ones(best.theirs.facing.run(inputs)) < before:
            return attempts.again(best, foreign.weights())
    return None


def _are_all(best: Attempt, held: Sequence[Held], own: Weights) -> bool:
    """Whether no other tensor may be made of those drawn, as a copy or a multiple of a tied one."""
    drawn = {each.name for each in held}
    numbers = set()
    for name in drawn:
        if says_something(own[name]):
            key = np.sort(own[name], axis=None).tobytes()
            if key in numbers:
                return False
            numbers.add(key)
    described = best.theirs.described.held
    knows = any(each.is_learned for each in described)
    for each in described:
        array = own[each.name]
        if each.name in drawn or array.dtype.kind != "f" or not says_something(array):
            continue
        if not knows or np.sort(array, axis=None).tobytes() in numbers:
            return False
    return True


def _drawn_ones(best: Attempt, own: Weights) -> Iterator[Held]:
    """Yield the tensors that other numbers may be given to: those learned, where that is known."""
    described = best.theirs.described.held
    knows = any(each.is_learned for each in described)
    taken = {
        name: best.units.views[key].own
        for key, each in best.walk.sources.items()
        for name in (each.tensor, each.added)
    }
    for each in described:
        array = own[each.name]
        is_statistic = taken.get(each.name, "").startswith("running_")
        may_change = each.is_learned or is_statistic or (each.name in taken and not knows)
        if may_change and array.dtype.kind == "f" and array.size and np.isfinite(array).all():
            yield each


def _drawn(own: Weights, name: str, seed: int, draw: int) -> Array:
    """Return other numbers for a tensor: of one sign where it may have no other."""
    array = own[name]
    numbers = np.random.default_rng(
        derived_seed("reweighed", seed, name, *([draw] if draw else []))
    )
    if array.ndim < 2 and (array > 0).all():  # as a variance
        return numbers.uniform(0.5, 1.5, array.shape)
    if array.ndim < 2:
        return numbers.normal(0.0, 0.5, array.shape)
    found = numbers.normal(0.0, (array.size / max(array.shape)) ** -0.5, array.shape)
    return np.abs(found) if draw % 2 else found  # as numbers that a relu lets pass
