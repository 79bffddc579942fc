"""Keeps the calls of what updates running statistics in the order of the spec.

Keras runs a model's layers by their distance from the outputs. Where one layer or block is called
several times, the statistics that it ends with depend on which call comes first.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from nnspec.emit.body import Body, Step
from nnspec.emit.lowering import Lowered
from nnspec.emit.tree import Input, apply
from nnspec.emit.values import Value
from nnspec.network.graph import BlockNode, Graph, LayerAt, LayerNode, Node


def order_updates(network: Body) -> None:
    """Let each call wait for the one before it, where both update the same statistics."""
    for body in _bodies(network, set()):
        again = {node.owner for node in body.graph.nodes if node.owner is not None}
        updating = {
            node.name
            for node in body.graph.nodes
            if node.name in again and _has_statistics(node, body.graph)
        }
        if not updating:
            continue
        calls: dict[str, Step] = {}
        steps: list[Step] = []
        for step in body.steps:
            owner = step.node.owner or step.node.name if step.node is not None else ""
            if owner not in updating or step.is_activation:
                steps.append(step)
                continue
            before = calls.get(owner)
            if before is not None and not _needs(step, before, steps):
                value = step.inputs[0]
                late = value.at(f"after_{before.outputs[0].name}")
                lowered = Lowered(apply(apply("After"), [Input(0), Input(1)]))
                taken = (value, before.outputs[0])
                waiting = Step(taken, (late,), lowered, is_order=True)
                steps.append(waiting)
                step = dataclasses.replace(step, inputs=(late, *step.inputs[1:]))
            calls[owner] = step
            steps.append(step)
        body.steps[:] = steps


def _bodies(body: Body, seen: set[int]) -> Iterator[Body]:
    if id(body) in seen:
        return
    seen.add(id(body))
    yield body
    for step in body.steps:
        for inner in step.bodies:
            yield from _bodies(inner, seen)


def _has_statistics(node: Node, graph: Graph) -> bool:
    """Whether a call of it changes a parameter."""
    layers = [LayerAt(node.name, node, graph, "")] if isinstance(node, LayerNode) else _inside(node)
    parameters = itertools.chain.from_iterable(at.all_parameters() for at in layers)
    return any(not (each.trainable or each.is_fixed or each.is_frozen) for each in parameters)


def _inside(node: BlockNode) -> Iterator[LayerAt]:
    return itertools.chain.from_iterable(body.walk() for body in node.bodies)


def _needs(step: Step, before: Step, steps: list[Step]) -> bool:
    """Whether the step takes, at first or at second hand, what the one before gives."""
    makers = {value: each for each in steps for value in each.outputs}
    waiting = list(step.inputs)
    seen: set[Value] = set()
    while waiting:
        value = waiting.pop()
        if value in seen or value not in makers:
            continue
        seen.add(value)
        if makers[value] is before:
            return True
        waiting += makers[value].inputs
    return False
