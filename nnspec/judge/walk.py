"""Walks through a spec beside the run of a file: finds the weights, and where the two part."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nnspec.backend.foreign import Held, Trace
from nnspec.errors import NnspecError, WeightsError
from nnspec.judge.causes import variants
from nnspec.judge.found import Blamed, Fault, Walked
from nnspec.judge.ours import Ours
from nnspec.judge.prints import Prints
from nnspec.judge.sources import Source
from nnspec.judge.ways import Ways
from nnspec.network.graph import LayerNode
from nnspec.network.opened import flat

if TYPE_CHECKING:
    from nnspec.backend import Array

ALL_WAYS = 3000
"""To fill a layer that seems at fault: of more, not all are tried, and it is not accused."""
INSTEAD = 4
"""Values of a run that are tried in the place of what a layer gives."""


class Walk:
    """One walk."""

    def __init__(
        self,
        ours: Ours,
        held: Sequence[Held],
        theirs: Mapping[str, Array],
        trace: Trace,
        tolerance: float,
        given: Mapping[str, Source],
    ) -> None:
        """theirs: the values of the tensors held. given: sources that are known beforehand."""
        self.ours = ours
        self.theirs = theirs
        self.trace = trace
        self.prints = Prints(trace.values, tolerance)
        self.found = Walked()
        self.ways = Ways(ours, held, theirs, trace, given)

    def run(self, inputs: Mapping[str, Array], forced: Mapping[str, Mapping[str, Array]]) -> Walked:
        """Walk from these inputs, as the spec calls and lays them out.

        forced: of layers that are known to differ, what the file gives in their place.
        """
        values = dict(inputs)
        for name, array in inputs.items():
            self.ways.numbers[name] = list(self.prints.of(array))
        suspects: list[LayerNode] = []
        held: set[str] = set()
        for node in self.ours.nodes:
            self.found.layers += 1
            owned = self.ours.parameters(node)
            try:
                given, is_met = self._filled(node, owned, values)
            except NnspecError:
                break  # what follows is not computed either
            if node.name in forced:
                given = dict(forced[node.name])
                is_met = self._is_held(node, given)
            values |= given
            if is_met:
                held.add(node.name)
                self.found.met += 1
            elif self._takes_known(node, values):
                suspects.append(node)
            if any(value not in values for value in node.outputs):
                break
        self.found.unused = [
            each for each in self.ways.free if each.is_learned and each.name not in self.ways.used
        ]
        for node in self.ours.nodes:  # what a held layer is computed from is proven with it
            if node.name not in held and self._leads(node, held):
                named = self.ours.parameters(node).values()
                self.found.proven.update(name for name in named if name in self.found.sources)
        self.found.missing = self.ways.missing
        self._values = values
        self._suspect = next((node for node in suspects if not self._leads(node, held)), None)
        return self.found

    def _leads(self, node: LayerNode, held: set[str]) -> bool:
        """Whether a later layer that takes what this one gives is held: then this one is fused."""
        reached = set(node.outputs)
        for each in self.ours.nodes:
            if reached.intersection(each.inputs):
                if each.name in held:
                    return True
                reached.update(each.outputs)
        return False

    # Filling the parameters of a layer

    def _filled(
        self, node: LayerNode, owned: Mapping[str, str], values: Mapping[str, Array]
    ) -> tuple[dict[str, Array], bool]:
        """Return what a layer gives, and whether the run holds it, with the sources that fit."""
        first: dict[str, Array] | None = None
        kept: dict[str, Source] | None = None
        for chosen in self.ways.choices(node, owned):
            for own, source in chosen.items():
                self.ours.weights[owned[own]] = source.of(self.theirs)
            try:
                given = self.ours.values(node, values, self.ours.own_weights(node))
            except WeightsError:
                continue  # a variance below 0, say
            if first is None:
                first, kept = given, chosen
            if self._is_held(node, given):
                self._keep(owned, chosen, is_proven=True)
                return given, True
        if first is None:  # a tensor is missing
            given = self.ours.values(node, values, self.ours.own_weights(node))
            return given, self._is_held(node, given)
        assert kept is not None
        for own, source in kept.items():
            self.ours.weights[owned[own]] = source.of(self.theirs)
        self._keep(owned, kept, is_proven=False)
        return first, False

    def _is_held(self, node: LayerNode, given: Mapping[str, Array]) -> bool:
        is_held = True
        for value in node.outputs:
            if value in given:
                numbers = list(self.prints.of(given[value]))
                self.ways.numbers[value] = numbers
                is_held = is_held and bool(numbers)
        return is_held

    def _keep(
        self, owned: Mapping[str, str], chosen: Mapping[str, Source], *, is_proven: bool
    ) -> None:
        for own, source in chosen.items():
            name = owned[own]
            self.found.sources[name] = source
            self.ways.missing.pop(name, None)
            self.ways.use(source)
            if is_proven:
                self.found.proven.add(name)

    # Blame

    def _takes_known(self, node: LayerNode, values: Mapping[str, Array]) -> bool:
        """Whether the run holds all that a layer takes."""
        return all(self.ways.numbers.get(value) for value in node.inputs if value in values)

    def blamed(self) -> Blamed | None:
        """Return the layer at fault, with what the file may give in its place."""
        node = self._suspect
        if node is None:
            return None
        path = self.ours.paths.get(node.name, node.name)
        cause = "it leaves the layer out, and gives what the layer takes"
        given: dict[str, Array] = {}
        if not self._is_left_out(node):
            cause, given = self._cause(node)
        if given:
            places = tuple(self._places(node, given))
            return Blamed(node.name, Fault(path, node.layer.type, places, cause), [given])
        sources, is_sure = self._every_way(node) if not cause else ({}, True)
        fault = Fault(path, node.layer.type, tuple(self._places(node)), cause, is_sure)
        return Blamed(node.name, fault, list(self._instead(node)), sources)

    def _every_way(self, node: LayerNode) -> tuple[dict[str, Source], bool]:
        """Return the sources with which a layer is held after all, and whether all were tried."""
        owned = self.ours.parameters(node)
        for name in owned.values():
            source = self.found.sources.get(name)
            if source is not None and source.tensor:
                self.ways.free_again(source)
        if any(name in self.ways.missing for name in owned.values()):
            return {}, False  # the file may hold it in a form that is not known here
        options = {
            own: each
            for own, name in owned.items()
            if name in self.found.sources and (each := self.ways.options(node, own, name))
        }
        if math.prod(map(len, options.values())) > ALL_WAYS:
            return {}, False
        for chosen in itertools.product(*options.values()):
            tensors = [(each.tensor, each.part) for each in chosen if each.tensor]
            if len(set(tensors)) < len(tensors):
                continue
            weights = self.ours.own_weights(node) | {
                own: each.of(self.theirs) for own, each in zip(options, chosen, strict=True)
            }
            try:
                given = self.ours.values(node, self._values, weights)
            except WeightsError:
                continue
            if self._is_held(node, given):
                return {owned[own]: each for own, each in zip(options, chosen, strict=True)}, True
        # A file may make an operand of more, as of a length and a direction: no map has that.
        mapped = {source for name in owned.values() for source in self._tensors_of(name)}
        return {}, not options or self.ways.first_tensors(node) <= mapped

    def _tensors_of(self, name: str) -> tuple[str, ...]:
        source = self.found.sources.get(name)
        return () if source is None else (source.tensor, source.added)

    def _cause(self, node: LayerNode) -> tuple[str, dict[str, Array]]:
        """Return what the file does instead of a layer, and what that gives, or nothing."""
        own = self.ours.own_weights(node)
        for layer, weights, told in variants(node.layer, own):
            try:
                given = self.ours.values(node, self._values, weights, layer)
            except (NnspecError, ValueError):
                continue
            if any(given[name].shape != self._values[name].shape for name in node.outputs):
                continue
            if self._is_held(node, given):
                return told, given
        return "", {}

    def _is_left_out(self, node: LayerNode) -> bool:
        """Whether the file gives what the layer takes, as its output."""
        ends = {flat(name) for name in self.ours.spec.graph.outputs}
        taken = self.ways.taken_by(node)
        given = {n for array in self.trace.outputs.values() for n in self.prints.of(array)}
        return bool(ends.intersection(node.outputs)) and bool(taken & given)

    def _instead(self, node: LayerNode) -> Iterator[dict[str, Array]]:
        """Yield values of the run, in its order, that may stand for what a layer gives."""
        if len(node.outputs) != 1:
            return
        shape = self._values[node.outputs[0]].shape
        known, reached = self.ways.known(), self.ways.taken_by(node)
        count = 0
        for step in self.trace.steps:
            if not reached.intersection(step.inputs) or known.intersection(step.outputs):
                continue
            reached.update(step.outputs)
            for number in step.outputs:
                array = self.trace.values.get(number)
                if array is not None and array.shape == shape and count < INSTEAD:
                    count += 1
                    yield {node.outputs[0]: array}

    def _places(self, node: LayerNode, given: Mapping[str, Array] | None = None) -> Iterator[str]:
        """Yield the places at which the run takes what a layer takes, and gives something new.

        given: what the layer gives in the file, where that was found: then the place is where.
        """
        if given is not None:
            numbers = {number for value in node.outputs for number in self.ways.numbers[value]}
            wanted = [step for step in self.trace.steps if numbers.intersection(step.outputs)]
        else:
            known, starts = self.ways.known(), self.ways.taken_by(node)
            own = {
                self.found.sources[name].tensor
                for name in self.ours.parameters(node).values()
                if name in self.found.sources
            }
            steps = [
                step
                for step in self.trace.steps
                if starts.intersection(step.inputs) and not known.intersection(step.outputs)
            ]
            wanted = [step for step in steps if own.intersection(step.tensors)] or steps
        yield from dict.fromkeys(f"{step.place} ({step.kind})" for step in wanted[:1])
