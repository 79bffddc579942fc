"""A file and its spec with other weights than the file's own, which may hide a difference.

What a file begins with, or was trained to, may be 0, saturated or far from a bound that it has and
the spec has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import NnspecError
from nnspec.judge.alike import written
from nnspec.judge.beside import Beside
from nnspec.judge.found import Walked
from nnspec.support.causes import Told, cause_of
from nnspec.support.streams import derived_seed
from nnspec.verification.samples import exercised_weights

if TYPE_CHECKING:
    from nnspec.backend import Array

KINDS = {"other weights": 1.0, "large weights": 3.0}
"""Weights by what is said of them: the factor of those that are matrices or more."""


def compare_reweighed(beside: Beside, walked: Walked) -> None:
    """Compare the outputs with weights as nnspec verifies its own sources with, and larger ones.

    Parameters of which the map is not proven keep theirs. Both sides have their weights of before
    when it is done.
    """
    recorder, foreign, ours = beside.recorder, beside.facing.foreign, beside.ours
    before, mine = foreign.weights(), ours.weights
    if reason := _why_not(beside, walked, before):
        for when in KINDS:
            recorder.leave_out("range", beside.pair, f"{when}: {reason}")
        return
    for when, factor in KINDS.items():
        try:
            tensors, values = _drawn(beside, walked, before, factor)
            foreign.load(tensors)
            ours.weights = {**mine, **values}
            theirs = beside.facing.foreign_outputs(beside.inputs)
            agrees = beside.agrees(theirs)
            if not agrees:
                beside.look(beside.inputs)
            beside.compare("range", when, beside.inputs, beside.facing.matched(theirs))
        except (NnspecError, Told, ValueError) as error:
            recorder.leave_out("range", beside.pair, f"{when}: {cause_of(error)}")
            agrees = False
        finally:
            foreign.load(before)
            ours.weights = mine
        if not agrees:
            break


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
    beside: Beside, walked: Walked, before: Mapping[str, Array], factor: float
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return tensors of the file with other numbers, and the parameters that they are."""
    seed = derived_seed("reweighed", beside.seed)
    drawn = exercised_weights(beside.spec.graph, seed)
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
