"""Walks through a spec beside the run of a file: finds the weights, and where the two part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import Held, Trace
from nnspec.errors import NnspecError, WeightsError
from nnspec.judge.found import Filled, Walked
from nnspec.judge.ours import UNCOMPUTED, Ours, with_fields
from nnspec.judge.parts import Parting, exchanged, is_cut_rightly, parting, parts_of
from nnspec.judge.prints import Prints
from nnspec.judge.sources import Source
from nnspec.judge.ways import Ways, is_bare
from nnspec.network.graph import LayerNode

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.layers import Layer

TRIVIAL = {"weight": 1.0, "bias": 0.0}
"""The scale and the shift of a normalisation as they begin, which then do nothing."""


def is_normalization(node: LayerNode) -> bool:
    """Whether a layer may have a scale and a shift after what it does."""
    return node.layer.type.endswith("normalization")


class Walk:
    """One walk."""

    def __init__(
        self,
        ours: Ours,
        held: Sequence[Held],
        theirs: Mapping[str, Array],
        trace: Trace,
        prints: Prints,
        given: Mapping[str, Source],
        memory: dict[str, Filled],
    ) -> None:
        """theirs: the values of the tensors held. prints: of the values of the trace.

        given: sources that are known beforehand. memory: layers as walks before have filled them.
        """
        self.ours = ours
        self.theirs = theirs
        self.trace = trace
        self.prints = prints
        self.memory = memory
        self.found = Walked()
        self.ways = Ways(ours, held, theirs, trace, given)

    def run(self, inputs: Mapping[str, Array], forced: Mapping[str, Mapping[str, Array]]) -> Walked:
        """Walk from these inputs, as the spec calls and lays them out.

        forced: of layers that are known to differ, what the file gives in their place; nothing of
        those that it does not compute.
        """
        values = dict(inputs)
        self.is_forced = bool(forced)
        for name, array in inputs.items():
            self.ways.numbers[name] = list(self.prints.of(array))
        suspects: list[LayerNode] = []
        held: set[str] = set()
        for node in self.ours.nodes:
            self.found.layers += 1
            owned = self.ours.parameters(node)
            if node.name in forced and not forced[node.name]:
                continue
            try:
                is_fed = all(value in values for value in node.inputs)
                given, is_met = self._filled(node, owned, values) if is_fed else ({}, False)
            except NnspecError as error:
                # What follows is not computed either; what takes nothing of it is.
                self.found.broken = f'the layer "{self.ours.path_of(node)}": {error}'
                continue
            if node.name in forced:
                given = dict(forced[node.name])
                is_met = self.is_held(node, given)
            values |= given
            if is_met:
                held.add(node.name)
                self.found.met += 1
                self.found.steps += node.name not in forced and self._changes(node)
            elif self._takes_known(node, values):
                suspects.append(node)
            if any(value not in values for value in node.outputs) and not self.found.broken:
                break
        self.found.unused = [
            each for each in self.ways.free if each.is_learned and each.name not in self.ways.used
        ]
        for node in self.ours.nodes:  # what a held layer is computed from is proven with it
            if node.name not in held and self._leads(node, held):
                named = self.ours.parameters(node).values()
                self.found.proven.update(name for name in named if name in self.found.sources)
            for own, name in self.ours.parameters(node).items():
                if name in self.found.absent:
                    self.found.absent[name] = self._at(node, own)
        self.found.missing = self.ways.missing
        self.values = values
        wanted = (node for node in suspects if node.name in self.ours.computed)
        self.suspect = next((node for node in wanted if not self._leads(node, held)), None)
        return self.found

    def _at(self, node: LayerNode, own: str) -> str:
        """Return where the file takes the weights of a layer, as a part of a sentence.

        Best of all those of the part of it that has a parameter, such as `out` of `out.bias`. Of a
        layer that takes none, where its output is made.
        """
        sources = {
            each: self.found.sources[name].tensor
            for each, name in self.ours.parameters(node).items()
            if name in self.found.sources
        }
        part = own.rpartition(".")[0]
        near = {tensor for each, tensor in sources.items() if each.rpartition(".")[0] == part}
        steps = self.trace.steps
        places = [
            next((f", at {step.told()}" for step in steps if some.intersection(step.tensors)), "")
            for some in (near, set(sources.values()))
        ]
        made = {n for value in node.outputs for n in self.ways.numbers.get(value, ())}
        making = (f", at {step.told()}" for step in steps if made.intersection(step.outputs))
        return places[0] or places[1] or next(making, "")

    @property
    def tells_learned(self) -> bool:
        """Whether the run shows all tensors that are taken, and the file which are parameters."""
        return self.trace.is_whole and any(each.is_learned for each in self.ways.free)

    def _changes(self, node: LayerNode) -> bool:
        """Whether a layer that is held gives other numbers than it takes, in any order."""
        taken = self.ways.taken_by(node)
        return all(taken.isdisjoint(self.ways.numbers[value]) for value in node.outputs)

    def given(self) -> set[int]:
        """Return the numbers of the values that the file gives."""
        outputs = self.trace.outputs.values()
        return {number for array in outputs for number in self.prints.of(array)}

    def _leads(self, node: LayerNode, held: set[str]) -> bool:
        """Whether a later layer that takes what this one gives is held: then this one is fused."""
        reached = set(node.outputs)
        for each in self.ours.nodes:
            if each.layer.type not in UNCOMPUTED and reached.intersection(each.inputs):
                if each.name in held:
                    return True
                reached.update(each.outputs)
        return False

    # Filling the parameters of a layer

    def _takes_known(self, node: LayerNode, values: Mapping[str, Array]) -> bool:
        """Whether the run holds all that a layer takes."""
        if self.found.broken and any(value not in values for value in node.inputs):
            return False
        return all(self.ways.numbers.get(value) for value in node.inputs if value in values)

    def _filled(
        self, node: LayerNode, owned: Mapping[str, str], values: Mapping[str, Array]
    ) -> tuple[dict[str, Array], bool]:
        """Fill a layer as `_fill` does, or as a walk before has filled it."""
        ways, found, weights = self.ways, self.found, self.ours.weights
        now = Filled(
            [values[value] for value in node.inputs],
            [] if owned else [*self.ours.own_weights(node).values()],
            {name: ways.given.get(name) for name in owned.values()},
            {name: set(parts) for name, parts in ways.used.items()},
            set(ways.lent),
        )
        names, before = set(owned.values()), self.memory.get(node.name)
        if before is None or not before.is_as(now):
            now.given, now.is_met = self._fill(node, owned, values)
            if now.is_met and (lacked := self._trivial(node, owned)):
                self._keep(node, owned, lacked, is_proven=True)
                found.absent.update(dict.fromkeys((owned[own] for own in lacked), ""))
            now.filled = {name: weights[name] for name in names}
            now.sources = {name: found.sources[name] for name in names & found.sources.keys()}
            now.proven, now.absent = names & found.proven, names & found.absent.keys()
            now.missing = {name: ways.missing[name] for name in names & ways.missing.keys()}
            now.numbers = {value: ways.numbers[value] for value in node.outputs}
            now.shifts = {
                value: ways.shifts[value] for value in node.outputs if value in ways.shifts
            }
            now.after = {name: set(parts) for name, parts in ways.used.items()}
            now.after_lent = set(ways.lent)
            self.memory[node.name] = now
            return now.given, now.is_met
        weights.update(before.filled)
        found.sources.update(before.sources)
        found.proven |= before.proven
        found.absent.update(dict.fromkeys(before.absent, ""))
        ways.missing.update(before.missing)
        ways.numbers.update(before.numbers)
        ways.shifts.update(before.shifts)
        ways.used = {name: set(parts) for name, parts in before.after.items()}
        ways.lent = set(before.after_lent)
        return before.given, before.is_met

    def _fill(
        self, node: LayerNode, owned: Mapping[str, str], values: Mapping[str, Array]
    ) -> tuple[dict[str, Array], bool]:
        """Return what a layer gives, and whether the run holds it, with the sources that fit."""
        best: tuple[int, dict[str, Array], dict[str, Source]] | None = None
        unchanged: dict[str, Source] | None = None
        for chosen in self.ways.choices(node, owned):
            given = self._given(node, owned, chosen, values)
            if given is None:
                continue
            if self.is_held(node, given):
                if self._changes(node) or not chosen:
                    self._keep(node, owned, chosen, is_proven=True)
                    return given, True
                # That the run holds what the layer takes says little of its weights.
                unchanged = chosen if unchanged is None else unchanged
                continue
            if self._is_shifted(node, values):
                self._keep(node, owned, chosen, is_proven=True)
                return given, True
            reached = len(self.parting(node, values).same)
            if best is None or reached > best[0]:
                best = reached, given, chosen
        if unchanged is not None:
            given = self._given(node, owned, unchanged, values)
            assert given is not None
            self.is_held(node, given)
            self._keep(node, owned, unchanged, is_proven=True)
            return given, True
        if best is None:  # a tensor is missing
            given = self.ours.values(node, values, self.ours.own_weights(node))
            return given, self.is_held(node, given)
        for chosen in exchanged(node.layer, best[2]):
            given = self._given(node, owned, chosen, values)
            if given is not None and self.is_held(node, given):
                self._keep(node, owned, chosen, is_proven=True)
                return given, True
            reached = len(self.parting(node, values).same)
            if given is not None and reached > best[0]:
                best = reached, given, chosen
        _, given, chosen = best
        for own, source in chosen.items():
            self.ours.weights[owned[own]] = source.of(self.theirs)
        within = self.parting(node, values).proven
        proven = {own: source for own, source in chosen.items() if own in within}
        self._keep(node, owned, proven, is_proven=True)
        others = {own: source for own, source in chosen.items() if own not in within}
        self._keep(node, owned, others, is_proven=False)
        self.is_held(node, given)
        return given, False

    def _trivial(self, node: LayerNode, owned: Mapping[str, str]) -> dict[str, Source]:
        """Return the scale and the shift of a normalisation that the run holds without them.

        They may be as they begin, 1 and 0, in the spec alone: no operation of the file takes a
        tensor for them. A file that tells no parameters from constants may have left them out.
        """
        if not self.tells_learned or not is_normalization(node):
            return {}
        return {
            own: Source("", self.ours.weights[name].shape, (), constant=TRIVIAL[own])
            for own, name in owned.items()
            if own in TRIVIAL
            and name in self.ways.missing
            and (self.ours.weights[name] == TRIVIAL[own]).all()
        }

    def _is_shifted(self, node: LayerNode, values: Mapping[str, Array]) -> bool:
        """Whether the run holds what a layer gives with a bias added, which the layer lacks."""
        own = self.ours.own_weights(node)
        if getattr(node.layer, "use_bias", True) or "weight" not in own:
            return False
        layer = with_fields(node.layer, use_bias=True)
        (size,) = self.ours.shape_of(node, "bias", layer)
        for source in self.ways.vectors(node, size):
            weights = {**own, "bias": source.of(self.theirs)}
            given = self.ours.values(node, values, weights, layer)
            if self.is_held(node, given):
                self.ways.shifts[node.outputs[0]] = source
                self.ways.use(source)
                return True
        return False

    def _given(
        self, node: LayerNode, owned: Mapping[str, str], chosen: Mapping[str, Source],
        values: Mapping[str, Array],
    ) -> dict[str, Array] | None:  # fmt: skip
        """Return what a layer gives with these sources, or None where they are none for it."""
        for own, source in chosen.items():
            self.ours.weights[owned[own]] = source.of(self.theirs)
        try:
            return self.ours.values(node, values, self.ours.own_weights(node))
        except WeightsError:  # a variance below 0, say
            return None

    def parting(
        self, node: LayerNode, values: Mapping[str, Array], layer: Layer | None = None,
        weights: Mapping[str, Array] | None = None,
    ) -> Parting:  # fmt: skip
        """Return where within a layer, as it is filled, the run parts from it.

        layer, weights: in the place of its own.
        """
        own = self.ours.own_weights(node) if weights is None else weights

        def alone(layer: Any) -> Array:
            return self.ours.values(node, values, own, layer)[node.outputs[0]]

        taken = [values[value] for value in node.inputs]
        parts = list(parts_of(layer or node.layer, taken, own, alone))
        return parting(parts, self._numbers_of, own)

    def cut_otherwise(self, node: LayerNode, values: Mapping[str, Array]) -> int | None:
        """Return the number of the first value that cuts heads from features in another order."""
        own = self.ours.own_weights(node)
        taken = [values[value] for value in node.inputs]
        wrong = [
            number
            for part in parts_of(node.layer, taken, own, lambda _: np.zeros(()))
            if part.heads > 1 and part.value.ndim == 3
            for number in self.prints.of(part.value)
            if not is_cut_rightly(self.trace.values[number], part.value, part.heads)
        ]
        return min(wrong, default=None)

    def _numbers_of(self, array: Array) -> list[int]:
        return list(self.prints.of(array))

    def is_held(self, node: LayerNode, given: Mapping[str, Array]) -> bool:
        is_held = True
        for value in node.outputs:
            if value in given:
                numbers = list(self.prints.of(given[value]))
                self.ways.numbers[value] = numbers
                is_held = is_held and bool(numbers)
        return is_held

    def _keep(
        self, node: LayerNode, owned: Mapping[str, str], chosen: Mapping[str, Source], *,
        is_proven: bool,
    ) -> None:  # fmt: skip
        for own, source in chosen.items():
            name = owned[own]
            self.found.sources[name] = source
            self.ways.missing.pop(name, None)
            self.ways.use(source, is_proven=is_proven)
            if not source.tensor and is_bare(node, own):
                self.found.absent[name] = ""
            if is_proven:
                self.found.proven.add(name)
