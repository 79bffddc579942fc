"""Walks through the steps of one file beside the run of another: the map, and where they part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Held, Step, Trace, View
from nnspec.judge.combinations import tried
from nnspec.judge.prints import Prints
from nnspec.judge.sources import Source
from nnspec.judge.units import Units, UnitWays, viewed

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

AHEAD = 10
"""Steps without tensors after a unit, whose values prove it where the other file has only those."""


class Pairing:
    """One walk. sources: of each parameter of the units. proven: those whose values were met.

    certain: of the proven, those whose own unit was met. kept: parameters that are constants of the
    formula. shifted: of values that the other file adds a bias to, where it has them so.
    """

    def __init__(
        self, units: Units, held: Sequence[Held], theirs: Weights, trace: Trace, tolerance: float,
        known: Mapping[str, Source],
    ) -> None:  # fmt: skip
        """theirs: the tensors of the other file. trace: its run. known: sources that are known."""
        self.units = units
        self.theirs = theirs
        self.trace = trace
        self.prints = Prints(trace.values, tolerance)
        self.steps = units.trace.steps
        self.ways = UnitWays(units.sought, held, theirs, trace, known)
        self.ways.makers = {
            str(number): tuple(map(str, step.inputs))
            for step in self.steps for number in step.outputs
        }  # fmt: skip
        self.normalised = {
            step.inputs[0] for step in self.steps
            if step.number in units.at and units.at[step.number].kind == "batch_normalization"
        }  # fmt: skip
        self.sources: dict[str, Source] = {}
        self.proven: set[str] = set()
        self.certain: set[str] = set()
        self.kept: set[str] = set()
        self.met: set[int] = set()
        self.values: dict[int, Array] = {}
        self.sure: set[int] = set()
        self.varying: set[int] = set()
        self.first: dict[int, list[View]] = {}
        self.shifted: dict[int, list[int]] = {}

    def run(self, forced: Mapping[int, Mapping[int, Array]]) -> None:
        """Walk. forced: of steps that are known to differ, what the other file gives instead."""
        self.units.reset()
        self.values = {
            number: self.units.trace.values[number] for number in self.units.trace.given.values()
        }
        self.varying = set(self.values)
        for number, array in self.values.items():
            self._note(number, array)
        for step in self.steps:
            if any(number not in self.values for number in step.inputs):
                self._refresh()
            if any(number not in self.values for number in step.inputs):
                continue
            if self.varying.intersection(step.inputs):
                self.varying.update(step.outputs)
            try:
                self._take(step, forced.get(step.number))
            except Exception:  # whatever a framework raises of shapes that do not fit
                continue
        for step in self.steps:  # what is met is made of what comes before it
            unit = self.units.at.get(step.number)
            if unit is not None and step.number not in self.met and self.leads(step):
                self.proven.update(each.name for each in unit.views if each.name in self.sources)

    def outputs(self) -> dict[str, Array]:
        """Return the outputs of the units' file with the tensors that were found."""
        return self.units.facing.run(self.units.inputs)

    def missing(self) -> dict[str, str]:
        """Return the parameters that nothing was found for, told."""
        told = self.ways.missing
        return {
            name: told.get(name, name)
            for name in self.units.needed - self.kept if name not in self.sources
        }  # fmt: skip

    # Filling

    def _take(self, step: Step, forced: Mapping[int, Array] | None) -> None:
        views = [
            each for each in self.views(step)
            if each.name not in self.sources
        ]  # fmt: skip
        if views:
            self._fill(step, views)
        elif any(number not in self.values for number in step.outputs):
            self.values |= self.units.compute([step], self.values)
        if forced is not None:
            self._forget_after(step)  # what was computed ahead
            self.values |= forced
        for number in step.outputs:
            self._note(number, self.values[number])
        if self._is_met(step):
            self.met.add(step.number)
            self.sure.update(step.outputs)

    def _forget_after(self, step: Step) -> None:
        changed = set(step.outputs)
        for each in self.steps[step.number + 1 :]:
            if changed.intersection(each.inputs):
                changed.update(each.outputs)
                for number in each.outputs:
                    self.values.pop(number, None)

    def views(self, step: Step) -> tuple[View, ...]:
        unit = self.units.at.get(step.number)
        return unit.views if unit is not None else ()

    def _fill(self, step: Step, views: Sequence[View]) -> None:
        ahead = [step, *self.ahead(step)]
        owned = {each.own: each.name for each in views}
        self.first[step.number] = list(views)
        first: dict[str, Source] | None = None
        given: dict[int, Array] = {}
        for chosen in self.choices(step, owned):
            self.load(owned, chosen)
            try:
                found = self.units.compute(ahead, self.values)
            except Exception:  # whatever a framework raises of shapes that do not fit
                continue
            if first is None:
                first, given = chosen, found
            if self.is_new(step, found) or self._is_shifted(step, found):
                self._keep(owned, chosen, is_proven=True)
                self.values |= found
                return
        if not any(each.tensor in self.units.learned for each in views):
            # They may be constants of the formula.
            self.units.load({each.name: self._own(each) for each in views})
            found = self.units.compute(ahead, self.values)
            if self.is_new(step, found):
                self.kept.update(each.name for each in views)
                self.values |= found
                return
        if first is not None:
            self.load(owned, first)
            self._keep(owned, first, is_proven=False)
        self.values |= given or self.units.compute([step], self.values)

    def _is_shifted(self, step: Step, found: Mapping[int, Array]) -> bool:
        """Whether the run holds what a unit gives with a bias added, which the unit lacks.

        An exporter makes one of the normalisation that follows; its scale is in the weights then.
        """
        if any(each.own.rpartition(".")[2] == "bias" for each in self.views(step)):
            return False
        node = self.units.node(step)
        for number in set(step.outputs) & self.normalised & found.keys():
            array = found[number]
            for size in dict.fromkeys(array.shape[1:]):
                for source in self.ways.vectors(node, size):
                    for moved in _along(source.of(self.theirs), array.shape):
                        if numbers := self.numbers(array + moved):
                            self.shifted[number] = numbers
                            self.ways.shifts[str(number)] = source
                            self.ways.use(source)
                            return True
        return False

    def choices(self, step: Step, owned: Mapping[str, str]) -> Iterator[dict[str, Source]]:
        """Yield ways to fill a unit, the likeliest first; what is known stays as it is."""
        node, known = self.units.node(step), self.ways.given
        is_known = any(name in known for name in owned.values())
        if not is_known:
            yield from self.ways.choices(node, owned)
        options = {
            own: [known[name]] if name in known else self.ways.options(node, own, name)
            for own, name in owned.items()
        }
        if is_known:
            yield from tried([each for each in options.items() if each[1]])
        constants = {
            own: Source("", self.units.views[name].shape, (), constant=number)
            for own, name in owned.items()
            if name not in known and (number := self._without(step, own, name)) is not None
        }
        if constants:  # an exporter leaves out a bias of 0, and a scale of 1
            rest = [(own, each) for own, each in options.items() if own not in constants and each]
            yield from ({**constants, **each} for each in tried(rest))

    def _without(self, step: Step, own: str, name: str) -> float | None:
        """Return the number that a parameter is where a file does without it."""
        if len(self.units.views[name].shape) != 1:
            return None
        last = own.rpartition(".")[2]
        if last == "running_var":
            return 1.0 - self.units.at[step.number].epsilon
        return 1.0 if last == "weight" else 0.0

    def _own(self, view: View) -> Array:
        return viewed(view, self.units.own()[view.tensor])

    def load(self, owned: Mapping[str, str], chosen: Mapping[str, Source]) -> None:
        self.units.load({owned[own]: each.of(self.theirs) for own, each in chosen.items()})

    def _keep(
        self, owned: Mapping[str, str], chosen: Mapping[str, Source], *, is_proven: bool
    ) -> None:
        for own, source in chosen.items():
            self.sources[owned[own]] = source
            self.ways.missing.pop(owned[own], None)
            self.ways.use(source)
            if is_proven:
                self.proven.add(owned[own])
                self.certain.add(owned[own])

    def ahead(self, step: Step) -> list[Step]:
        """Return the steps without tensors that follow from a step alone, and what is known."""
        found: list[Step] = []
        made = set(step.outputs)
        for each in self.steps[step.number + 1 :]:
            if len(found) == AHEAD:
                break
            is_filled = all(view.name in self.sources for view in self.views(each))
            is_known = all(number in made or number in self.values for number in each.inputs)
            if is_filled and is_known and made.intersection(each.inputs):
                found.append(each)
                made.update(each.outputs)
        return found

    # What the other run holds

    def numbers(self, array: Array) -> list[int]:
        if array.size < 2 or not np.ptp(np.asarray(array, "float64")) > 0:
            return []  # what is one number everywhere is met by chance
        return list(self.prints.of(array))

    def is_new(self, step: Step, found: Mapping[int, Array]) -> bool:
        """Whether the run holds one of these values, which a step and those after it give.

        What the step takes proves nothing: a normalisation by 1 and 0 gives it again.
        """
        given = {
            n
            for value in step.inputs
            if value not in self.shifted
            for n in self.ways.numbers.get(str(value), ())
        }
        return any(
            array.dtype.kind == "f" and not given.issuperset(self.numbers(array))
            for array in found.values()
        )

    def _note(self, number: int, array: Array) -> None:
        self.ways.numbers[str(number)] = self.shifted.get(number) or self.numbers(array)

    def _is_met(self, step: Step) -> bool:
        return any(self.ways.numbers.get(str(number)) for number in step.outputs)

    def _refresh(self) -> None:
        """Take what is computed between the steps from a run with the tensors found so far."""
        trace = self.units.anew()
        if len(trace.steps) != len(self.steps):
            return
        made = {number for step in self.steps for number in step.outputs}
        for number, array in trace.values.items():
            if number not in made and number not in self.values:
                self.values[number] = array
                self.varying.add(number)
                self._note(number, array)

    def leads(self, step: Step) -> bool:
        """Whether the run holds what comes of a step, and not the value itself: it is fused."""
        reached = set(step.outputs)
        for each in self.steps[step.number + 1 :]:
            if reached.intersection(each.inputs):
                if each.number in self.met:
                    return True
                reached.update(each.outputs)
        return False


def _along(vector: Array, shape: Sequence[int]) -> Iterator[Array]:
    """Yield a vector along each axis of a shape that is as long, but for the first."""
    for axis in range(1, len(shape)):
        if shape[axis] == vector.size:
            yield vector.reshape([-1 if at == axis else 1 for at in range(len(shape))])
