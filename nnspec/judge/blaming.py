"""Says of a layer that a run does not hold where the file parts from it, and why."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import WeightsError
from nnspec.judge.amounts import other_shape
from nnspec.judge.causes import Variant, variants
from nnspec.judge.found import Blamed, Fault, standing_in
from nnspec.judge.lacking import lacking
from nnspec.judge.left_out import alternatives, plain_of, same_places
from nnspec.judge.moving import altered_before, moved_at_end, moved_before
from nnspec.judge.ours import with_fields
from nnspec.judge.own_nodes import filled, node_at_fault
from nnspec.judge.parts import MIXED, Parting
from nnspec.judge.reading import read_otherwise, refilled_before
from nnspec.judge.sources import Source
from nnspec.judge.walk import Walk
from nnspec.layers.batch_normalization import BatchNormalization
from nnspec.network.graph import LayerNode

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.layers import Layer

ALL_WAYS = 3000
"""To fill a layer that seems at fault: of more, not all are tried, and it is not accused."""
RANDOM = re.compile("dropout|noise|rand|bernoulli", re.IGNORECASE)
"""Found in the kinds of operations that draw numbers."""


class Blaming:
    """The layer at fault of a walk."""

    def __init__(self, walk: Walk) -> None:
        """Take a walk that has been run."""
        self.walk = walk

    def blamed(self) -> Blamed | None:
        """Return the layer at fault, with what the file may give in its place."""
        node = self.walk.suspect
        if node is None:  # after a fault was found, the outputs differ by that
            return None if self.walk.is_forced else moved_at_end(self.walk)
        shifted = self._shifted(node)
        if shifted is not None:
            return shifted
        refilled = refilled_before(self.walk, node)
        if refilled is not None:
            return refilled
        otherwise = read_otherwise(self.walk, node)
        if otherwise is not None and otherwise.name != node.name:
            return otherwise
        moved = moved_before(self.walk, node)
        # What is put in another order long before a layer may look like another way to read it.
        if moved is not None and (otherwise is None or not self._takes(node, moved)):
            return moved
        if otherwise is not None:
            return otherwise
        path = self.walk.ours.path_of(node)
        cause = "it leaves the layer out, and gives what the layer takes"
        given: dict[str, Array] = {}
        sources: dict[str, Source] = {}
        is_sure = True
        if not self._is_left_out(node):
            cause, given, sources, is_sure = self._cause(node)
        if given:
            within = self.walk.parting(node, self.walk.values)
            places = tuple(self._places(node, within, given))
            fault = Fault(path, node.layer.type, places, cause, is_sure)
            return Blamed(node.name, fault, [given], sources)
        within = self.walk.parting(node, self.walk.values)
        if not cause:
            cause, sources, is_sure = self._cause_within(node, within)
        if not cause:
            sources, is_sure = self._every_way(node, within)
        places = tuple(self._places(node, within)) or tuple(same_places(self.walk, node))
        if not cause and not sources:
            bare = lacking(self.walk, node)
            if bare is not None:
                return bare
            noisy = self._noisy(node, places)
            if noisy is not None:
                return noisy
            altered = altered_before(self.walk, node)
            if altered is not None:
                return altered
            cause, places = self._within_attention(node, within, places)
        told = cause or within.told() or (other_shape(self.walk, node) if is_sure else "")
        fault = Fault(path, node.layer.type, places, told, is_sure)
        left_out = [] if cause else [*alternatives(self.walk, node)]
        return Blamed(node.name, fault, list(self._instead(node)), sources, left_out)

    def _takes(self, node: LayerNode, moved: Blamed) -> bool:
        before = next(each for each in self.walk.ours.nodes if each.name == moved.name)
        return bool(set(before.outputs).intersection(node.inputs))

    def _noisy(self, node: LayerNode, places: tuple[str, ...]) -> Blamed | None:
        """Return the layer before one that draws numbers, where the file draws some at inference.

        places: of the first operation of the file that the layers have not.
        """
        if not any(RANDOM.search(place) for place in places):
            return None
        for before in self.walk.ours.nodes:
            if before.layer.random and set(before.outputs).intersection(node.inputs):
                path = self.walk.ours.path_of(before)
                cause = "it draws random numbers at inference too"
                return Blamed(before.name, Fault(path, before.layer.type, places, cause), [])
        return None

    def _shifted(self, node: LayerNode) -> Blamed | None:
        """Return a layer before this one that has a bias in the file alone."""
        walk = self.walk
        value = next((each for each in node.inputs if each in walk.ways.shifts), None)
        if value is None or isinstance(node.layer, BatchNormalization):
            return None
        before = next(each for each in walk.ours.nodes if value in each.outputs)
        tensor = walk.ways.shifts[value].tensor
        places = tuple(step.told() for step in walk.trace.steps if tensor in step.tensors)
        path = walk.ours.path_of(before)
        cause = f"it adds a bias, {tensor}, which the layer lacks"
        bias = {"bias": walk.ways.shifts[value].of(walk.theirs)}
        layer = with_fields(before.layer, use_bias=True)
        weights = {**walk.ours.own_weights(before), **bias}
        given = walk.ours.values(before, walk.values, weights, layer)
        return Blamed(before.name, Fault(path, before.layer.type, places[:1], cause), [given])

    def _cause_within(
        self, node: LayerNode, within: Parting
    ) -> tuple[str, dict[str, Source], bool]:
        """Return what the file does instead within a layer, and the sources that this proves.

        And whether it is sure: see `_is_told`.
        """
        if not within.is_sure:
            return "", {}, True
        for own in filled(self.walk, node):
            for variant in variants(node.layer, own):
                layer, weights = variant.layer, variant.weights
                if not _may_part_within(node.layer, layer):
                    continue
                try:
                    other = self.walk.parting(node, self.walk.values, layer, weights)
                except Exception:  # of a framework too: no such layer takes these values
                    continue
                if not other.lacks and other.last not in within.same:
                    sources, _ = self._every_way(node, other, layer, weights)
                    return variant.told, sources, self._is_told(node, own, variant)
        return "", {}, True

    def _within_attention(
        self, node: LayerNode, within: Parting, places: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """Return what the file does to the heads of an attention, or without its projection."""
        steps, walk = self.walk.trace.steps, self.walk
        cut = walk.cut_otherwise(node, walk.values)
        if cut is not None:
            made = next(step for step in steps if cut in step.outputs)
            told = "it cuts the heads from the features in another order"
            return told, (made.told(),)
        if within.lacks or within.last not in within.same or within.last != MIXED:
            return "", places
        size = walk.ours.own_weights(node)["out.weight"].size
        after = [step for step in steps if within.starts.intersection(step.inputs)]
        after = [step for step in after if not within.numbers.intersection(step.outputs)]
        if any(walk.theirs[name].size == size for step in after for name in step.tensors):
            return "", places
        made = [step for step in steps if within.starts.intersection(step.outputs)][-1]
        told = "it leaves out the projection after the values are mixed"
        return told, (made.told(), *places)

    def _is_told(self, node: LayerNode, own: Mapping[str, Array], variant: Variant) -> bool:
        """Whether a variant that fits tells a fault, and no other way to hold the same weights.

        A file may hold a kernel transposed or gates in an order that is not known here, and one of
        which a tensor was not found may hold it in a form that is not: only what a map says of a
        layer makes it a fault then.
        """
        ways, names = self.walk.ways, self.walk.ours.parameters(node).values()
        if all(name in ways.given for name in names):
            return True
        if any(name in ways.missing for name in names):
            return False
        is_without = any(
            array.any() and not np.any(variant.weights.get(name, 0)) for name, array in own.items()
        )
        if is_without and any(
            array.size and not array.any() for array in self.walk.theirs.values()
        ):
            return False  # it may be one that is 0 everywhere
        return not variant.is_order

    def _every_way(
        self, node: LayerNode, within: Parting, layer: Layer | None = None,
        weights: Mapping[str, Array] | None = None,
    ) -> tuple[dict[str, Source], bool]:  # fmt: skip
        """Return the sources with which a layer is held after all, and whether all were tried.

        layer, weights: in the place of its own.
        """
        base = self.walk.ours.own_weights(node) if weights is None else weights
        owned = self.walk.ours.parameters(node)
        unsure = {own: name for own, name in owned.items() if own not in within.proven}
        for name in unsure.values():  # what later layers took by likelihood is lent alone
            source = self.walk.found.sources.get(name)
            if source is not None and source.tensor:
                self.walk.ways.free_again(source)
        if within.is_sure:  # it parts where nothing of the file is taken
            return {}, True
        if any(name in self.walk.ways.missing for name in unsure.values()):
            return {}, False  # the file may hold it in a form that is not known here
        all_tried = True
        options: dict[str, list[Source]] = {}
        for has_lent in (False, True):  # what later layers took may be this one's
            before = options
            options = {
                own: each
                for own, name in unsure.items()
                if name in self.walk.found.sources
                and (each := self.walk.ways.options(node, own, name, has_lent=has_lent))
            }
            if options == before:
                continue
            all_tried = math.prod(map(len, options.values())) <= ALL_WAYS
            for chosen in itertools.product(*options.values()) if all_tried else ():
                tensors = [(each.tensor, each.part) for each in chosen if each.tensor]
                if len(set(tensors)) < len(tensors):
                    continue
                named = dict(zip(options, chosen, strict=True))
                tried = {**base, **{own: one.of(self.walk.theirs) for own, one in named.items()}}
                try:
                    given = self.walk.ours.values(node, self.walk.values, tried, layer)
                except WeightsError:
                    continue
                if self.walk.is_held(node, given):
                    return {owned[own]: each for own, each in named.items()}, True
        # A file may make an operand of more, as of a length and a direction: no map has that.
        mapped = {source for name in owned.values() for source in self._tensors_of(name)}
        is_mapped = not options or self.walk.ways.first_tensors(node) <= mapped
        return {}, all_tried and is_mapped

    def _tensors_of(self, name: str) -> tuple[str, ...]:
        source = self.walk.found.sources.get(name)
        return () if source is None else (source.tensor, source.added)

    def _cause(self, node: LayerNode) -> tuple[str, dict[str, Array], dict[str, Source], bool]:
        """Return what the file does instead of a layer, and what that gives, or nothing.

        And the sources with which it does no other thing, and whether it is sure: see `_is_told`.
        """
        plain = plain_of(self.walk, node)
        numbers = self.walk.ways.numbers
        others = {n for each in numbers if each not in node.outputs for n in numbers[each]}
        for own in filled(self.walk, node):
            for variant in variants(node.layer, own):
                layer, weights = variant.layer, variant.weights
                try:
                    given = self.walk.ours.values(node, self.walk.values, weights, layer)
                except Exception:  # of a framework too: no such layer takes these values
                    continue
                if any(given[name].shape != self.walk.values[name].shape for name in node.outputs):
                    continue
                is_bent = getattr(layer, "activation", None) is not None
                if plain is not None and is_bent and self._is_same(given[node.outputs[0]], plain):
                    continue  # as a ReLU of what is never below 0: every run holds that
                if self._is_what_it_takes(node, given):
                    continue  # which every run holds; that it is left out is seen by what follows
                if any(others.intersection(self.walk.prints.of(each)) for each in given.values()):
                    continue  # that is what another layer gives
                if self.walk.is_held(node, given) and self._is_end(node, layer):
                    turned = self._turned(node, own, variant)
                    return variant.told, given, turned, self._is_told(node, own, variant)
        return "", {}, {}, True

    def _turned(
        self, node: LayerNode, own: Mapping[str, Array], variant: Variant
    ) -> dict[str, Source]:
        """Return the source of a square matrix that the file holds the other way round."""
        found = {}
        for each, name in self.walk.ours.parameters(node).items():
            array, source = variant.weights.get(each), self.walk.found.sources.get(name)
            if array is None or source is None or array is own[each] or len(source.axes) != 2:
                continue
            other = replace(source, axes=source.axes[::-1])
            if not source.added and np.array_equal(other.of(self.walk.theirs), array):
                found[name] = other
        return found if variant.is_order else {}

    def _is_what_it_takes(self, node: LayerNode, given: Mapping[str, Array]) -> bool:
        """Whether what a variant gives is what the layer takes, as a ReLU of positive numbers."""
        taken = self.walk.ways.taken_by(node)
        return all(taken.intersection(self.walk.prints.of(given[value])) for value in node.outputs)

    def _is_same(self, one: Array, other: Array) -> bool:
        scale = float(np.max(np.abs(other), initial=0.0))
        return float(np.max(np.abs(one - other), initial=0.0)) <= self.walk.prints.tolerance * scale

    def _is_end(self, node: LayerNode, layer: Layer) -> bool:
        """Whether what a variant of a layer gives is what the file goes on with.

        Every file gives what an activation takes; only one without it goes on with that.
        """
        had = getattr(node.layer, "activation", None)
        if had is None or getattr(layer, "activation", None) is not None:
            return True
        numbers = {number for value in node.outputs for number in self.walk.ways.numbers[value]}
        return bool(numbers & self.walk.given()) or any(
            numbers.intersection(step.inputs) and step.tensors for step in self.walk.trace.steps
        )

    def _is_left_out(self, node: LayerNode) -> bool:
        """Whether the file gives what the layer takes, as its output."""
        is_end = bool(set(node.outputs).intersection(self.walk.ours.ends))
        return is_end and bool(self.walk.ways.taken_by(node) & self.walk.given())

    def _instead(self, node: LayerNode) -> Iterator[dict[str, Array]]:
        """Yield values of the run, in its order, that may stand for what a layer gives."""
        if len(node.outputs) != 1:
            return
        shape = self.walk.values[node.outputs[0]].shape
        ways = self.walk.ways
        for array in standing_in(self.walk.trace, shape, ways.taken_by(node), ways.known()):
            yield {node.outputs[0]: array}

    def _places(
        self, node: LayerNode, within: Parting | None, given: Mapping[str, Array] | None = None
    ) -> Iterator[str]:
        """Yield the places at which the run takes what a layer takes, and gives something new.

        given: what the layer gives in the file, where that was found: then the place is where.
        """
        parting = node_at_fault(self.walk, node)
        if parting is not None:
            yield parting.told()
            return
        steps = self.walk.trace.steps
        mine = {n for value in node.outputs for n in self.walk.ways.numbers.get(value, ())}
        is_within = within is not None and bool(within.starts) and not mine & within.numbers
        if given is not None and not is_within:
            wanted = [step for step in steps if mine.intersection(step.outputs)]
            taken = self.walk.ways.taken_by(node)
            wanted = [step for step in wanted if taken.intersection(step.inputs)] or wanted
        else:
            known, starts = self.walk.ways.known(), self.walk.ways.taken_by(node)
            own = {
                self.walk.found.sources[name].tensor
                for name in self.walk.ours.parameters(node).values()
                if name in self.walk.found.sources
            }
            if within is not None and within.starts:
                known, starts, own = known | within.numbers, set(within.starts), set()
            known -= mine
            after = [
                step
                for step in steps
                if starts.intersection(step.inputs) and not known.intersection(step.outputs)
            ]
            wanted = [step for step in after if own.intersection(step.tensors)] or after
            if len(node.inputs) > 1:  # an operation that takes all of them comes before others
                wanted = sorted(wanted, key=lambda step: -self._inputs_of(node, step.inputs))
            # Where nothing goes on with what the layer takes, its weights meet another value.
            wanted = wanted or [step for step in steps if own.intersection(step.tensors)]
        told = wanted[:1]
        if told and "pad" in told[0].kind.lower():  # what a layer is given, and not what it is
            after = [each for each in steps if set(told[0].outputs).intersection(each.inputs)]
            told += after[:1]
        yield from dict.fromkeys(step.told() for step in told)

    def _inputs_of(self, node: LayerNode, taken: Iterable[int]) -> int:
        """Return how many of a layer's inputs are among values of the run."""
        numbers, those = self.walk.ways.numbers, set(taken)
        return sum(bool(those.intersection(numbers.get(each, ()))) for each in node.inputs)


def _may_part_within(layer: Layer, variant: Layer) -> bool:
    """Whether a variant that a run parts from later says more of a layer.

    One without the activation ends before it: every run holds more of that.
    """
    had = getattr(layer, "activation", None)
    return had is None or getattr(variant, "activation", None) is not None
