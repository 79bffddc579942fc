"""Blames a normalisation that has no scale or no shift in a file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import WeightsError
from nnspec.judge.found import Blamed, Fault
from nnspec.judge.reading import is_held_of
from nnspec.judge.sources import Source
from nnspec.judge.walk import TRIVIAL, Walk, is_normalization
from nnspec.network.graph import LayerNode

if TYPE_CHECKING:
    from nnspec.backend import Array

WAYS = 300
"""To fill the parameters that are there."""
TOLD: Mapping[tuple[str, ...], str] = {
    ("weight",): "it has no scale",
    ("bias",): "it has no shift",
    ("weight", "bias"): "it has no scale and no shift",
}


def lacking(walk: Walk, node: LayerNode) -> Blamed | None:
    """Return a normalisation that the run holds without its scale or its shift.

    Where the file computes it in several operations, every run holds it before it is scaled: so
    what takes the layer has to be held too, given that.
    """
    owned = walk.ours.parameters(node)
    if not is_normalization(node) or "weight" not in owned:
        return None
    for absent, told in TOLD.items():
        if not owned.keys() >= set(absent) or any(owned[own] in walk.ways.given for own in absent):
            continue
        bare = {own: np.full_like(walk.ours.weights[owned[own]], TRIVIAL[own]) for own in absent}
        for filled in _fillings(walk, node, absent):
            try:
                given = walk.ours.values(node, walk.values, {**filled, **bare})
            except WeightsError:  # a variance below 0, say
                continue
            numbers = {n for array in given.values() for n in walk.prints.of(array)}
            if numbers and _goes_on(walk, node, given):
                made = next(step for step in walk.trace.steps if numbers.intersection(step.outputs))
                path = walk.ours.path_of(node)
                is_counted = _holds_fewer(walk)
                is_sure = is_counted or not _may_be_trivial(walk, absent)
                fault = Fault(path, node.layer.type, (made.told(),), told, is_sure)
                return Blamed(node.name, fault, [given], is_counted=is_counted)
    return None


def _fillings(walk: Walk, node: LayerNode, absent: tuple[str, ...]) -> Iterator[dict[str, Array]]:
    """Yield ways to fill what is there with tensors of the first operation that takes any."""
    owned, near = walk.ours.parameters(node), walk.ways.first_tensors(node)
    kept = {name: set(parts) for name, parts in walk.ways.used.items()}
    for name in owned.values():
        if name in walk.found.sources:
            walk.ways.free_again(walk.found.sources[name])
    options: dict[str, list[Source]] = {}
    for own, name in owned.items():
        if own not in absent:
            given = walk.ways.given.get(name)
            found = walk.ways.options(node, own, name) if given is None else [given]
            options[own] = [each for each in found if given or each.tensor in near]
    walk.ways.used = kept
    if math.prod(map(len, options.values())) > WAYS:
        return
    for chosen in itertools.product(*options.values()):
        if len({(each.tensor, each.part) for each in chosen}) == len(chosen):
            yield {own: each.of(walk.theirs) for own, each in zip(options, chosen, strict=True)}


def _may_be_trivial(walk: Walk, absent: tuple[str, ...]) -> bool:
    """Whether the file holds a tensor that is 1, or 0, everywhere, which it may be after all."""
    return any(
        (array == TRIVIAL[own]).all()
        for own in absent
        for array in walk.theirs.values()
        if array.size
    )


def _holds_fewer(walk: Walk) -> bool:
    """Whether the file holds fewer numbers in all than the parameters of the spec."""
    parameters = [each for _, each in walk.ours.spec.graph.parameters() if not each.is_fixed]
    mine = sum(math.prod(each.shape) for each in parameters)
    return sum(math.prod(each.shape) for each in walk.ways.free) < mine


def _goes_on(walk: Walk, node: LayerNode, given: Mapping[str, Array]) -> bool:
    """Whether what takes a layer is held, where the layer gives this."""
    values, passed = {**walk.values, **given}, set(node.outputs)
    is_taken = False
    for each in walk.ours.nodes:
        if not passed.intersection(each.inputs):
            continue
        if _only_moves(walk, each, values):
            passed.update(each.outputs)
        elif is_held_of(walk, each, values):
            is_taken = True
        else:
            return False
    ends = walk.given()
    return is_taken or any(ends.intersection(walk.prints.of(values[each])) for each in passed)


def _only_moves(walk: Walk, node: LayerNode, values: dict[str, Array]) -> bool:
    """Whether a layer gives the numbers that it takes; what it gives is noted then."""
    if walk.ours.own_weights(node) or len(set(node.inputs)) > 1:
        return False
    try:
        found = walk.ours.values(node, values, {})
    except Exception:  # of a framework too: it does not take these values
        return False
    taken = np.sort(values[node.inputs[0]], axis=None)
    if any(not np.array_equal(np.sort(each, axis=None), taken) for each in found.values()):
        return False
    values |= found
    return True
