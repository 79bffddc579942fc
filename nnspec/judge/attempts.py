"""The map from the tensors of one file to the units of the other, tried in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import Held
from nnspec.judge.against import SAME
from nnspec.judge.apart import told_apart
from nnspec.judge.choices import (
    Disagreement,
    Scored,
    disagreement,
    floats_of,
    is_whole,
    scores_of,
)
from nnspec.judge.kernels import coarse_of, least_explained
from nnspec.judge.maps import sources_of
from nnspec.judge.meeting import Meeting, Side
from nnspec.judge.pairing import Pairing
from nnspec.judge.parting import Blaming, Parting
from nnspec.judge.places import step_places
from nnspec.judge.ported import MOST, found_by_value, says_something
from nnspec.judge.reproducing import Place
from nnspec.judge.sources import Source
from nnspec.judge.units import Units
from nnspec.support.streams import derived_seed
from nnspec.verification.tolerance import (
    DOUBLE_ROUNDOFF,
    EXACT,
    PROBES,
    SAFETY,
    UNIT_ROUNDOFF,
    perturbed,
    relative_error,
)

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

FAULTS = 5
"""Places where two files part that are looked for."""


@dataclass(slots=True)
class Attempt:
    """The map from one file, whose tensors are taken, to the units of the other."""

    units: Units
    mine: Side
    theirs: Side
    walk: Pairing
    faults: list[Parting]
    agrees: bool
    given: Mapping[str, Source]
    by_value: Mapping[str, Source]
    before: Attempt | None = None
    """With the other file's own tensors, where some had to be told apart."""
    places: list[Place] = field(default_factory=list)
    """Of the first fault, for a reproduction."""

    def loaded(self) -> dict[str, Array]:
        """Return the parameters of the units that come from the other file."""
        return {name: each.of(self.walk.theirs) for name, each in self.walk.sources.items()}

    def taken(self) -> dict[str, Array]:
        """Return the tensors of the other file that were told apart."""
        if self.before is None:
            return {}
        own = self.before.walk.theirs
        return {n: each for n, each in self.walk.theirs.items() if each is not own.get(n)}

    @property
    def is_sure(self) -> bool:
        """Whether a difference is one of the files, and not of the map."""
        for each in self.faults[:1]:  # what follows from a change of the file is no guess
            is_found = bool(each.cause) or not self.walk.missing()
            return each.is_sure and is_found and not self._is_folded()
        return self.units.needed <= self.walk.proven | self.walk.kept and not self.unused

    def _is_folded(self) -> bool:
        """Whether a normalisation of the other file may be within other weights of the units."""
        unused = {each.name for each in self.unused}
        return any(
            unused.intersection(step.tensors)
            for step in self.walk.trace.steps
            if step.kind.replace("_", "").lower().startswith("batchnorm")
        )

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left over in either file, and they give the same."""
        return self.agrees and not self.faults and not self.walk.missing() and not self.unused

    @property
    def unused(self) -> list[Held]:
        """The tensors that are learned, and have no place in the units."""
        taken = {n for each in self.walk.sources.values() for n in (each.tensor, each.added)}
        return [
            each
            for each in self.theirs.described.held
            if each.is_learned and each.name not in taken
        ]

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, int]:
        """Of two attempts, the better one has the larger."""
        left_over = len(self.walk.missing()) + len(self.unused)
        return self.is_whole, self.is_sure, not left_over, self.has_cause, -left_over

    @property
    def has_cause(self) -> bool:
        """Whether it is known what the other file does instead."""
        return any(each.cause for each in self.faults[:1])


class Attempts:
    """Looks for the better of the two directions. notes: what was found out."""

    def __init__(self, meeting: Meeting, seed: int, known: Mapping[str, Any]) -> None:
        """known: a map that was saved."""
        self.meeting = meeting
        self.inputs = meeting.inputs
        self.seed = seed
        self.known = known
        self.notes: list[str] = []
        self.names = {each.label: name for each, name in zip(meeting.sides, "ab", strict=True)}

    def best(self) -> Attempt:
        """Return the better of the maps from one file to the other, and back."""
        best: Attempt | None = None
        for mine, theirs in self._orders():
            own = theirs.foreign.weights()
            units = Units(mine.facing, mine.described, self.inputs)
            attempt = self._apart(self._attempt(units, mine, theirs, own, looks=False))
            if best is None or attempt.rank > best.rank:
                best = attempt
            if best.is_whole or (best.is_sure and best.has_cause and not best.unused):
                break  # tensors without a place may be folded into others, which are no fault
            units.reset()
            theirs.foreign.load(own)
        assert best is not None
        if not best.is_whole:
            best.units.run_again()
        return best

    def _orders(self) -> Iterator[tuple[Side, Side]]:
        first, second = self.meeting.sides
        if self.known:
            is_second = self.known.get("of") == second.label
            yield (second, first) if is_second else (first, second)
            return
        # First the one with the larger parts: what it computes in one, the other may in several.
        counts = [len(each.facing.trace(self.inputs).steps) for each in (first, second)]
        yield from [(first, second), (second, first)][:: 1 if counts[0] <= counts[1] else -1]

    def _attempt(
        self, units: Units, mine: Side, theirs: Side, weights: Weights,
        given: Mapping[str, Source] | None = None, *, looks: bool = True,
    ) -> Attempt:  # fmt: skip
        """Walk. looks: for what is at fault too."""
        held = theirs.described.held
        by_value: dict[str, Source] = {}
        if given is None:
            shapes = {name: each.shape for name, each in units.views.items()}
            given = sources_of(self.known.get("map", {}), shapes, held)
            by_value = {} if given else found_by_value(units, held, weights)
            says = [name for name in units.needed if says_something(units.sought.weights[name])]
            if len(by_value) <= MOST * len(says):
                by_value = {}
            given = given or by_value
        known = given
        trace = theirs.facing.trace(self.inputs)
        if not trace.is_whole:
            self.notes.append("the run is too large to be kept whole: the map may be unproven")
        faults: list[Parting] = []
        places: list[Place] = []
        forced: dict[int, Mapping[int, Array]] = {}
        walk = self._walk(units, theirs, weights, trace, given, forced)
        while looks and not self._agrees(mine, theirs, trace.outputs, units):
            blamed = Blaming(walk).blamed()
            if blamed is None or blamed.parting.step in forced or len(faults) >= FAULTS:
                break
            if blamed.sources:  # it had been filled wrongly
                given = {**given, **blamed.sources}
                walk = self._walk(units, theirs, weights, trace, given, forced)
                continue
            if not faults:
                sides = [(self.names[each.label], each.facing) for each in (mine, theirs)]
                places = step_places(walk, blamed.parting, sides, self.inputs, blamed.instead)
            faults.append(blamed.parting)
            best, reached = None, len(walk.met)
            for instead in blamed.instead:
                tried = {**forced, blamed.parting.step: instead}
                after = self._walk(units, theirs, weights, trace, given, tried)
                if len(after.met) > reached:
                    best, reached, forced = after, len(after.met), tried
            if best is None:
                break
            walk = best
        units.load({name: each.of(weights) for name, each in walk.sources.items()})
        agrees = self._agrees(mine, theirs, trace.outputs, units)
        return Attempt(units, mine, theirs, walk, faults, agrees, known, by_value, places=places)

    def _walk(
        self, units: Units, theirs: Side, weights: Weights, trace: Any,
        given: Mapping[str, Source], forced: Mapping[int, Mapping[int, Array]],
    ) -> Pairing:  # fmt: skip
        tolerance = SAME[self.meeting.dtype]
        walk = Pairing(units, theirs.described.held, weights, trace, tolerance, given)
        walk.run(forced)
        return walk

    def _agrees(self, mine: Side, theirs: Side, given: Mapping[str, Array], units: Units) -> bool:
        expected = mine.facing.run(self.inputs)
        found = theirs.facing.matched(given)
        floats = floats_of(expected)
        if floats:
            error, tolerance = self.judged(units, self.inputs, found, floats)
            if not error <= tolerance:
                return False
        differing = self.disagreements(units, "", self.inputs, found, expected)
        return all(each is None or each.decided == each.differing for each in differing.values())

    def _apart(self, best: Attempt) -> Attempt:
        """Walk again with tensors that their values tell apart."""
        weights = best.walk.theirs
        taken = {n for each in best.walk.sources.values() for n in (each.tensor, each.added)}
        held = [
            each for each in best.theirs.described.held if each.name in taken or each.is_learned
        ]
        apart = told_apart(held, weights, self.seed)
        if not apart and best.agrees:
            return best
        best.theirs.foreign.load(apart)
        weights = best.theirs.foreign.weights() if apart else weights
        after = self._attempt(best.units, best.mine, best.theirs, weights, best.given)
        after.before, after.by_value = best, best.by_value
        return after

    def again(self, best: Attempt, weights: Weights) -> Attempt:
        """Walk again with other weights, which the other file of an attempt holds by now."""
        return self._attempt(best.units, best.mine, best.theirs, weights, best.given)

    def judged(
        self, units: Units, inputs: Mapping[str, Array], given: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> tuple[float, float]:  # fmt: skip
        """Return the error of the worst output, and what rounding explains of it.

        Both are relative to its largest number. What is more than usual in float64 is measured.
        """
        error = relative_error(given, expected)
        is_exact = self.meeting.dtype == "float64"
        if is_exact and error <= EXACT:
            return error, EXACT
        moved = max(
            relative_error(units.facing.run(noisy), expected)
            for noisy in self._rounded(units, inputs)
        )
        if is_exact:
            return error, max(EXACT, SAFETY * moved)
        usual = SAFETY * max(moved, UNIT_ROUNDOFF)
        if error <= usual:
            return error, usual
        error, spared = least_explained(given, expected, self._coarse)
        return error, usual + spared

    @cached_property
    def _coarse(self) -> float:
        """The absolute error that kernels of sigmoids explain in float32."""
        return coarse_of(each.facing.trace(self.inputs) for each in self.meeting.sides)

    def disagreements(
        self, units: Units, when: str, inputs: Mapping[str, Array],
        theirs: Mapping[str, Array], expected: Mapping[str, Array],
    ) -> dict[str, Disagreement | None]:  # fmt: skip
        """Return what differs of each output that holds whole numbers. when: on which inputs."""
        found: dict[str, Disagreement | None] = {}
        for name, array in expected.items():
            if not is_whole(array):
                continue
            given = theirs.get(name)
            if given is None or given.shape != array.shape:
                found[name] = Disagreement(name, when, array.size, array.size, 0, None)
            elif np.array_equal(given, array):
                found[name] = None
            else:
                scored = self._scored(units, array, inputs)
                found[name] = disagreement(name, when, given, array, scored)
        return found

    def _scored(self, units: Units, output: Array, inputs: Mapping[str, Array]) -> Scored | None:
        """Return the scores by which an output is chosen, and how rounding moves them."""
        values = units.facing.trace(inputs).values
        found = scores_of(output, sorted(values.items()))
        if found is None:
            return None
        shape = values[found.key].shape
        moved = [
            each
            for noisy in self._rounded(units, inputs)
            if (each := units.facing.trace(noisy).values[found.key]).shape == shape
        ]
        return Scored(values[found.key], moved, found.axis, found.sign)

    def _rounded(self, units: Units, inputs: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
        """Yield inputs as rounding moves them, while the tensors are moved by it too."""
        unit = DOUBLE_ROUNDOFF if self.meeting.dtype == "float64" else UNIT_ROUNDOFF
        before = {name: np.array(each) for name, each in units.sought.weights.items()}
        terms = {
            name: max(array.size // max(array.shape[0], 1), 1) if array.ndim > 1 else 1
            for name, array in before.items()
        }
        longest = max(terms.values(), default=1)
        try:
            for probe in range(PROBES):
                draw = np.random.default_rng(derived_seed("probe", self.seed, probe))
                units.load({
                    name: perturbed(np.array(array), unit * terms[name] ** 0.5, draw)
                    for name, array in before.items()
                })  # fmt: skip
                yield {
                    name: perturbed(np.array(array), unit * longest**0.5, draw)
                    for name, array in inputs.items()
                }
        finally:
            units.load(before)
