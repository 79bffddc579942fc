"""Blames a layer that gives its numbers in another order, which a run holds all the same.

A run's values are found by their sorted numbers, so that a layer which joins, cuts, turns or moves
numbers is found there whatever order it gives them in. What takes them is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Step
from nnspec.judge.facing import moves
from nnspec.judge.found import Blamed, Fault
from nnspec.judge.own_nodes import node_at_fault
from nnspec.judge.prints import is_in_place
from nnspec.judge.reading import is_held_of, until
from nnspec.judge.sources import MOST_AXES
from nnspec.judge.walk import Walk
from nnspec.layers import Activation
from nnspec.network.graph import LayerNode

if TYPE_CHECKING:
    from nnspec.backend import Array

ALIKE = 3e-5
"""Relative to the largest number, of two values that are the same."""
FEW = 8
"""Values that are made of one, and tried in its place."""
FURTHER = "the file makes more of what the layer gives, and goes on with that"
CAUSE = "it gives the same numbers in another order"
AFTER = "the file puts what the layer gives in another order, and goes on with that"
MOST = 60
"""Values in another order, at most, that are tried before a layer which is not held."""
MOVES = 3
"""Operations that only move numbers, at most, which are told of a layer."""


def moved_before(walk: Walk, node: LayerNode) -> Blamed | None:
    """Return a layer before one that the run does not hold, which it holds once that one moves."""
    kept = dict(walk.ours.weights)
    order = _Order(walk)
    count = 0
    for before, value in order.movers(is_of_all=True):
        if before is node:
            break
        for number, instead in _laid_out(walk, order, value):
            count += 1
            if count > MOST:
                return None
            values = until(walk, value, node, instead)
            is_held = values is not None and is_held_of(walk, node, values)
            walk.ours.weights.update(kept)
            if is_held:
                return _blamed(walk, order, before, value, number, instead)
    return None


def altered_before(walk: Walk, node: LayerNode) -> Blamed | None:
    """Return a layer before one that the run does not hold, of which the file makes more.

    The run holds what the layer gives, and goes on with what further operations make of it: with
    that it holds the one that follows too.
    """
    found = [(value, [*_altered(walk, node, value)]) for value in dict.fromkeys(node.inputs)]
    found = [(value, some) for value, some in found if some]
    tries = [[(value, each)] for value, some in found for each in some]
    if len(found) > 1:  # what is made of each, as by a block that is used for several
        alike = [[(value, each) for each in some] for value, some in found]
        tries += [[*pairs] for pairs in zip(*alike, strict=False)]
    kept = dict(walk.ours.weights)
    for pairs in tries:
        instead = {value: walk.trace.values[number] for value, (_, number) in pairs}
        is_held = is_held_of(walk, node, {**walk.values, **instead})
        walk.ours.weights.update(kept)
        if is_held:
            value, (first, _) = pairs[0]
            before = next(each for each in walk.ours.nodes if value in each.outputs)
            path, taker = walk.ours.path_of(before), walk.ours.path_of(node)
            fault = Fault(path, before.layer.type, (first.told(),), FURTHER, taker=taker)
            return Blamed(before.name, fault, [{value: instead[value]}])
    return None


def _altered(walk: Walk, node: LayerNode, value: str) -> Iterator[tuple[Step, int]]:
    """Yield what a run makes of a value that a layer takes, with the first of the operations."""
    before = next((each for each in walk.ours.nodes if value in each.outputs), None)
    if before is None or len(before.outputs) != 1:
        return
    shape = walk.values[value].shape
    owned = [*walk.ours.names_of(before).values(), *walk.ours.names_of(node).values()]
    own = {walk.found.sources[name].tensor for name in owned if name in walk.found.sources}
    starts = set(walk.ways.numbers.get(value, ()))
    for first, number in _made_of(walk, starts, walk.ways.known(), own):
        if walk.trace.values[number].shape == shape:
            yield first, number


def _made_of(
    walk: Walk, starts: set[int], known: set[int], own: set[str]
) -> Iterator[tuple[Step, int]]:
    """Yield what operations make of values, with the first of the operations.

    own: tensors that they may take, as a bias that is added once more.
    """
    firsts: dict[int, Step] = {}
    others: set[int] = set()  # made with further tensors: what takes those too is another layer's
    count = 0
    for step in walk.trace.steps:
        before = [firsts[number] for number in step.inputs if number in firsts]
        if not before and not starts.union(others).intersection(step.inputs):
            continue
        is_other = bool(others.intersection(step.inputs)) or not own.issuperset(step.tensors)
        if is_other or known.intersection(step.outputs):
            others.update(set(step.outputs) - starts)
            continue
        for number in step.outputs:
            if number in walk.trace.values and count < FEW:
                count += 1
                firsts[number] = before[0] if before else step
                yield firsts[number], number


def moved_at_end(walk: Walk) -> Blamed | None:
    """Return the layer at fault where the run holds all, and its outputs are not the spec's."""
    order = _Order(walk)
    if any(value not in walk.values or not order.of(value) for value in order.made):
        return None  # it may be anywhere
    movers = [each for each in order.movers() if each[0].name in walk.ours.computed]
    for node, value in reversed(movers):
        for number, instead in [*_laid_out(walk, order, value)][::-1]:
            if _is_given(walk, order, node, value, instead):
                return _blamed(walk, order, node, value, number, instead)
    for end in walk.ours.ends:
        if not order.ends.intersection(walk.ways.numbers.get(end, ())):
            return _altered_at_end(walk, order.made.get(end))
    found = order.made.get(walk.ours.ends[0])
    while found is not None and _is_pointwise(found):
        found = order.made.get(found.inputs[0])
    if found is None:
        return None
    value = found.outputs[0]
    number = order.of(value)[-1]
    if order.is_alike(number, value, is_as_laid_out=True):
        return None
    return _blamed(walk, order, found, value, number, walk.trace.values[number])


