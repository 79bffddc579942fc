"""A file and its spec with other weights than the file's own, which may hide a difference.

What a file begins with, or was trained to, may be 0, saturated or far from a bound that it has and
the spec has not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import NnspecError
from nnspec.judge.alike import written
from nnspec.judge.beside import Beside
from nnspec.judge.found import Walked
from nnspec.support.causes import Told, cause_of
from nnspec.support.streams import derived_seed
from nnspec.verification.samples import exercised_weights, is_alike

if TYPE_CHECKING:
    from nnspec.backend import Array

KINDS = {"other weights": 1.0, "large weights": 3.0}
"""Weights by what is said of them: the factor of those that are matrices or more."""
DRAWS = 8
"""Of weights, while the outputs are the same for every row: then a difference may not be seen."""
INNER = 3
"""Of weights, while a value within is the same for every row, as of a relu that gives 0 alone."""


def compare_reweighed(beside: Beside, walked: Walked) -> bool:
    """Compare the outputs with weights as nnspec verifies its own sources with, and larger ones.

    Returns whether any were compared. Parameters of which the map is not proven keep theirs. Both
    sides have their weights of before when it is done.
    """
    recorder, foreign, ours = beside.recorder, beside.facing.foreign, beside.ours
    before, mine = foreign.weights(), ours.weights
    if reason := _why_not(beside, walked, before):
        for when in KINDS:
            recorder.leave_out("range", beside.pair, f"{when}: {reason}")
        return False
    is_compared = False
    for when, factor in KINDS.items():
        try:
            compared = len(beside.report.checks)
            agrees = _agrees(beside, _draws(beside, walked, before, factor), when)
            is_compared |= len(beside.report.checks) > compared
        except (NnspecError, Told, ValueError) as error:
            recorder.leave_out("range", beside.pair, f"{when}: {cause_of(error)}")
            agrees = False
        finally:
            foreign.load(before)
            ours.weights = mine
        if not agrees:
            break
    return is_compared


def _agrees(beside: Beside, draws: Iterator[dict[str, Array]], when: str) -> bool:
    """Compare with each draw of weights that shows more than those before, and return the last."""
    compared = 0
    for tensors in draws:
        beside.facing.foreign.load(tensors)
        theirs = beside.facing.foreign_outputs(beside.inputs)
        agrees = beside.agrees(theirs)
        if not agrees:
            beside.look(beside.inputs)
        compared += 1
        told = when if compared == 1 else f"{when}, draw {compared}"
        beside.compare("range", told, beside.inputs, beside.facing.matched(theirs))
        if not agrees:
            return False
    if not compared:
        reason = f"{when}: the outputs are the same for every row with all that were drawn"
        beside.recorder.leave_out("range", beside.pair, reason)
    return True


def _draws(
    beside: Beside, walked: Walked, before: Mapping[str, Array], factor: float
) -> Iterator[dict[str, Array]]:
    """Yield tensors of the file, with which the outputs tell rows apart; ours has them then.

    Once that is so, more are drawn for the values within that were the same for every row.
    """
    ours, mine = beside.ours, beside.ours.weights
    ends, seen = set(ours.ends), set[str]()
    is_alone = beside.batch < 2
    for draw in range(DRAWS):
        tensors, values = _drawn(beside, walked, before, factor, draw)
        ours.weights = {**mine, **values}
        found = ours.every_value(ours.weights, beside.inputs)
        floats = {name for name, each in found.items() if each.dtype.kind == "f"}
        varying = {name for name, each in found.items() if not is_alike({name: each})}
        if is_alone or (ends & varying and not varying <= seen):
            seen |= varying
            yield tensors
        if is_alone or (seen and (draw + 1 >= INNER or floats <= seen)):
            return


def _why_not(beside: Beside, walked: Walked, before: Mapping[str, Array]) -> str:
    """Return why other weights say nothing, or an empty text."""
    unproven = walked.sources.keys() - walked.proven - beside.ours.fixed
    if unproven or walked.missing:
        return "not all parameters were found in the file for sure"
    taken = {name for each in walked.sources.values() for name in (each.tensor, each.added)}
    spare = [name for name, each in before.items() if name not in taken and each.size > 1]
    if walked.unused:
        return f"the file has tensors that are no parameters: {walked.unused[0].name}"
    used = {np.sort(before[name], axis=None).tobytes() for name in taken if name}
    for name in spare:  # such as a tied tensor that is kept twice
        if np.sort(before[name], axis=None).tobytes() in used:
            return f"the file holds {name} twice"
    return ""


def _drawn(
    beside: Beside, walked: Walked, before: Mapping[str, Array], factor: float, draw: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return tensors of the file with other numbers, and the parameters that they are."""
    seed = derived_seed("reweighed", beside.seed, *([draw] if draw else []))
    drawn = exercised_weights(beside.spec.graph, seed)
    if draw % 2:  # as numbers that a relu lets pass
        drawn = {name: np.abs(each) for name, each in drawn.items()}
    sources = {name: each for name, each in walked.sources.items() if each.tensor}
    changed = walked.proven & sources.keys() - beside.ours.fixed
    values = {
        name: (drawn[name] * (factor if drawn[name].ndim > 1 else 1.0)).astype(
            before[sources[name].tensor].dtype
        )
        for name in changed
    }
    tensors = written(sources, values, before)
    whole = {**before, **tensors}
    return tensors, {name: np.asarray(each.of(whole)) for name, each in sources.items()}
