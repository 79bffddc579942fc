"""Targets that are standardised element by element, so that each row has as many."""

from __future__ import annotations

from nnspec.errors import UsageError
from nnspec.network.graph import Graph


def require_fixed_target(graph: Graph) -> None:
    """Raise UsageError where the elements of a target have no fixed number."""
    output = graph.outputs[0]
    if any(isinstance(size, str) for size in graph.types[output].shape):
        raise UsageError(
            f'the output "{output}" has a dynamic axis, so the elements of its target have no '
            "fixed mean; leave out `standardize_target`"
        )
