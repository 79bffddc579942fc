"""Finds the first place where two files part: in one a step, in the other what takes the same."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Step
from nnspec.judge.found import standing_in
from nnspec.judge.inner import KINDS, numbers_within
from nnspec.judge.pairing import Pairing
from nnspec.judge.sources import Source

if TYPE_CHECKING:
    from nnspec.backend import Array

ALL_WAYS = 1000
"""To fill a unit that seems at fault: of more, not all are tried, and it is not accused."""
MOST_VARIED = 4
"""Steps, from the one that seems at fault on, of which variants are tried."""


@dataclass(frozen=True, slots=True)
class Parting:
    """The first place where two files, fed the same, give other values.

    mine, theirs: of the two, the place in each. cause: what the other file does instead.
    """

    step: int
    kind: str
    mine: str
    theirs: str
    cause: str = ""
    error: float | None = None
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class Blamed:
    """A parting. instead: what the other file may give in its place. sources: of a unit that had
    been filled wrongly, and is not at fault.
    """

    parting: Parting
    instead: list[dict[int, Array]] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)


class Blaming:
    """Looks for what is at fault where a walk has not met the outputs of the other file."""

    def __init__(self, walk: Pairing) -> None:
        self.walk = walk

    def blamed(self) -> Blamed | None:
        """Return the first step at fault, with what the other file may give in its place."""
        for step in self.walk.steps:
            if step.number in self.walk.met or not self._takes_known(step) or self.walk.leads(step):
                continue
            given = [
                self.walk.values[number] for number in step.outputs if number in self.walk.values
            ]
            if not any(array.dtype.kind == "f" for array in given):
                continue  # such as a shape
            if all(number in self.walk.values for number in step.outputs):
                return self._blame(step)
        return None

    def _takes_known(self, step: Step) -> bool:
        varying = self.walk.varying.intersection(step.inputs)
        return bool(varying) and all(
            number in self.walk.sure or self.walk.ways.numbers.get(str(number))
            for number in varying
        )

    def _blame(self, step: Step) -> Blamed:
        found = self._cause(step)
        if found is not None:
            at, told, given = found
            numbers = {n for array in given.values() for n in self.walk.numbers(array)}
            theirs = self._at([s for s in self.walk.trace.steps if numbers.intersection(s.outputs)])
            is_sure = all(
                each.name in self.walk.sources or each.name in self.walk.kept
                for each in self.walk.views(step)
            )
            return Blamed(self._parting(at, theirs, told, is_sure=is_sure), [given])
        sources, is_sure = self._every_way(step)
        theirs = self._at(self._within(step) or self._places(step))
        return Blamed(
            self._parting(step, theirs, "", is_sure=is_sure), [*self._instead(step)], sources
        )

    def _parting(self, step: Step, theirs: str, told: str, *, is_sure: bool = True) -> Parting:
        mine = self._at([step])
        return Parting(step.number, step.kind, mine, theirs, told, self._error(step), is_sure)

    def _error(self, step: Step) -> float | None:
        """Return how far the other file's next value of the same shape is off, if there is one."""
        for given in self._instead(step):
            ((number, theirs),) = given.items()
            mine = self.walk.values[number]
            scale = float(np.max(np.abs(mine), initial=0.0))
            return float(np.max(np.abs(theirs - mine), initial=0.0)) / scale if scale else None
        return None

    def _at(self, steps: Sequence[Step]) -> str:
        return next((step.told() for step in steps), "")

    def _cause(self, step: Step) -> tuple[Step, str, dict[int, Array]] | None:
        """Return the step that the other file has otherwise, told, and what that gives."""
        chain = [step, *self.walk.ahead(step)]
        before = dict(self.walk.values)
        best: tuple[int, Step, str, dict[int, Array]] | None = None
        for at, each in enumerate(chain[:MOST_VARIED]):
            for told in self.walk.units.facing.foreign.variants(each.number):
                try:
                    given = self.walk.units.compute(chain[at:], before, told)
                except Exception:  # whatever a framework raises of arguments that do not fit
                    continue
                if any(given[n].shape != before[n].shape for n in each.outputs if n in before):
                    continue
                # The furthest of them: of a layer with no activation, its sum is met always.
                met = [n for array in given.values() for n in self.walk.numbers(array)]
                if met and (best is None or max(met) > best[0]):
                    best = max(met), each, told, {n: given[n] for n in each.outputs}
        return best[1:] if best is not None else None

    def _every_way(self, step: Step) -> tuple[dict[str, Source], bool]:
        """Return the sources with which a unit is met after all, and whether all were tried."""
        views = self.walk.first.get(step.number, [])
        if not views:
            return {}, all(each.name in self.walk.proven for each in self.walk.views(step))
        for each in views:
            if each.name in self.walk.sources:
                self.walk.ways.free_again(self.walk.sources[each.name])
        if any(each.name not in self.walk.sources for each in views):
            return {}, False  # the file may hold it in a form that is not known here
        node = self.walk.units.node(step)
        options = {each.own: self.walk.ways.options(node, each.own, each.name) for each in views}
        for each in views:
            if each.name in self.walk.ways.given:
                options[each.own] = [self.walk.ways.given[each.name]]
        if math.prod(map(len, options.values())) > ALL_WAYS:
            return {}, False
        owned = {each.own: each.name for each in views}
        before = {owned[own]: self.walk.sources[owned[own]] for own in owned}
        chain = [step, *self.walk.ahead(step)]
        for some in itertools.product(*options.values()):
            tensors = [(each.tensor, each.part) for each in some if each.tensor]
            if len(set(tensors)) < len(tensors):
                continue
            chosen = dict(zip(options, some, strict=True))
            self.walk.load(owned, chosen)
            try:
                given = self.walk.units.compute(chain, self.walk.values)
            except Exception:  # whatever a framework raises of shapes that do not fit
                continue
            if self.walk.is_new(step, given):
                return {owned[own]: each for own, each in chosen.items()}, True
        self.walk.units.load({name: each.of(self.walk.theirs) for name, each in before.items()})
        # A file may make an operand of more, as of a length and a direction: no map has that.
        mapped = {one for each in before.values() for one in (each.tensor, each.added)}
        is_known = all(each.name in self.walk.ways.given for each in views)
        return {}, is_known or self.walk.ways.first_tensors(node) <= mapped

    def _within(self, step: Step) -> list[Step]:
        """Return the first steps of the other run that part from a recurrent layer, written out."""
        unit = self.walk.units.at.get(step.number)
        if unit is None or unit.kind not in KINDS:
            return []
        x = self.walk.values[step.inputs[0]]
        owned = {each.own: each.name for each in unit.views}
        views = [each for each in unit.views if each.name not in self.walk.ways.given]
        for each in views:
            if each.name in self.walk.sources:
                self.walk.ways.free_again(self.walk.sources[each.name])
        loaded = {each.own: self.walk.units.sought.weights[each.name] for each in unit.views}
        best: set[int] = set()
        for chosen in self.walk.choices(step, owned):
            weights = loaded | {own: each.of(self.walk.theirs) for own, each in chosen.items()}
            found = numbers_within(unit.kind, x, weights, self.walk.numbers)
            if len(found) > len(best):
                best = found
                self.walk.sources |= {owned[own]: each for own, each in chosen.items()}
        known = self.walk.ways.known() | best
        moving = self._follows(known)
        return [
            each for each in self.walk.trace.steps
            if best and moving.intersection(each.inputs)
            and moving.intersection(each.inputs) <= known
            and not known.intersection(each.outputs)
            and any(self._says(number) for number in each.outputs)
        ]  # fmt: skip

    def _says(self, number: int) -> bool:
        array = self.walk.trace.values.get(number)
        return array is not None and array.dtype.kind == "f" and bool(np.ptp(array) > 0)

    def _follows(self, known: set[int]) -> set[int]:
        """Return the numbers of the other run's values that say something, and depend on inputs."""
        found = set(self.walk.trace.given.values()) | known
        for each in self.walk.trace.steps:
            if found.intersection(each.inputs):
                found.update(number for number in each.outputs if self._says(number))
        return found

    def _starts(self, step: Step) -> set[int]:
        """Return the numbers, in the other run, of what a step takes."""
        found = {n for value in step.inputs for n in self.walk.ways.numbers.get(str(value), ())}
        for each in self.walk.steps:
            if set(each.outputs).intersection(step.inputs) and each.number in self.walk.met:
                found |= {n for one in each.outputs for n in self.walk.ways.numbers[str(one)]}
        for each in self.walk.trace.steps:  # a state and the sequence of states come of one step
            if found.intersection(each.outputs):
                found.update(each.outputs)
        return found

    def _places(self, step: Step) -> list[Step]:
        """Return the steps of the other run that take what a step takes, and give new values."""
        known, starts = self.walk.ways.known(), self._starts(step)
        own = {
            self.walk.sources[e.name].tensor
            for e in self.walk.views(step)
            if e.name in self.walk.sources
        }
        steps = [
            each for each in self.walk.trace.steps
            if starts.intersection(each.inputs) and not known.intersection(each.outputs)
        ]  # fmt: skip
        return [each for each in steps if own.intersection(each.tensors)] or steps

    def _instead(self, step: Step) -> Iterator[dict[int, Array]]:
        """Yield values of the other run, in its order, that may stand for what a step gives."""
        if not step.outputs:
            return
        first = step.outputs[0]
        mine, known = self.walk.values[first], self.walk.ways.known()
        for array in standing_in(self.walk.trace, mine.shape, self._starts(step), known):
            if (array.dtype.kind == "c") == (mine.dtype.kind == "c"):
                yield {first: array.astype(mine.dtype)}
