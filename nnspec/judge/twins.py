"""Tells layers apart that are alike and take the same, of which a file has one for each."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Held
from nnspec.errors import NnspecError
from nnspec.judge.alike import Evened, Group, groups_of, written
from nnspec.judge.facing import Facing
from nnspec.judge.ours import Ours
from nnspec.judge.prints import Prints, is_in_place
from nnspec.judge.probing import Probe
from nnspec.judge.sources import Source
from nnspec.judge.walk import Walk
from nnspec.support.causes import Told

if TYPE_CHECKING:
    from nnspec.backend import Array


class Twins:
    """The groups of layers that are alike, of a spec and in a file.

    The run of the file holds what each of them gives, and does not say which is which: what comes
    after them does. So all of a group are given the same weights, on both sides, and one at a time
    other ones: where the two sides then go on with the same values, the two are one and the same.

    groups: of layers that take the same. wide: those too that take what those give. told: groups
    whose order was found. tried: and those of which that was asked.
    """

    def __init__(
        self, ours: Ours, facing: Facing, held: Sequence[Held],
        draws: Sequence[Mapping[str, Array]], tolerance: float,
    ) -> None:  # fmt: skip
        """draws: inputs to ask with. tolerance: of values that are the same."""
        self.ours = ours
        self.facing = facing
        self.held = held
        self.draws = draws
        self.tolerance = tolerance
        self.groups = groups_of(ours, is_wide=False)
        self.wide = groups_of(ours, is_wide=True)
        self.told: list[Group] = []
        self.tried: list[Group] = []

    def around(self, walk: Walk, groups: Sequence[Group]) -> list[Group]:
        """Return those of which the suspect is one, or whose order is not told before it.

        They are met from what it takes, or from the outputs, back to layers with weights that are
        like no others, and to what the run holds that is made of all of a group.
        """
        ours, node = self.ours, walk.suspect
        made = {value: each for each in ours.nodes for value in each.outputs}
        alike = {name for group in self.wide for one in group for name in one.values()}
        told = self._told_by(walk)
        open_ = list(node.inputs) if node is not None else list(ours.ends)
        met, found = set(open_), set[str]()
        while open_:
            each = made.get(open_.pop())
            if each is None or each.name in told:
                continue
            names = set(ours.names_of(each).values())
            is_held = all(walk.ways.numbers.get(value) for value in each.outputs)
            if names and is_held and not names <= alike:
                continue
            found |= names
            open_ += [value for value in each.inputs if value not in met]
            met.update(each.inputs)
        own = ours.parameters(node) if node is not None else {}
        return [
            group
            for group in groups
            if own in group or any(found >= {*one.values()} for one in group)
        ]

    def _told_by(self, walk: Walk) -> set[str]:
        """Return the layers whose value is in the run, and would not be in a wrong order.

        Such a value is made of all of each group that it is made of: one of several blocks does not
        say which it is, nor a value that is passed on. And its numbers are in the same places: a
        walk finds what is joined in another order too.
        """
        groups = [{name for one in group for name in one.values()} for group in self.wide]
        alike = set[str]().union(*groups)
        numbers = {value: set(each) for value, each in walk.ways.numbers.items()}
        made_of: dict[str, set[str]] = {}
        found = set[str]()
        for node in self.ours.nodes if groups else ():
            given = set[int]().union(*(numbers.get(value, ()) for value in node.outputs))
            passed = [value for value in node.inputs if given & numbers.get(value, set())]
            names = set(self.ours.names_of(node).values()) & alike
            names = names.union(*(made_of.get(value, ()) for value in passed or node.inputs))
            made_of |= dict.fromkeys(node.outputs, names)
            if passed or not names or len(set(node.inputs)) < 2:
                continue
            is_whole = all(names.isdisjoint(group) or names >= group for group in groups)
            if is_whole and all(self._is_in_place(value, walk) for value in node.outputs):
                found.add(node.name)
        return found

    def _is_in_place(self, value: str, walk: Walk) -> bool:
        return any(
            is_in_place(walk.trace.values[number], walk.values[value], self.tolerance)
            for number in walk.ways.numbers.get(value, ())
        )

    def is_settled(self, group: Group, given: Mapping[str, Source]) -> bool:
        """Whether the order of a group is known: it was told, or is given."""
        return group in self.told or all(name in given for one in group for name in one.values())

    # The same weights for all

    def evenable(self, walk: Walk) -> list[Group]:
        """Return the groups of which the file's tensors are known, in whatever order.

        They are proven, or all others of their shapes are.
        """
        sources, proven = walk.found.sources, walk.found.proven
        shifted = {
            name
            for node in self.ours.nodes
            if walk.ways.shifts.keys() & set(node.outputs)
            for name in self.ours.parameters(node).values()
        }
        taken = {
            tensor
            for name in proven & sources.keys()
            for tensor in (sources[name].tensor, sources[name].added)
        }
        rest: dict[tuple[int, ...], set[str]] = {}
        for each in walk.ways.met:
            if each.name not in taken:
                rest.setdefault(_sizes(each.shape), set()).add(each.name)
        found = []
        for group in self.wide:
            names = {name for one in group for name in one.values()}
            if not names <= sources.keys() or not names.isdisjoint(shifted):
                continue
            if not all(sources[name].tensor for name in names):
                continue
            if all(
                self._is_left(
                    {one[own] for one in group if own in one}, sources, proven, walk, rest
                )
                for own in {own for one in group for own in one}
            ):
                found.append(group)
        return found

    def _is_left(
        self, names: set[str], sources: Mapping[str, Source], proven: Container[str], walk: Walk,
        rest: Mapping[tuple[int, ...], set[str]],
    ) -> bool:  # fmt: skip
        """Whether what is unproven of these is alone left of its shape, and as the others are."""
        unproven = {name for name in names if name not in proven}
        forms = {_form(sources[name]) for name in names - unproven}
        tensors = {sources[name].tensor for name in unproven}
        if len(tensors) < len(unproven):
            return False
        return all(
            _form(sources[name]) in forms
            and sources[name].part == (0, 1)
            and rest.get(_sizes(walk.theirs[sources[name].tensor].shape)) == tensors
            for name in unproven
        )

    def evened(self, groups: Sequence[Group], sources: Mapping[str, Source]) -> Evened:
        """Return the weights of the file, made the same in each of these groups.

        sources: of the parameters, by name.
        """
        kept = self.facing.foreign.weights()
        given: dict[str, Source] = {}
        values: dict[str, Array] = {}
        for group in groups:
            for own in {own for one in group for own in one}:
                names = [one[own] for one in group if own in one]
                given |= {name: sources[name] for name in names}
                mean: Array = np.mean([sources[name].of(kept) for name in names], axis=0)
                values.update((name, mean) for name in names)
        return Evened(written(given, values, kept), given, values)

    # The order of a group

    def order(self, group: Group, walk: Walk, known: Mapping[str, Source]) -> dict[str, Source]:
        """Return the sources of a group in the order that the file has, as far as it is told.

        walk: that has filled all of them. The weights of both sides are as before when it is done.
        """
        self.tried.append(group)
        sources, foreign = walk.found.sources, self.facing.foreign
        groups = self.evenable(walk)
        if not all(each in groups for each in self._with(group)):
            return {}
        classes: dict[frozenset[str], list[Mapping[str, str]]] = {}
        for one in group:
            classes.setdefault(frozenset(one), []).append(one)
        is_told = len(classes) == 1 or all(  # a bias of 0 says nothing of which layers have one
            name in walk.found.proven and np.any(self.ours.weights[name])
            for one in group
            for name in one.values()
        )
        before, mine = foreign.weights(), dict(self.ours.weights)
        even = self.evened(groups, sources)
        found: dict[str, Source] = {}
        try:
            foreign.load(even.tensors)
            self._walk({**known, **even.sources})
            for alike in classes.values():
                order, is_each_told = Probe(self, tuple(alike), even, mine).order()
                is_told = is_told and is_each_told
                found |= {
                    name: sources[alike[there][own]]
                    for one, there in zip(alike, order, strict=True)
                    for own, name in one.items()
                }
        except (NnspecError, Told):
            return {}
        finally:
            foreign.load({name: before[name] for name in even.tensors})
            self.ours.weights = mine
        if is_told:
            self.told.append(group)
        return found

    def _with(self, group: Group) -> list[Group]:
        """Return a wide group with this one in it, and those that take what is made of it."""
        names = {name for one in group for name in one.values()}
        after = set[str]().union(*(self.ours.made_of(one) for one in group))
        for node in self.ours.nodes:
            if after.intersection(node.inputs):
                names.update(self.ours.names_of(node).values())
        return [each for each in self.wide if any(names & {*one.values()} for one in each)]

    def _walk(self, known: Mapping[str, Source]) -> None:
        """Give the spec the weights that the file has now, as far as a walk finds them."""
        inputs, theirs = self.draws[0], self.facing.foreign.weights()
        trace = self.facing.trace(inputs)
        prints = Prints(trace.values, self.tolerance)
        Walk(self.ours, self.held, theirs, trace, prints, known, {}).run(inputs, {})


def _sizes(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of a tensor in whatever order of its axes."""
    return tuple(sorted(size for size in shape if size != 1))


def _form(source: Source) -> tuple[object, ...]:
    """Return how a tensor is taken, but for which."""
    return source.axes, source.blocks, bool(source.added)
