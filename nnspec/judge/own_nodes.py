"""Finds the node at which an ONNX model parts from those that nnspec writes of a layer."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnspec.backend import onnx_backend
from nnspec.backend.foreign import Reference, Step, Trace
from nnspec.errors import NnspecError
from nnspec.judge.parts import exchanged
from nnspec.judge.prints import is_in_place
from nnspec.judge.walk import Walk
from nnspec.network.graph import LayerNode
from nnspec.support.causes import Told

if TYPE_CHECKING:
    from nnspec.backend import Array


def node_at_fault(walk: Walk, node: LayerNode) -> Step | None:
    """Return the first node that gives another value than nnspec's own, of the same values.

    None where the file does not compute the layer as nnspec does: exporters write a layer in other
    nodes, and their values say nothing then.
    """
    if not walk.trace.is_of_nodes:
        return None
    found = [
        _Beside(walk, node, own)
        for weights in filled(walk, node)
        if (own := _own_trace(walk, node, weights)) is not None
    ]
    # Of queries, keys and values that may be one another, as they make most of what the file has.
    best = max(found, key=lambda each: each.count, default=None)
    return None if best is None else best.parting()


def filled(walk: Walk, node: LayerNode) -> Iterator[dict[str, Array]]:
    """Yield the weights of a layer as it is filled, and as it may be filled as well."""
    own = walk.ours.own_weights(node)
    yield own
    owned = walk.ours.parameters(node)
    chosen = {
        each: walk.found.sources[name] for each, name in owned.items() if name in walk.found.sources
    }
    for other in exchanged(node.layer, chosen):
        yield own | {each: source.of(walk.theirs) for each, source in other.items()}


def _own_trace(walk: Walk, node: LayerNode, weights: Mapping[str, Array]) -> Trace | None:
    """Return a run of the layer alone, of what the file gives it."""
    alone = walk.ours.alone(node, weights)
    if alone is None or any(value not in walk.values for value in node.inputs):
        return None
    spec, inner, feeds = alone
    inputs = {name: walk.values[value] for name, value in feeds.items()}
    backend = onnx_backend()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = backend.compile(spec).write_files(Path(folder) / "own.onnx", inner).files[0]
            return backend.open_file(Reference(str(path))).trace(inputs)
    except (NnspecError, Told):  # it has no ONNX model, or that takes no such values
        return None


class _Beside:
    """The run of a file beside one of nnspec's own nodes."""

    def __init__(self, walk: Walk, node: LayerNode, own: Trace) -> None:
        self.walk = walk
        self.own = own
        self.same: dict[int, set[int]] = {}
        """Values of nnspec's own -> those of the file that are the same, in the same places."""
        for number, array in own.values.items():
            self.same[number] = {
                each
                for each in walk.prints.of(array)
                if _is_same(walk.trace.values[each], array, walk.prints.tolerance)
            }
        self.tensors = {
            walk.found.sources[name].tensor
            for name in walk.ours.parameters(node).values()
            if name in walk.found.sources
        }
        self.starts = walk.ways.taken_by(node)
        self.count = sum(map(bool, self.same.values()))

    def parting(self) -> Step | None:
        """Return the first node whose twin gives what the file has not.

        Or else the first that passes a value on where nnspec's own makes something of it.
        """
        known = self.starts.union(*self.same.values())
        reached = set(self.starts)
        passing: Step | None = None
        for step in self.walk.trace.steps:
            if not reached.intersection(step.inputs):
                continue
            reached.update(step.outputs)
            if not known.issuperset(step.inputs):
                continue
            twin = self._twin(step)
            if twin is not None and self._is_of_layer(step, twin) and self._is_missed(twin):
                return step
            if passing is None and self._passes_wrongly(step):
                passing = step
        return passing

    def _is_missed(self, own: Step) -> bool:
        return not any(self.same.get(each) for each in own.outputs)

    def _passes_wrongly(self, step: Step) -> bool:
        """Whether a node gives what it takes, which nnspec's own nodes only take."""
        if len(step.inputs) != 1 or len(step.outputs) != 1 or step.tensors:
            return False
        values = self.walk.trace.values
        taken, given = (values.get(each) for each in (step.inputs[0], step.outputs[0]))
        if taken is None or given is None or not _is_same(given, taken, 0.0):
            return False
        takers = [each for each in self.own.steps if self._takes_some(each, step.inputs[0])]
        passing = any(self.same.get(n, set()) & {*step.outputs} for t in takers for n in t.outputs)
        return not passing and any(map(self._is_missed, takers))

    def _takes_some(self, own: Step, number: int) -> bool:
        return any(number in self.same.get(each, set()) for each in own.inputs)

    def _twin(self, step: Step) -> Step | None:
        """Return nnspec's own node of the same values: of the same kind, if there is one."""
        wanted = set(step.inputs)
        found = [
            each
            for each in self.own.steps
            if len(each.inputs) == len(step.inputs) and self._takes(each, wanted)
        ]
        alike = [each for each in found if each.kind == step.kind]
        return next(iter(alike or found), None)

    def _takes(self, own: Step, numbers: Collection[int]) -> bool:
        return all(self.same.get(each, set()).intersection(numbers) for each in own.inputs)

    def _is_of_layer(self, step: Step, twin: Step) -> bool:
        """Whether a node takes weights of the layer, where nnspec's own does."""
        return bool(twin.tensors) == bool(step.tensors) and (
            not step.tensors or not self.tensors.isdisjoint(step.tensors)
        )


def _is_same(theirs: NDArray[np.generic], mine: NDArray[np.generic], tolerance: float) -> bool:
    """Whether two values are the same, number by number."""
    return theirs.shape == mine.shape and is_in_place(theirs, mine, tolerance, [range(mine.ndim)])
