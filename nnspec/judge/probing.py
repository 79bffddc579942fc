"""Finds which of several layers that are alike is which layer of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nnspec.judge.alike import Evened, Group, written
from nnspec.judge.facing import Facing
from nnspec.judge.ours import Ours
from nnspec.judge.prints import Prints

if TYPE_CHECKING:
    from nnspec.backend import Array

RUNS = 400
"""Of a file, at most, to tell the layers of one group apart."""


class Sides(Protocol):
    """A spec and a file. draws: inputs to ask with. tolerance: of values that are the same."""

    ours: Ours
    facing: Facing
    draws: Sequence[Mapping[str, Array]]
    tolerance: float


class Probe:
    """Gives one at a time of a group other weights, and looks for what comes of it in the file."""

    def __init__(
        self, sides: Sides, group: Group, even: Evened, weights: Mapping[str, Array]
    ) -> None:
        """even: loaded on both sides. weights: of the file, as the spec has taken them."""
        self.sides = sides
        self.ours = sides.ours
        self.group = group
        self.even = even
        self.own = [{own: weights[name] for own, name in one.items()} for one in group]
        # Between weights that are in use and all others: none that a file refuses, as below 0.
        self.other = {
            own: (self.own[0][own] + even.values[name]) / 2 for own, name in group[0].items()
        }
        self.after = [self.ours.made_of(one) for one in group]
        self.runs = 0

    def order(self) -> tuple[list[int], bool]:
        """Return of each of the group its place in the file, and whether that is known of all.

        Those that nothing tells apart may be alike whatever comes after them: one of them is then
        settled as it is, and keeps its other weights while the rest is asked for again.
        """
        found: dict[int, int] = {}
        count, is_told, is_stuck = len(self.group), True, False
        while len(found) < count:
            mine = [i for i in range(count) if i not in found]
            theirs = [i for i in range(count) if i not in found.values()]
            if len(mine) == 1:
                found[mine[0]] = theirs[0]
                break
            unique, tied = self._matched(found, mine, theirs)
            if unique:
                found |= unique
                is_stuck = False
                continue
            is_told, was_stuck = False, is_stuck
            is_stuck = all(len(each) == len(theirs) for each in tied.values())
            if self.runs > RUNS or (is_stuck and was_stuck):
                for i in mine:
                    found[i] = self._likeliest(i, [j for j in theirs if j not in found.values()])
            else:
                named = {i for i in mine if self._named(i, tied[i]) is not None}
                first = min(mine, key=lambda i: (i not in named, len(tied[i])))
                found[first] = self._likeliest(first, tied[first])
        return [found[i] for i in range(count)], is_told

    def _likeliest(self, i: int, places: Sequence[int]) -> int:
        """Return the place whose tensors are named as one of the group, or as it is, or the first.

        Names say nothing for sure, and only take the place of chance.
        """
        named = self._named(i, places)
        return named if named is not None else i if i in places else places[0]

    def _named(self, i: int, places: Sequence[int]) -> int | None:
        mine = {name.rpartition(".")[0] for name in self.group[i].values()}
        for j in places:
            sources = (self.even.sources[name] for name in self.group[j].values())
            names = (each.tensor.replace("/", ".").rpartition(".")[0] for each in sources)
            if mine.intersection(names):
                return j
        return None

    def _matched(
        self, found: Mapping[int, int], mine: Sequence[int], theirs: Sequence[int]
    ) -> tuple[dict[int, int], dict[int, list[int]]]:
        """Return the pairs that there is no doubt of, and of each of mine those that fit best."""
        scores = np.zeros((len(mine), len(theirs)))
        tied: dict[int, list[int]] = {}
        unique: dict[int, int] = {}
        for draw in self.sides.draws:
            more, reached = self._scores(found, mine, theirs, draw)
            scores += more
            best = scores == scores.max(axis=1, keepdims=True)
            tied = {i: [j for m, j in enumerate(theirs) if best[n, m]] for n, i in enumerate(mine)}
            unique = {
                i: there[0]
                for i, there in tied.items()
                if len(there) == 1 and sum(there[0] in each for each in tied.values()) == 1
            }
            if reached.union(unique) == set(mine) or self.runs > RUNS:
                break
        return unique, tied

    def _scores(
        self, found: Mapping[int, int], mine: Sequence[int], theirs: Sequence[int],
        inputs: Mapping[str, Array],
    ) -> tuple[Array, set[int]]:  # fmt: skip
        """Return how many values that one of mine changes are changed alike by one of theirs.

        And those of mine that change all that is made of them: other inputs would tell no more.
        """
        scores = np.zeros((len(mine), len(theirs)))
        base, run = self._values(found, (), inputs), self._run(found, (), inputs)
        base = {
            name: array
            for name, array in base.items()
            if array.dtype.kind == "f" and run.has(array)
        }
        changed: list[list[Array]] = []
        reached: set[int] = set()
        for i in mine:
            values = self._values(found, [i], inputs)
            names = {name for name in base if self._moved(values[name], base[name])}
            changed.append([values[name] for name in names])
            if names == self.after[i].intersection(base):
                reached.add(i)
        for n, j in enumerate(theirs):
            run = self._run(found, [j], inputs)
            for m, arrays in enumerate(changed):
                scores[m, n] = sum(run.has(array) for array in arrays)
        return scores, reached

    def _moved(self, array: Array, base: Array) -> bool:
        if array.shape != base.shape:
            return False
        scale = float(np.max(np.abs(base), initial=0.0))
        return float(np.max(np.abs(array - base), initial=0.0)) > 10 * self.sides.tolerance * scale

    def _values(
        self, found: Mapping[int, int], probed: Iterable[int], inputs: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Return the values of the spec, with the weights of those found, and one with others."""
        weights = {**self.ours.weights, **self.even.values}
        for i in found:
            weights |= {name: self.own[i][own] for own, name in self.group[i].items()}
        for i in probed:
            weights |= {name: self.other[own] for own, name in self.group[i].items()}
        return self.ours.every_value(weights, inputs)

    def _run(
        self, found: Mapping[int, int], probed: Iterable[int], inputs: Mapping[str, Array]
    ) -> Prints:
        """Return a run of the file in the same way."""
        facing = self.sides.facing
        values: dict[str, Array] = {}
        for i, j in found.items():
            values |= {name: self.own[i][own] for own, name in self.group[j].items()}
        for j in probed:
            values |= {name: self.other[own] for own, name in self.group[j].items()}
        tensors = written(self.even.sources, values, self.even.tensors)
        facing.foreign.load({**self.even.tensors, **tensors})
        self.runs += 1
        return Prints(facing.trace(inputs).values, self.sides.tolerance)
