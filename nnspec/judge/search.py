"""Searches for the map of a file's tensors, and for the faults on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Held
from nnspec.errors import NnspecError
from nnspec.judge.alike import Evened, Group
from nnspec.judge.amounts import Met, first_of, met
from nnspec.judge.apart import halves, redrawn, told_apart
from nnspec.judge.blaming import Blaming
from nnspec.judge.counting import too_few
from nnspec.judge.facing import Facing
from nnspec.judge.found import Blamed, Fault, Filled, Other, Walked
from nnspec.judge.levelled import levelled
from nnspec.judge.maps import sources_of
from nnspec.judge.moving import FURTHER
from nnspec.judge.ours import Ours
from nnspec.judge.places import layer_places
from nnspec.judge.prints import Prints
from nnspec.judge.reproducing import Place
from nnspec.judge.sources import Source
from nnspec.judge.spared import left_over, spared
from nnspec.judge.twins import Twins
from nnspec.judge.walk import Walk
from nnspec.layers.shapes import show
from nnspec.support.causes import Told
from nnspec.verification.samples import is_alike

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

FAULTS = 5
"""Layers at fault that are looked for."""
LIVELY = 8
"""Weights that are drawn for a file that tells no rows with its own."""
GROUPS = 40
"""Of layers that are alike, whose order is asked for."""

Agrees = Callable[[Mapping[str, "Array"], Mapping[str, "Array"]], bool]
"""Whether what the file gives, as it calls that, is what the spec gives of the inputs."""


class Search:
    """The map of one file.

    faults: what was found, the first of the network first. places: of the first, to reproduce it.
    confused: biases that are not found, where layers that take the same have none.
    """

    def __init__(
        self, ours: Ours, facing: Facing, held: Sequence[Held],
        draws: Sequence[Mapping[str, Array]], tolerance: float, agrees: Agrees,
    ) -> None:  # fmt: skip
        """draws: inputs, the first of which the map is looked for with. tolerance: of values."""
        self.ours = ours
        self.facing = facing
        self.held = held
        self.draws = draws
        self.tolerance = tolerance
        self.faults: list[Fault] = []
        self.places: list[Place] = []
        self.is_whole = True
        self.described = facing.foreign.describe()
        self.confused: list[str] = []
        self._constants: set[str] = set()
        """Tensors that stood for a parameter, and with other numbers stand for none."""
        self._agrees = agrees
        self._given: Mapping[str, Source] = {}
        self._spared: dict[str, Source] = {}
        self._found = Walked()
        self._evenable: list[Group] = []
        self.twins = Twins(ours, facing, held, draws, tolerance)

    def run(self, known: Mapping[str, Source]) -> Walked:
        """Find the map, beginning with what is known; the spec then holds the file's weights."""
        self.faults.clear()
        self.places.clear()
        self._given = known
        self._found = self._searched(known)
        return self._found

    def told_apart(self, seed: int) -> Walked:
        """Give other numbers to tensors that their numbers would not tell apart, and search again.

        Only to what the spec has a parameter for: a constant of the file stays what it is. Another
        tensor may then be found for a parameter, which was not told apart before.
        """
        foreign, met, prints = self.facing.foreign, set[str](), set[bytes]()
        self._enliven(seed)
        before = foreign.weights()
        given: dict[str, Array] = {}
        while held := [each for each in self._weights_of(self._found) if each.name not in met]:
            met.update(each.name for each in held)
            apart = told_apart(held, foreign.weights(), seed, halves(self._found), prints)
            if not apart:
                break
            # What stood for a parameter by its numbers alone is a constant, as a scale of 1.
            taken = {source.tensor for source in self._found.sources.values()}
            lost = given.keys() - taken
            self._constants |= lost
            foreign.load({**{name: before[name] for name in lost}, **apart})
            given |= apart
            self.run({**self._given, **self._spared})
            if lost and self.faults:
                # They are weights after all, of others than those that they had stood for.
                self._constants -= lost
                foreign.load({name: given[name] for name in lost})
                self.run({**self._given, **self._spared})
            else:
                given = {name: array for name, array in given.items() if name not in lost}
        return self._found

    def _enliven(self, seed: int) -> None:
        """Give a file of which every row has the same outputs others, with which it tells rows.

        Of what it begins with, all that a relu is given may be below 0: any map fits then.
        """
        foreign = self.facing.foreign
        if not is_alike(self.facing.foreign_outputs(self.inputs)):
            return
        before, held = foreign.weights(), self._weights_of(self._found)
        for draw in range(LIVELY):
            foreign.load(redrawn(held, before, seed + draw))
            if self._is_finite() and not is_alike(self.facing.foreign_outputs(self.inputs)):
                self.run({**self._given, **self._spared})
                return
        foreign.load(before)

    def look(self, inputs: Mapping[str, Array]) -> None:
        """Look for the layers at fault where only these inputs show them."""
        if self.faults:
            return
        found, weights, twins, draws = self._found, self.ours.weights, self.twins, self.draws
        evenable = self._evenable
        proven = {name: found.sources[name] for name in found.proven & found.sources.keys()}
        self.draws, self.ours.weights = [dict(inputs)], dict(weights)
        try:
            self._searched(proven, twins.told)
        except NnspecError:  # the file does not run so: the check says it
            pass
        finally:
            self.twins, self.draws, self.ours.weights = twins, draws, weights
            self._evenable = evenable

    def _weights_of(self, walked: Walked) -> list[Held]:
        """Return the tensors that are parameters: a constant of the file stays what it is."""
        taken = {source.tensor for source in walked.sources.values()}
        proven = {walked.sources[name].tensor for name in walked.proven if name in walked.sources}
        return [e for e in self.held if e.name in proven or (e.name in taken and e.is_learned)]

    def _searched(self, known: Mapping[str, Source], told: Sequence[Group] = ()) -> Walked:
        self.twins = Twins(self.ours, self.facing, self.held, self.draws, self.tolerance)
        self.twins.told += told
        theirs = self._begin()
        try:
            walk, tried = self._walk(known, {}), known
            is_same = self._is_same()
            if not is_same:
                # Of tensors that fit as well, those named as the parameters may be the right ones.
                tried = {**self._by_name(), **known}
                first, walk = walk, self._walk(tried, {})
                is_same = self._is_same()
                if not is_same and walk.found.met > first.found.met:
                    proven = walk.found.proven & walk.found.sources.keys()
                    known = {**{name: walk.found.sources[name] for name in proven}, **known}
            if is_same:
                walk = self._same_beyond(walk, tried)
                self._evenable, found = self.twins.evenable(walk), walk.found
            else:
                found = self._blamed(known)
        finally:
            if self._theirs is not theirs:  # all that are alike were given the same weights
                self.facing.foreign.load(theirs)
        for name, source in found.sources.items():
            self.ours.weights[name] = source.of(theirs)
        self.confused, biases = self._confused(found, known)
        if biases:
            self._spared |= biases
            return self._searched({**known, **biases}, told)
        for name in self._spared.keys() & found.absent.keys():  # a layer that has some of its own
            found.absent.pop(name)
            found.sources[name] = self._spared[name]
            self.ours.weights[name] = self._spared[name].of(theirs)
        unproven = [name for name in found.absent if name not in found.proven]
        for name in dict.fromkeys((*self.confused, *unproven)):
            found.absent.pop(name, None)
            found.missing[name] = f"{name} {show(self.ours.weights[name].shape)}"
        return found

    def _confused(
        self, found: Walked, known: Mapping[str, Source]
    ) -> tuple[list[str], dict[str, Source]]:
        """Return the biases that the file may have after all, and the tensors that are some.

        Of layers that are alike, one with a bias may have been taken for one without. Others, which
        may be 0, are asked for among the tensors that are left over.
        """
        mixed = {
            name
            for group in self.twins.wide
            for one in group
            for name in one.values()
            if len(set(map(len, group))) > 1
        }
        left = left_over(found, self.held, self._trace)
        sizes = {math.prod(each.shape) for each in left}
        names = [each for each in found.absent if self.ours.weights[each].size in sizes - {0}]
        confused = [name for name in found.absent if name in mixed]
        names = [name for name in names if name not in mixed and name not in known]
        if not names or self._differs():
            return [*confused, *names], {}
        foreign = self.facing.foreign
        biases, unasked = spared(self.ours, foreign, names, left, lambda: not self._differs())
        return [*confused, *unasked], biases

    def unsettled(self) -> list[Group]:
        """Return the groups of layers that are alike of which no order is told, and none given."""
        return [each for each in self.twins.groups if not self.twins.is_settled(each, self._given)]

    def untold(self) -> list[str]:
        """Return the parameters that nothing of the inputs reaches, and no value of the file tells.

        A file may compute with them before it runs, so that its run does not show them.
        """
        names = (name for name, _ in self.ours.spec.graph.parameters())
        return [each for each in names if each in self.ours.unfed - self._found.proven]

    @property
    def broken(self) -> str:
        """The reason for which the walk did not come to a layer that lacks tensors, or nothing."""
        found = self._found
        lacks = any(name not in found.sources for name, _ in self.ours.spec.graph.parameters())
        return found.broken if lacks else ""

    def is_order(self, differs: Callable[[], bool]) -> bool:
        """Whether a difference may be of the order of layers that are alike, and of nothing else.

        It is not where the two differ with the same weights in all that are alike. differs: whether
        they do, with the weights that both have now.
        """
        groups = self.unsettled()
        if not groups or not differs():
            return False
        if all(each in self._evenable for each in self.twins.wide):
            even = self.twins.evened(self._evenable, self._found.sources)
            if self._differs_with(even, differs):
                return False
        return not self._is_different(differs)

    def _differs_with(self, even: Evened, differs: Callable[[], bool]) -> bool:
        """Whether the two differ with these weights on both sides, which then have theirs again."""
        foreign, mine = self.facing.foreign, self.ours.weights
        before = foreign.weights()
        foreign.load(even.tensors)
        self.ours.weights = {**mine, **even.values}
        try:
            return differs()
        finally:
            foreign.load({name: before[name] for name in even.tensors})
            self.ours.weights = mine

    def _is_different(self, differs: Callable[[], bool] | None = None) -> bool:
        """Whether the two differ with every map of the tensors to the parameters.

        differs: whether they do with the weights that both have now; as a rule, on the inputs.
        """
        taken = {tensor for step in self._trace.steps for tensor in step.tensors}
        floats = [each for each in self.held if np.dtype(each.dtype).kind == "f"]
        # A layer that a file has and never runs leaves tensors over, which are its own.
        tries = ([each for each in floats if each.name in taken], floats)
        return any(
            self._differs_with(even, lambda: self._is_finite() and (differs or self._differs)())
            for held in tries
            for even in levelled(self.ours, held, self._theirs, self._given)
        )

    def _is_finite(self) -> bool:
        """Whether both give numbers: with weights that they never had, neither may."""
        with np.errstate(all="ignore"):
            given = [self.facing.foreign_outputs(self.inputs), self.ours.outputs(self.inputs)]
        return all(np.isfinite(array).all() for each in given for array in each.values())

    # One walk

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The inputs with which the map is looked for."""
        return self.draws[0]

    def _begin(self) -> Weights:
        """Take the weights that the file has, and its run with them."""
        self._theirs = self.facing.foreign.weights()
        self._trace = self.facing.trace(self.inputs)
        self._prints = Prints(self._trace.values, self.tolerance)
        self._memory: dict[str, Filled] = {}
        self.is_whole = self._trace.is_whole
        return self._theirs

    def _walk(self, known: Mapping[str, Source], forced: Mapping[str, Mapping[str, Array]]) -> Walk:
        held = [each for each in self.held if each.name not in self._constants]
        walk = Walk(self.ours, held, self._theirs, self._trace, self._prints, known, self._memory)
        walk.run(self.inputs, forced)
        return walk

    def _is_same(self) -> bool:
        return self._agrees(self._trace.outputs, self.inputs)

    def _differs(self) -> bool:
        return not self._agrees(self.facing.foreign_outputs(self.inputs), self.inputs)

    def _by_name(self) -> dict[str, Source]:
        """Return the tensors of the file that have the name and the shape of a parameter."""
        shapes = {name: each.shape for name, each in self.ours.spec.graph.parameters()}
        alike = {e.name: e.name for e in self.held if shapes.get(e.name) == tuple(e.shape)}
        return sources_of(alike, shapes, self.held)

    # Layers that are alike, and faults

    def _same_beyond(self, walk: Walk, known: Mapping[str, Source]) -> Walk:
        """Return a walk with which the outputs of other inputs are the same too, if there is one.

        An expert that no row of the first inputs is given to may stand in the place of another.
        """
        for group in self.unsettled()[:GROUPS]:
            if all(self._agrees_of(inputs) for inputs in self.draws[1:]):
                break
            order = self.twins.order(group, walk, known)
            after = self._walk({**known, **order}, {})
            if self._is_same():
                walk, known = after, {**known, **order}
            else:
                walk = self._walk(known, {})
        return walk

    def _agrees_of(self, inputs: Mapping[str, Array]) -> bool:
        try:
            return self._agrees(self.facing.foreign_outputs(inputs), inputs)
        except (NnspecError, Told):
            return True  # of inputs that it does not run with, nothing is said here

    def _blamed(self, known: Mapping[str, Source]) -> Walked:
        """Find the faults, and return the map with the file's own weights."""
        forced: dict[str, Mapping[str, Array]] = {}
        walk = self._walk(known, forced)
        own: Walked | None = None
        before: Blamed | None = None
        given, earlier = self._given, list[Walk]()
        tried_sources = set[frozenset[tuple[str, Source]]]()
        amounts, shown = list[Met](), list[list[Place]]()
        while not self._is_same():
            groups = self.twins.around(walk, self.twins.groups if own is None else self.twins.wide)
            mixed = [group for group in groups if not self.twins.is_settled(group, given)]
            untried = [group for group in mixed if group not in self.twins.tried]
            if untried and own is None and len(self.twins.tried) < GROUPS:
                earlier.append(walk)
                known = {**known, **self.twins.order(untried[0], walk, known)}
                walk = self._walk(known, forced)
                continue
            if mixed and own is None and not self.faults:
                # What differs where all that are alike have the same weights is a fault.
                around = self.twins.around(walk, self.twins.wide)
                tries = [(self.twins.evenable(each), each.found) for each in (walk, *earlier)]
                evenable, found = max(tries, key=lambda pair: len(pair[0]))
                if all(group in evenable for group in around):
                    even = self.twins.evened(evenable, found.sources)
                    self._evenable, own, before = evenable, found, Blaming(walk).blamed()
                    self.facing.foreign.load(even.tensors)
                    self._begin()
                    given = {**given, **even.sources}
                    known, forced = {**known, **even.sources}, {}
                    walk = self._walk(known, forced)
                    continue
            blamed = Blaming(walk).blamed()
            if blamed is None or blamed.name in forced or len(self.faults) >= FAULTS:
                break
            if any(self._given.get(name, each) != each for name, each in blamed.sources.items()):
                blamed = replace(blamed, sources={})  # a map that was given is not mended
            refilled = frozenset(blamed.sources.items())
            if refilled and refilled not in tried_sources:
                # It had been filled wrongly; where it is so again, that explains nothing.
                tried_sources.add(refilled)
                known = {**known, **blamed.sources}
                walk = self._walk(known, forced)
                continue
            if mixed and not blamed.is_counted:
                if self.faults:
                    break
                blamed = replace(blamed, fault=replace(blamed.fault, is_sure=False))
            if not self.faults and not blamed.fault.is_sure:
                blamed = replace(blamed, fault=self._surely(walk, blamed.fault))
            self.faults.append(blamed.fault)
            amounts.append(met(walk, blamed))
            # As the file is when a reproduction is written.
            shown.append(
                layer_places(walk, blamed, self.facing, self.inputs) if own is None else []
            )
            # On from what the file gives there, which shows the next fault, and the other weights.
            best, reached, sofar = None, walk.found.steps, forced
            given_instead = [Other(blamed.name, each, blamed.fault) for each in blamed.instead]
            for other in [*blamed.others, *given_instead]:
                tried = {**sofar, **other.forced}
                after = self._walk(known, tried)
                # One layer may be held by chance, as a normalisation like that of a branch.
                if after.found.steps > reached + (other.name != blamed.name):
                    best, reached, forced = after, after.found.steps, tried
                    fault, is_own = other.fault, other.name == blamed.name
                    places = fault.places or (blamed.fault.places if is_own else ())
                    self.faults[-1] = replace(fault, is_sure=blamed.fault.is_sure, places=places)
            if best is None:
                break
            walk = best
        if amounts:
            number = first_of(amounts, self.tolerance)
            del self.faults[:number]
            self.places[:] = shown[number]
        if before is not None:
            self._prefer(before)
            if not self.faults and self._is_different():
                self.faults.append(replace(before.fault, is_sure=True))
        if own is None:
            self._evenable = self.twins.evenable(walk)
        return walk.found if own is None else own

    def _surely(self, walk: Walk, fault: Fault) -> Fault:
        """Return a fault as it is told, for sure where no map can explain the difference."""
        if told := too_few(walk, self.described, self._given):
            return replace(fault, is_sure=True, cause=fault.cause or told)
        return replace(fault, is_sure=True) if self._is_different() else fault

    def _prefer(self, before: Blamed) -> None:
        """Take a layer that was blamed where layers that are alike have weights of their own.

        That the two differ is sure by then; of several alike that one may be at fault, and not what
        comes after all of them.
        """
        places = {self.ours.path_of(node): i for i, node in enumerate(self.ours.nodes)}
        mine, found = before.fault, self.faults[:1]
        if (
            not found
            or not found[0].is_sure
            or not mine.cause
            or found[0].cause not in ("", FURTHER)
        ):
            return
        if places[mine.layer] < places[found[0].layer]:
            self.faults[:] = [replace(mine, is_sure=True)]
