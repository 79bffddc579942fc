"""Counts the numbers that a file computes with, beside those of the parameters of its spec."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping

from nnspec.backend.foreign import Described, Held
from nnspec.judge.ours import Ours
from nnspec.judge.sources import Source
from nnspec.judge.walk import Walk
from nnspec.layers.batch_normalization import BatchNormalization
from nnspec.layers.weighted import LENGTH
from nnspec.network.graph import LayerNode

STATISTICS = ("running_mean", "running_var")
NORMALISES = re.compile("batch_?norm", re.IGNORECASE)
"""Found in the kinds of operations that normalise over a batch."""


def too_few(walk: Walk, described: Described, given: Mapping[str, Source]) -> str:
    """Return that a file computes with too few numbers to be its spec, in whatever order, or "".

    Not counted are parameters that a file may hold within others: the second bias of a recurrent
    layer, the length of a weight, and a normalisation that may be folded into the layer before it.
    A file that tells no parameters from constants, as a model of ONNX, may have more folded.
    given: sources that were said; what was said to be a constant is not expected.
    """
    if not walk.tells_learned:
        return ""
    taken = {tensor for step in walk.trace.steps for tensor in step.tensors}
    floats = [each for each in walk.ways.free if each.name in taken]
    without = {name for name, each in given.items() if not each.tensor}
    needed = [*_needed(walk.ours, without)]
    folded = _folded(walk, needed)
    pairs = [(_size(floats), _sum(needed) - folded)]
    if not described.may_freeze:
        learned = [each for each in floats if each.is_learned]
        own = [each for each in needed if each[0].rpartition(".")[2] not in STATISTICS]
        pairs.append((_size(learned), _sum(own) - folded))
    if all(count >= least for count, least in pairs):
        return ""
    return "the file computes with fewer numbers than the parameters of the spec"


def _size(held: Iterable[Held]) -> int:
    return sum(math.prod(each.shape) for each in held)


def _sum(needed: Iterable[tuple[str, int]]) -> int:
    return sum(size for _, size in needed)


def _needed(ours: Ours, without: Collection[str]) -> Iterable[tuple[str, int]]:
    """Yield each parameter that a file must have, and how many numbers it is."""
    shapes = {name: each.shape for name, each in ours.spec.graph.parameters()}
    for node in ours.nodes:
        if node.name not in ours.computed:
            continue
        for own, name in ours.parameters(node).items():
            last = own.rpartition(".")[2]
            is_spare = last.startswith("bias_hh") or last.endswith(LENGTH)
            if name not in ours.fixed and name not in without and not is_spare:
                yield name, math.prod(shapes[name])


def _folded(walk: Walk, needed: Iterable[tuple[str, int]]) -> int:
    """Return how many numbers the normalisations have that the file does not compute, at most."""
    norms = [node for node in walk.ours.nodes if _is_batch_norm(node)]
    there = sum(bool(NORMALISES.search(step.kind)) for step in walk.trace.steps)
    sizes = dict(needed)
    totals = sorted(
        (sum(sizes.get(name, 0) for name in walk.ours.parameters(node).values()) for node in norms),
        reverse=True,
    )
    return sum(totals[: max(len(totals) - there, 0)])


def _is_batch_norm(node: LayerNode) -> bool:
    return isinstance(node.layer, BatchNormalization)