def _is_given(walk: Walk, order: _Order, node: LayerNode, value: str, instead: Array) -> bool:
    """Whether the file gives an output that the spec gives of another value of a layer."""
    outputs = [walk.trace.values[number] for number in order.ends]
    for end in walk.ours.ends:
        last = order.made.get(end)
        if last is None:
            continue
        given = {value: instead}
        if last is not node:
            values = until(walk, value, last, instead)
            if values is None:
                continue
            given = walk.ours.values(last, values, walk.ours.own_weights(last))
        mine = given.get(end)
        if mine is not None and any(
            order.is_same(np.transpose(theirs, axes), mine)
            for theirs in outputs
            for axes in order.axes(theirs.ndim)
        ):
            return True
    return False


def _altered_at_end(walk: Walk, node: LayerNode | None) -> Blamed | None:
    """Return the last layer, of which the file makes more before it is an output."""
    if node is None:
        return None
    numbers = set(walk.ways.numbers[node.outputs[0]])
    after = (step for step in walk.trace.steps if numbers.intersection(step.inputs))
    places = tuple(step.told() for step in after)[:1]
    path = walk.ours.path_of(node)
    return Blamed(node.name, Fault(path, node.layer.type, places, FURTHER), [])


def _laid_out(walk: Walk, order: _Order, value: str) -> Iterator[tuple[int, Array]]:
    """Yield the values of the run that may stand for one of the spec, in its shape."""
    mine = walk.values[value]
    for number in order.of(value):
        if order.is_alike(number, value):
            continue
        theirs = walk.trace.values[number]
        turns = itertools.permutations(range(theirs.ndim)) if theirs.ndim <= MOST_AXES else ()
        for axes in dict.fromkeys([*order.axes(theirs.ndim), *turns]):
            turned = np.transpose(theirs, axes)
            if turned.shape == mine.shape and not order.is_same(turned, mine):
                yield number, turned


