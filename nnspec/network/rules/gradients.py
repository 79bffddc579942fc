"""Advises of gradients that are not finite: of a branch that a `where` does not choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nnspec.errors import Problem
from nnspec.network.graph import LayerNode, Node
from nnspec.network.rules import Case, makers, passes, source

_COMPARED = frozenset({"equal", "not_equal", "greater", "greater_equal", "less", "less_equal"})


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice for each `where` that asks whether a root, say, may be taken of a value.

    Where it may not, the gradient of the root is infinite, and 0 times that is NaN in PyTorch; of a
    logarithm in Keras too.
    """
    for body in case.bodies if case.steps is not None else ():
        known = makers(body)
        for node in body.nodes:
            if not isinstance(node, LayerNode) or node.layer.type != "where":
                continue
            asked = _asked(node.inputs[0], known)
            for value in node.inputs[1:]:
                branch = source(known, value)
                if not isinstance(branch, LayerNode) or not _is_steep(branch):
                    continue
                if _moved(branch.inputs[0], known) in asked:
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


def _asked(condition: str, known: Mapping[str, Node]) -> tuple[str, ...]:
    """Return the values that a condition compares."""
    node = source(known, condition, ("logical_not",))
    if not isinstance(node, LayerNode):
        return ()
    if node.layer.type in ("logical_and", "logical_or"):
        return tuple(found for value in node.inputs for found in _asked(value, known))
    return tuple(_moved(value, known) for value in node.inputs if node.layer.type in _COMPARED)


def _moved(value: str, known: Mapping[str, Node]) -> str:
    """Return the value whose numbers these are, moved or not."""
    node = known.get(value)
    while isinstance(node, LayerNode) and passes(node):
        value = node.inputs[0]
        node = known.get(value)
    return value


def _is_steep(node: LayerNode) -> bool:
    """Whether the slope of a layer has no bound at 0."""
    if node.layer.type == "power":
        exponent: float = node.layer.exponent  # type: ignore[attr-defined]
        return exponent < 1 and exponent != 0
    return node.layer.type in ("sqrt", "reciprocal", "log")
