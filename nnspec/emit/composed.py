"""The names and the text of several losses that the source backends share."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from nnspec.emit.code import literal
from nnspec.emit.names import ALL_BUILTINS, KEYWORDS, snake
from nnspec.language.losses import Loss
from nnspec.language.objectives import is_composed
from nnspec.language.weighting import SAMPLE_WEIGHT, is_weighted
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.network.objectives import Term, terms_of

_WORDS = """
answer arguments arrays_of batch best data device epoch expected F file found given inputs keras
labels layers loss loss_function losses made math measure model name network nn np ops optimizer
output outputs parser path record rows sample_weight scheduler share source target targets Tensor
tf torch train values weighted_sum weights
"""
"""Names of other things in the functions around the losses."""
TAKEN = KEYWORDS | ALL_BUILTINS | frozenset(_WORDS.split())


class Named(NamedTuple):
    """A loss, and what the source calls its output, its target and its function."""

    term: Term
    variable: str
    goal: str
    function: str


def named_terms(spec: Spec) -> tuple[Named, ...]:
    """Return the losses of a spec that minimises several; none of one that does not."""
    if not is_composed(spec.model):
        return ()
    taken = {*TAKEN, *spec.graph.inputs}
    classes = {spec.name, snake(spec.name), *spec.model.blocks}
    found = []
    for term in terms_of(spec.model, spec.graph):
        name = "_".join(term.output.split("."))
        variable = _unique(name, taken)
        goal = _unique(f"{name}_target", taken)
        found.append(Named(term, variable, goal, _unique(f"{name}_loss", taken, classes)))
    return tuple(found)


def _unique(name: str, taken: set[str], also: Collection[str] = ()) -> str:
    while name in taken or name in also:
        name += "_"
    taken.add(name)
    return name


def goals_of(spec: Spec) -> list[str]:
    """Return the arguments of the loss after what the network gives."""
    goals = [each.goal for each in named_terms(spec)] or ["target"]
    return [*goals, SAMPLE_WEIGHT] if is_weighted(spec.model) else goals


def loss_parts(spec: Spec) -> Iterator[tuple[str, Loss, Graph]]:
    """Yield the function's name, the loss, and the network of its output alone, of each loss."""
    training = spec.model.training
    assert training is not None
    if not is_composed(spec.model):
        yield "loss_function", training.resolved_loss, spec.graph
    for each in named_terms(spec):
        yield each.function, each.term.loss, each.term.graph


def weighted_sum(values: list[tuple[float, str]]) -> str:
    """Return the sum of expressions, each by its weight."""
    return " + ".join(
        value if weight == 1.0 else f"{literal(weight)} * {value}" for weight, value in values
    )
