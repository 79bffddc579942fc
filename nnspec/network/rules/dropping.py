"""Advice on dropout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nnspec.errors import Change, Fix, Mark, Problem
from nnspec.network.graph import Graph, LayerNode, Node
from nnspec.network.rules import DROPPING, Case, activation_of, advice, makers, source

_HIGH = 0.8
_ENDS = ("sigmoid", "softmax", "log_softmax")
"""Activations at the end of a network that has no other layer behind them."""


def _to_alpha(mark: Mark | None) -> Fix | None:
    if mark is None:
        return None
    return Fix("write alpha_dropout", (Change("value", mark, "alpha_dropout"),), is_safe=False)


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice on dropout of nearly everything, after selu, and of what a network gives."""
    for body in case.bodies:
        known = makers(body)
        given = _given(case, body, known)
        for node in body.nodes:
            if not isinstance(node, LayerNode) or node.layer.type not in DROPPING:
                continue
            rate: float = node.layer.rate  # type: ignore[attr-defined]
            if rate > _HIGH:
                yield advice(
                    "high-dropout",
                    f'"{node.name}" drops {rate:.0%} of the elements, and multiplies the others '
                    f"by {1 / (1 - rate):.3g}: `rate` is the share that is dropped, not kept",
                    f"write rate: {round(1 - rate, 6):g} if that share is to be dropped; 0.1 to "
                    "0.5 is usual",
                    node.mark,
                )
            maker = source(known, node.inputs[0])
            is_selu = isinstance(maker, LayerNode) and activation_of(maker) == "selu"
            if node.layer.type == "dropout" and is_selu and rate:
                yield advice(
                    "selu-dropout",
                    f'"{node.name}" sets elements to 0 after selu, whose outputs keep mean 0 and '
                    "variance 1 from layer to layer only if nothing shifts them",
                    "use alpha_dropout, which keeps both",
                    node.mark,
                    _to_alpha(node.mark),
                )
            if node in given and rate:
                yield advice(
                    "dropout-on-output",
                    f'"{node.name}" drops elements of what the network gives: in training every '
                    "such answer is wrong, whatever the weights",
                    "put it before the last layer with weights",
                    node.mark,
                )


def _given(case: Case, body: Graph, known: Mapping[str, Node]) -> list[Node | None]:
    """Return what computes the outputs of a network that is trained, its last activation or not."""
    if case.steps is None or body is not case.bodies[0]:
        return []
    return [source(known, value, _ENDS) for value in body.outputs]
