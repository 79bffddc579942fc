"""Advises of gradients that are not finite: of a branch that a `where` does not choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nnspec.errors import Problem
from nnspec.language.schema import Model
from nnspec.network.graph import Graph, LayerNode

_COMPARED = frozenset({"equal", "not_equal", "greater", "greater_equal", "less", "less_equal"})


def advise(model: Model, graph: Graph, bodies: list[Graph]) -> Iterator[Problem]:
    """Yield advice for each `where` that asks whether a root, say, may be taken of a value.

    Where it may not, the gradient of the root is infinite, and 0 times that is NaN in PyTorch; of a
    logarithm in Keras too.
    """
    for body in bodies if model.training is not None else ():
        nodes = [node for node in body.nodes if isinstance(node, LayerNode)]
        makers = {output: node for node in nodes for output in node.outputs}
        for node in nodes:
            if node.layer.type != "where":
                continue
            asked = _asked(node.inputs[0], makers)
            for value in node.inputs[1:]:
                branch = makers.get(value)
                if branch is not None and _is_steep(branch) and branch.inputs[0] in asked:
                    yield _problem(node, branch)


def _problem(node: LayerNode, branch: LayerNode) -> Problem:
    kind, value = branch.layer.type, branch.inputs[0]
    return Problem(
        "unchosen-gradient",
        f'"{node.name}" chooses by "{value}" whether {kind} of it counts, and the gradient of what '
        "is not chosen is 0 · ∞ at 0, which is NaN in PyTorch",
        f'let {kind} take what stays off 0: a clip of "{value}", or its maximum with a constant',
        branch.mark,
        "advice",
    )


def _asked(condition: str, makers: Mapping[str, LayerNode]) -> tuple[str, ...]:
    """Return the values that a condition compares."""
    node = makers.get(condition)
    while node is not None and node.layer.type == "logical_not":
        node = makers.get(node.inputs[0])
    return node.inputs if node is not None and node.layer.type in _COMPARED else ()


def _is_steep(node: LayerNode) -> bool:
    """Whether the slope of a layer has no bound at 0."""
    if node.layer.type == "power":
        exponent: float = node.layer.exponent  # type: ignore[attr-defined]
        return exponent < 1 and exponent != 0
    return node.layer.type in ("sqrt", "reciprocal", "log")
