"""Parameters whose size adds to the loss, by the amounts that they add."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nnspec.errors import Problem
from nnspec.language.paths import mark_at
from nnspec.language.regularization import Term
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.parameter_groups import matcher_of, unmatched

PENALTY = "@penalty"
"""Among the losses by output, that which the size of parameters is."""


class Amounts(NamedTuple):
    """Factors of a parameter p, which adds l1 · Σ |p| + l2 · Σ p²."""

    l1: float = 0.0
    l2: float = 0.0


def terms_of_parameters(training: Training | None) -> tuple[Term, ...]:
    """Return the terms that are of parameters."""
    terms = (training.regularization or ()) if training is not None else ()
    return tuple(term for term in terms if term.activity is None)


def amounts_of(graph: Graph, training: Training | None) -> dict[str, Amounts]:
    """Return by name what each parameter adds that learns and adds something."""
    terms = terms_of_parameters(training)
    if not terms:
        return {}
    matcher, found = matcher_of(graph), {}
    for name, parameter in graph.parameters():
        matches = matcher(name)
        sums = {"l1": 0.0, "l2": 0.0}
        for term in terms:
            if any(map(matches, term.of)):
                sums[term.type] += term.factor
        if parameter.learns and any(sums.values()):
            found[name] = Amounts(**sums)
    return found


def penalised(graph: Graph, training: Training) -> dict[Amounts, list[str]]:
    """Return the names of parameters by what they add."""
    found: dict[Amounts, list[str]] = {}
    for name, amounts in amounts_of(graph, training).items():
        found.setdefault(amounts, []).append(name)
    return found


def patterns_of(training: Training) -> list[str]:
    """Return the patterns that the terms name, each once."""
    named = (pattern for term in terms_of_parameters(training) for pattern in term.of)
    return [*dict.fromkeys(named)]


def regularization_problems(graph: Graph, training: Training, tree: object) -> Iterator[Problem]:
    """Yield what matches no parameter that is trained. tree: the document, which knows places."""
    for number, term in enumerate(training.regularization or ()):
        if term.activity is not None:
            continue
        place = ("training", "regularization", number)
        mark = mark_at((*place, "of"), tree) or mark_at(place, tree)
        for i, pattern in enumerate(term.of):
            problem = unmatched(graph, pattern, mark_at((*place, "of", i), tree) or mark)
            if problem is not None:
                yield problem
