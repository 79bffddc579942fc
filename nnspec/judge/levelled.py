"""Weights with which no order of a file's tensors matters, whatever layer takes which of them.

All tensors of one shape hold the same numbers, and where one may be turned, cut or put in order,
the same numbers stand wherever that may move them. So a file that differs from its spec with them
differs with every map of its tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Held
from nnspec.judge.alike import Evened
from nnspec.judge.ours import Ours
from nnspec.judge.sources import Source, sources
from nnspec.judge.ways import gates_of
from nnspec.support.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.backend import Array

MOST = 60
"""Times that numbers are carried from tensors to parameters and back, at most."""
LEAST = 0.1
"""Of the numbers of tensors that are all 0, as they are drawn anew."""
DRAWS = 4
"""Of weights: what one of them hides, another may show."""

Kind = tuple[tuple[int, ...], int]
"""A shape of parameters, and how many gates their layer has."""


@dataclass(frozen=True, slots=True)
class _Link:
    """One way in which the tensors of a shape may be the parameters of a kind.

    places: of each number of a parameter, its place in the tensor.
    """

    kind: Kind
    shape: tuple[int, ...]
    source: Source
    places: Array


def levelled(
    ours: Ours, held: Sequence[Held], theirs: Mapping[str, Array], given: Mapping[str, Source]
) -> Iterator[Evened]:
    """Yield such weights, or nothing where the tensors are not just those of the parameters.

    held: the tensors that the file computes with. given: sources that are known for sure.
    """
    kinds = {name: kind for name, kind in _kinds(ours).items() if name not in given}
    known = {tensor for each in given.values() for tensor in (each.tensor, each.added)}
    free = [each for each in held if each.name not in known]
    links = [*_links(set(kinds.values()), free)]
    # Where as many fit as a whole as there are parameters, from the largest on, none is cut.
    whole = [link for link in links if link.source.part == (0, 1)]
    for some in (whole, links):
        groups = _groups(some)
        numbers = _numbers(some) if _is_one_to_one(kinds, free, groups) else None
        if numbers is not None:
            for draw in range(DRAWS):
                yield _drawn(kinds, free, theirs, (some, groups, numbers), draw)
            return


def _is_one_to_one(
    kinds: Mapping[str, Kind], held: Sequence[Held], groups: Sequence[set[object]]
) -> bool:
    """Whether the tensors of each group hold just the numbers of its parameters."""
    if not kinds or not all(any(kind in group for group in groups) for kind in kinds.values()):
        return False
    return all(
        sum(math.prod(kind[0]) for kind in kinds.values() if kind in group)
        == sum(math.prod(each.shape) for each in held if each.shape in group)
        for group in groups
    )


def _drawn(
    kinds: Mapping[str, Kind], held: Sequence[Held], theirs: Mapping[str, Array],
    plan: tuple[Sequence[_Link], Sequence[set[object]], Mapping[object, Array]], draw: int,
) -> Evened:  # fmt: skip
    links, groups, numbers = plan
    count = sum(each.size for each in numbers.values())
    random = np.random.default_rng(derived_seed("levelled", draw)).normal(size=count)
    tensors: dict[str, Array] = {}
    values: dict[str, Array] = {}
    found: dict[str, Source] = {}
    for group in groups:
        names = [name for name, kind in kinds.items() if kind in group]
        some = [each for each in held if each.shape in group]
        has_variances = any(name.endswith("running_var") for name in names)
        # Where no unit of a relu is above 0, no difference is seen: so half of them have no signs.
        drawn = np.abs(random) if draw % 2 else random
        drawn = 1 + np.clip(random, -2, 2) / 4 if has_variances else drawn
        drawn = _as_large(drawn, [theirs[each.name] for each in some])
        tensors |= {each.name: drawn[numbers[each.shape]] for each in some}
        values |= {name: drawn[numbers[kinds[name]]] for name in names}
        found |= _assigned({name: kinds[name] for name in names}, some, links)
    return Evened(tensors, found, values)


def _as_large(random: Array, tensors: Sequence[Array]) -> Array:
    """Return numbers made about as large as those of some tensors, as float32 has them."""
    total = sum(float(np.square(each, dtype=np.float64).sum()) for each in tensors)
    mean = math.sqrt(total / max(sum(each.size for each in tensors), 1))
    size = mean if math.isfinite(mean) and mean > 0 else LEAST
    return np.asarray(np.asarray(size * random, "float32"), "float64")


def _kinds(ours: Ours) -> dict[str, Kind]:
    """Return the kind of each parameter that a file holds."""
    shapes = {name: tuple(each.shape) for name, each in ours.spec.graph.parameters()}
    return {
        name: (shapes[name], gates_of(node.layer))
        for node in ours.nodes
        for name in ours.parameters(node).values()
        if name not in ours.fixed
    }


def _links(kinds: Iterable[Kind], held: Sequence[Held]) -> Iterator[_Link]:
    shapes = {each.shape: each for each in held}
    for kind in kinds:
        for shape, one in shapes.items():
            for source in sources(kind[0], one, gates=kind[1]):
                places = source.taken(np.arange(math.prod(shape)).reshape(shape))
                yield _Link(kind, shape, source, places)


def _groups(links: Iterable[_Link]) -> list[set[object]]:
    """Return the kinds of parameters and the shapes of tensors that may be one another."""
    found: list[set[object]] = []
    for link in links:
        those = [group for group in found if link.kind in group or link.shape in group]
        found = [group for group in found if group not in those]
        found.append(set[object]().union({link.kind, link.shape}, *those))
    return found


def _numbers(links: Sequence[_Link]) -> dict[object, Array] | None:
    """Return which numbers of tensors and parameters are the same: those with one number here."""
    found: dict[object, Array] = {}
    first = 0
    for link in links:
        for key, shape in ((link.shape, link.shape), (link.kind, link.kind[0])):
            if key not in found:
                size = math.prod(shape)
                found[key] = np.arange(first, first + size).reshape(shape)
                first += size
    for _ in range(MOST):
        is_changed = False
        for link in links:
            tensor, mine = found[link.shape], found[link.kind]
            taken = tensor.flat[link.places.reshape(-1)].reshape(mine.shape)
            least = np.minimum(taken, mine)
            if (least != taken).any() or (least != mine).any():
                is_changed = True
                found[link.kind] = least
                tensor.flat[link.places.reshape(-1)] = least.reshape(-1)
        if not is_changed:
            return found
    return None


def _assigned(
    kinds: Mapping[str, Kind], held: Sequence[Held], links: Sequence[_Link]
) -> dict[str, Source]:
    """Return a tensor for each parameter, each taken once, as far as they go."""
    ways: dict[tuple[Kind, tuple[int, ...]], list[Source]] = {}
    for link in links:
        ways.setdefault((link.kind, link.shape), []).append(link.source)
    used: set[tuple[str, tuple[int, int]]] = set()
    found: dict[str, Source] = {}
    for name, kind in kinds.items():
        options = [
            (each.name, source)
            for each in held
            for source in ways.get((kind, each.shape), ())
        ]  # fmt: skip
        left = [(tensor, each) for tensor, each in options if (tensor, each.part) not in used]
        tensor, source = (left or options)[0]
        used.add((tensor, source.part))
        found[name] = replace(source, tensor=tensor)
    return found