class _Order:
    """Says of the spec's values whether the run holds them in their order.

    Several values of a run may hold the same numbers, of which only the last ones are gone on with:
    what takes them gives other numbers, or they are outputs.
    """

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.made = {value: node for node in walk.ours.nodes for value in node.outputs}
        self.takers: dict[str, list[LayerNode]] = {}
        for node in walk.ours.nodes:
            for value in node.inputs:
                self.takers.setdefault(value, []).append(node)
        self.ends = walk.given()
        self.axes = moves if self._is_turned() else lambda rank: (tuple(range(rank)),)

    def movers(self, *, is_of_all: bool = False) -> Iterator[tuple[LayerNode, str]]:
        """Yield the values held in another order alone, of layers that take all in its own.

        is_of_all: of others, too.
        """
        for node in self.walk.ours.nodes:
            moved = [each for each in node.outputs if self.of(each) and not self.is_kept(each)]
            if moved and (is_of_all or all(self.is_kept(value) for value in node.inputs)):
                yield from ((node, each) for each in moved)

    def of(self, value: str) -> list[int]:
        """Return the numbers of the values of the run that stand for one of the spec."""
        numbers = self.walk.ways.numbers.get(value, []) if value in self.walk.values else []
        takers = self.takers.get(value, [])
        others = [self.walk.ways.numbers.get(out) for each in takers for out in each.outputs]
        if takers and any(each == numbers for each in others):
            return numbers  # what takes it only moves it again
        return self._gone_on_with(numbers) or numbers

    def _gone_on_with(self, numbers: list[int]) -> list[int]:
        trace, those = self.walk.trace, set(numbers)
        taken = {
            number
            for step in trace.steps
            if not those.issuperset(step.outputs)
            for number in those.intersection(step.inputs)
        }
        return [number for number in numbers if number in taken or number in self.ends & those]

    def is_kept(self, value: str) -> bool:
        """Whether one of them is in the spec's order, or has its channels elsewhere."""
        return any(self.is_alike(number, value) for number in self.of(value))

    def is_alike(self, number: int, value: str, *, is_as_laid_out: bool = False) -> bool:
        """Whether a value of the run is one of the spec, in its order.

        is_as_laid_out: with its axes as the spec has them, too.
        """
        theirs, mine = self.walk.trace.values[number], self.walk.values[value]
        orders = [tuple(range(theirs.ndim))] if is_as_laid_out else self.axes(theirs.ndim)
        if not is_as_laid_out and sorted(theirs.shape) == sorted(
            mine.shape
        ):  # no other shape with the same numbers
            orders = [axes for axes in orders if _turned(theirs.shape, axes) == mine.shape]
        return any(self.is_same(np.transpose(theirs, axes), mine) for axes in orders)

    def is_same(self, theirs: Array, mine: Array) -> bool:
        """Whether two arrays hold the same numbers one after another."""
        tolerance = max(ALIKE, self.walk.prints.tolerance)
        return is_in_place(theirs, mine, tolerance, [range(theirs.ndim)])

    def _is_turned(self) -> bool:
        """Whether the file has channels elsewhere: values of no other shape than a turned one."""
        for value, numbers in self.walk.ways.numbers.items():
            mine = self.walk.values[value].shape if value in self.walk.values else ()
            shapes = {self.walk.trace.values[number].shape for number in numbers}
            if len(mine) > 2 and shapes and mine not in shapes:
                turned = {_turned(mine, axes) for axes in moves(len(mine))}
                if turned & shapes:
                    return True
        return False


def _turned(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in axes)


def _is_pointwise(node: LayerNode) -> bool:
    return isinstance(node.layer, Activation) or bool(node.layer.random)


def _blamed(
    walk: Walk, order: _Order, node: LayerNode, value: str, number: int, instead: Array
) -> Blamed:
    path = walk.ours.path_of(node)
    own = set(walk.ways.numbers[value]) - walk.ways.taken_by(node)
    is_given = any(order.is_alike(each, value) for each in own)  # and moved after that
    takers = order.takers.get(value, [])
    taker = walk.ours.path_of(takers[0]) if is_given and takers else ""
    within = None if is_given else node_at_fault(walk, node)
    moves = [within] if within is not None else [*_moving(walk, node, number)][:MOVES]
    steps = moves or [step for step in walk.trace.steps if number in step.outputs][:1]
    places = tuple(step.told() for step in steps)
    fault = Fault(path, node.layer.type, places, AFTER if taker else CAUSE, taker=taker)
    is_of_shape = instead.shape == walk.values[value].shape
    given = walk.trace.values[number]
    if given.shape == instead.shape and np.array_equal(given, instead):
        instead = given  # itself, by which a reproduction finds where the file makes it
    others = {each: walk.values[each] for each in node.outputs if each in walk.values}
    return Blamed(node.name, fault, [{**others, value: instead}] if is_of_shape else [])


def _moving(walk: Walk, node: LayerNode, number: int) -> list[Step]:
    """Return the operations that move numbers between what a layer takes and a value.

    Those that do more than to turn axes, if there are any.
    """
    made = {each: step for step in walk.trace.steps for each in step.outputs}
    prints, taken = walk.prints, walk.ways.taken_by(node)
    moves: list[Step] = []
    while number in made:
        step = made[number]
        before = [each for each in step.inputs if each in prints.values]
        if step.tensors or len(before) != 1:
            break
        if number in prints.of(walk.trace.values[before[0]]):
            moves.insert(0, step)
        elif number in taken:
            break
        number = before[0]
    far = [step for step in moves if not _is_turn(walk, step)]
    return far or moves


def _is_turn(walk: Walk, step: Step) -> bool:
    """Whether an operation only turns the axes of what it takes, or gives it another shape."""
    values = walk.trace.values
    theirs, mine = values[step.outputs[0]], values[step.inputs[0]]
    return is_in_place(theirs, mine, 0.0)
