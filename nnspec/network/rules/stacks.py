"""Advice on dense layers that follow one another without anything between that bends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.rules import DROPPING, Case, advice, keeps_last, makers, owners, passes


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice on each pair that one dense layer could stand for.

    Not where the first is narrower than what goes in and comes out: that is a factorisation, of
    low rank. Nor where weights are shared or frozen, or something else takes what is between.
    """
    for body in case.bodies:
        known, shared = makers(body), owners(body)
        uses = Counter(value for node in body.nodes for value in node.inputs)
        uses.update(body.outputs)
        for node in body.nodes:
            if not isinstance(node, LayerNode) or not _is_plain(node):
                continue
            before = known.get(node.inputs[0])
            while (
                isinstance(before, LayerNode)
                and _is_linear_way(body, before)
                and uses[before.outputs[0]] == 1
            ):
                before = known.get(before.inputs[0])
            if not isinstance(before, LayerNode) or not _is_plain(before) or not _is_linear(before):
                continue
            if shared[before.name] or shared[node.name]:
                continue
            middle, first, last = (
                body.types[value].shape[-1]
                for value in (before.outputs[0], before.inputs[0], node.outputs[0])
            )
            is_wide = all(isinstance(size, int) for size in (middle, first, last)) and (
                int(middle) >= min(int(first), int(last))
            )
            if is_wide and uses[before.outputs[0]] == 1:
                yield advice(
                    "linear-stack",
                    f'"{before.name}" and "{node.name}" compute what one dense layer does: nothing '
                    "between them bends, and a product of matrices is a matrix",
                    "give the first an activation, such as activation: relu, or leave it out",
                    before.mark,
                )


def _is_linear_way(body: Graph, node: LayerNode) -> bool:
    """Whether a layer between two dense ones leaves them one product of matrices."""
    if node.layer.type in (*DROPPING, "rescaling"):
        return True
    return passes(node) and keeps_last(body, node)


def _is_plain(node: LayerNode) -> bool:
    is_trained = getattr(node.layer, "trainable", True) and not node.frozen
    return node.layer.type == "dense" and node.owner is None and is_trained


def _is_linear(node: LayerNode) -> bool:
    activation = node.layer.output_activation
    return activation is None or activation.type == "linear"
