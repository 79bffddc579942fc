"""Selects the helpers, definitions that stand above the network, that an emitted file needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from nnspec.emit.body import Body
from nnspec.emit.code import Call, Expr
from nnspec.emit.snippets import Snippet, with_used
from nnspec.emit.tree import CALLED, Expression, Name, walk


class Use(NamedTuple):
    """A place where the network uses a helper: what it constructs, and its call, if any.

    rank: the axes of what the call takes first, the batch not counted.
    """

    construction: Call | None
    forward: Expression | None
    rank: int | None = None


Specialised = Callable[[Snippet, Sequence[Use]], str]
"""Gives the text of a definition for the uses of one network: no more than they need."""


def names_used(*networks: Body) -> dict[str, list[Use]]:
    """Return the places where these networks construct, call or pass something, by its name."""
    uses: dict[str, list[Use]] = {}
    for network in networks:
        for use in _uses(network):
            for name in names_of(use):
                uses.setdefault(name, []).append(use)
    return uses


def used_helpers(
    uses: Mapping[str, list[Use]],
    known: Mapping[str, Snippet],
    special: Mapping[str, Specialised],
) -> list[Snippet]:
    """Return the definitions that a network of these uses needs, in order."""
    needed = with_used(uses.keys() & known.keys(), known)
    found = [known[name] for name in known if name in needed]
    return [
        replace(each, text=special[each.name](each, uses[each.name]))
        if each.name in special
        else each
        for each in found
    ]


def used_modules(names: Iterable[str], helpers: Iterable[Snippet]) -> set[str]:
    """Return what these names begin with, `torch` of `torch.relu`, and what the helpers import."""
    modules = {name.partition(".")[0] for name in names}
    return modules.union(*(helper.imports for helper in helpers))


def names_of(use: Use) -> set[str]:
    """Return what the place constructs, calls or passes, by name."""
    trees = [use.forward] if use.forward is not None and use.forward is not CALLED else []
    names: set[str] = set()
    waiting = [use.construction] if use.construction is not None else []
    while waiting:
        made = waiting.pop()
        names.add(made.function)
        values = [value for _, value in (*made.positional, *made.keywords)]
        names.update(str(value) for value in values if isinstance(value, Expr))
        waiting += [value for value in values if isinstance(value, Call)]
        trees += [value for value in values if isinstance(value, Expression)]
    parts = [part for each in trees for part in walk(each)]
    names.update(part.name for part in parts if isinstance(part, Name))
    return names


def _uses(network: Body) -> Iterator[Use]:
    seen: set[int] = set()
    bodies = [network]
    while bodies:
        body = bodies.pop()
        if id(body) in seen:
            continue
        seen.add(id(body))
        for step in body.steps:
            bodies += step.bodies
            # Equal layers share what they become.
            if step.lowered is not None and id(step.lowered) not in seen:
                seen.add(id(step.lowered))
                rank = body.graph.types[step.inputs[0].name].rank if step.inputs else None
                yield Use(step.lowered.module, step.lowered.forward, rank)
                yield from (Use(law, None) for law in step.lowered.laws)
