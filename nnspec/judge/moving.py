"""Blames a layer that gives its numbers in another order, which a run holds all the same.

A run's values are found by their sorted numbers, so that a layer which joins, cuts, turns or moves
numbers is found there whatever order it gives them in. What takes them is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Step
from nnspec.judge.facing import moves
from nnspec.judge.found import Blamed, Fault
from nnspec.judge.prints import is_in_place
from nnspec.judge.reading import is_held_of, until
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


def moved_before(walk: Walk, node: LayerNode) -> Blamed | None:
    """Return a layer before one that the run does not hold, which it holds once that one moves."""
    kept = dict(walk.ours.weights)
    order = _Order(walk)
    for before in order.movers():
        if before is node:
            break
        value = before.outputs[0]
        for number, instead in _laid_out(walk, order, value):
            values = until(walk, before, node, instead)
            is_held = values is not None and is_held_of(walk, node, values)
            walk.ours.weights.update(kept)
            if is_held:
                return _blamed(walk, before, number, instead)
    return None


def altered_before(walk: Walk, node: LayerNode) -> Blamed | None:
    """Return a layer before one that the run does not hold, of which the file makes more.

    The run holds what the layer gives, and goes on with what further operations make of it: with
    that it holds the one that follows too.
    """
    kept = dict(walk.ours.weights)
    known = walk.ways.known()
    for value in dict.fromkeys(node.inputs):
        before = next((each for each in walk.ours.nodes if value in each.outputs), None)
        if before is None or len(before.outputs) != 1:
            continue
        shape = walk.values[value].shape
        for first, number in _made_of(walk, set(walk.ways.numbers.get(value, ())), known):
            instead = walk.trace.values[number]
            if instead.shape != shape:
                continue
            is_held = is_held_of(walk, node, {**walk.values, value: instead})
            walk.ours.weights.update(kept)
            if is_held:
                path = walk.ours.path_of(before)
                fault = Fault(path, before.layer.type, (first.told(),), FURTHER)
                return Blamed(before.name, fault, [{value: instead}])
    return None


def _made_of(walk: Walk, starts: set[int], known: set[int]) -> Iterator[tuple[Step, int]]:
    """Yield what operations without tensors make of values, with the first of the operations."""
    firsts: dict[int, Step] = {}
    count = 0
    for step in walk.trace.steps:
        before = [firsts[number] for number in step.inputs if number in firsts]
        if not before and not starts.intersection(step.inputs):
            continue
        if step.tensors or known.intersection(step.outputs):
            continue
        for number in step.outputs:
            if number in walk.trace.values and count < FEW:
                count += 1
                firsts[number] = before[0] if before else step
                yield firsts[number], number


def moved_at_end(walk: Walk) -> Blamed | None:
    """Return the layer at fault where the run holds all, and its outputs are not the spec's."""
    order = _Order(walk)
    if any(value in walk.values and not order.of(value) for value in order.made):
        return None  # it may be anywhere
    movers = [node for node in order.movers() if node.name in walk.ours.computed]
    if movers:
        number = order.of(movers[-1].outputs[0])[-1]
        return _blamed(walk, movers[-1], number, walk.trace.values[number])
    for end in walk.ours.ends:
        if not order.ends.intersection(walk.ways.numbers.get(end, ())):
            return _altered_at_end(walk, order.made.get(end))
    found = order.made.get(walk.ours.ends[0])
    while found is not None and _is_pointwise(found):
        found = order.made.get(found.inputs[0])
    if found is None:
        return None
    number = order.of(found.outputs[0])[-1]
    if order.is_alike(number, found.outputs[0], is_as_laid_out=True):
        return None
    return _blamed(walk, found, number, walk.trace.values[number])


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
    shape = walk.values[value].shape
    for number in order.of(value):
        if order.is_alike(number, value):
            continue
        theirs = walk.trace.values[number]
        if theirs.shape == shape:
            yield number, theirs
        for axes in dict.fromkeys(order.axes(theirs.ndim)):
            turned = np.transpose(theirs, axes)
            if axes != tuple(range(theirs.ndim)) and turned.shape == shape:
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

    def movers(self) -> Iterator[LayerNode]:
        """Yield the layers held in another order alone, which take all in its own."""
        for node in self.walk.ours.nodes:
            if len(node.outputs) != 1 or not self.of(node.outputs[0]):
                continue
            is_moved = not self.is_kept(node.outputs[0])
            if is_moved and all(self.is_kept(value) for value in node.inputs):
                yield node

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
        theirs, tolerance = self.walk.trace.values[number], max(ALIKE, self.walk.prints.tolerance)
        orders = [range(theirs.ndim)] if is_as_laid_out else self.axes(theirs.ndim)
        return is_in_place(theirs, self.walk.values[value], tolerance, orders)

    def _is_turned(self) -> bool:
        """Whether the file has channels elsewhere: values of no other shape than a turned one."""
        for value, numbers in self.walk.ways.numbers.items():
            mine = self.walk.values[value].shape if value in self.walk.values else ()
            shapes = {self.walk.trace.values[number].shape for number in numbers}
            if len(mine) > 2 and shapes and mine not in shapes:
                turned = {tuple(mine[axis] for axis in axes) for axes in moves(len(mine))}
                if turned & shapes:
                    return True
        return False


def _is_pointwise(node: LayerNode) -> bool:
    return isinstance(node.layer, Activation) or bool(node.layer.random)


def _blamed(walk: Walk, node: LayerNode, number: int, instead: Array) -> Blamed:
    path = walk.ours.path_of(node)
    steps = (step for step in walk.trace.steps if number in step.outputs)
    places = tuple(step.told() for step in steps)[:1]
    fault = Fault(path, node.layer.type, places, CAUSE)
    is_of_shape = instead.shape == walk.values[node.outputs[0]].shape
    given = [{node.outputs[0]: instead}] if is_of_shape else []
    return Blamed(node.name, fault, given)
