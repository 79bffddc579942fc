"""Faults that leave something out: the layer that a file parts from, its activation, a sum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nnspec.judge.found import Fault, Other
from nnspec.judge.ours import with_fields
from nnspec.judge.walk import Walk
from nnspec.network.graph import LayerNode

if TYPE_CHECKING:
    from nnspec.backend import Array

LEFT_OUT = "it leaves the layer out, and goes on with what the layer takes"
JOINTS = 3
"""Layers of several inputs, at most, behind one that is not held, which may be left out."""


def alternatives(walk: Walk, node: LayerNode) -> Iterator[Other]:
    """Yield what a file may leave out, and then gives; whether it does, the walk after it shows.

    node: the first layer that the run does not hold.
    """
    if len(node.outputs) == 1:
        yield from _itself(walk, node)
        yield from _activation(walk, node)
    yield from _joints(walk, node)


def _itself(walk: Walk, node: LayerNode) -> Iterator[Other]:
    path = walk.ours.path_of(node)
    fault = Fault(path, node.layer.type, tuple(same_places(walk, node)), LEFT_OUT)
    shape = walk.values[node.outputs[0]].shape
    for value in dict.fromkeys(node.inputs):
        if walk.values[value].shape == shape:
            yield Other(node.name, {node.outputs[0]: walk.values[value]}, fault)


def same_places(walk: Walk, node: LayerNode) -> Iterator[str]:
    """Yield the place at which the run first gives again what it takes there."""
    starts = walk.ways.taken_by(node)
    for step in walk.trace.steps:
        is_same = bool(step.outputs) and starts.issuperset(step.outputs)
        if is_same and starts.intersection(step.inputs) and not step.tensors:
            yield step.told()
            return


def plain_of(walk: Walk, node: LayerNode) -> Array | None:
    """Return what a layer gives without its activation, if it has one."""
    own = walk.ours.own_weights(node)
    if getattr(node.layer, "activation", None) is None or "weight" not in own:
        return None
    layer = with_fields(node.layer, activation=None)
    return walk.ours.values(node, walk.values, own, layer)[node.outputs[0]]


def _activation(walk: Walk, node: LayerNode) -> Iterator[Other]:
    plain = plain_of(walk, node)
    numbers = set() if plain is None else {*walk.prints.of(plain)}
    if plain is None or not numbers:
        return
    mine = getattr(node.layer, "activation", None)
    cause = f"it computes no activation, and not {getattr(mine, 'type', mine)}"
    sources = map(walk.found.sources.get, walk.ours.names_of(node).values())
    own = {each.tensor for each in sources if each is not None}
    steps = [step for step in walk.trace.steps if numbers.intersection(step.outputs)]
    steps = [step for step in steps if own.intersection(step.tensors)] or steps
    places = tuple(step.told() for step in steps)[:1]
    fault = Fault(walk.ours.path_of(node), node.layer.type, places, cause)
    yield Other(node.name, {node.outputs[0]: plain}, fault)


def _joints(walk: Walk, node: LayerNode) -> Iterator[Other]:
    """Yield what later layers take besides what this one leads to, in the place of all."""
    reached, count = set(node.outputs), 0
    for each in walk.ours.nodes:
        if not reached.intersection(each.inputs) or each is node:
            continue
        reached.update(each.outputs)
        beside = [value for value in each.inputs if value not in reached]
        if not beside or len(each.outputs) != 1 or walk.ours.parameters(each):
            continue
        count += 1
        shape = walk.values[each.outputs[0]].shape if each.outputs[0] in walk.values else None
        fault = Fault(walk.ours.path_of(each), each.layer.type, (), LEFT_OUT)
        for value in beside:
            if walk.ways.numbers.get(value) and walk.values[value].shape == shape:
                given, beneath = {each.outputs[0]: walk.values[value]}, _beneath(walk, each, value)
                yield Other(each.name, given, fault, beneath)
        if count == JOINTS:
            return


def _beneath(walk: Walk, joint: LayerNode, kept: str) -> tuple[str, ...]:
    """Return the layers that lead nowhere, where a layer gives one of the values that it takes."""
    wanted = {*walk.ours.ends, kept}
    found = []
    for node in reversed(walk.ours.nodes):
        if not wanted.intersection(node.outputs):
            found.append(node.name)
        elif node is not joint:
            wanted.update(node.inputs)
    return tuple(found)
