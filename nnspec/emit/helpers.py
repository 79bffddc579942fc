"""Which of a backend's helpers, definitions that stand above the network, an emitted file needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nnspec.emit.body import Body
from nnspec.emit.code import Call, Expr

_CALLED = re.compile(r"(?<![\w.])(\w+)\(")


class Use(NamedTuple):
    """A place where the network uses a helper: what it constructs, if anything, and its call."""

    construction: Call | None
    forward: str


Helper = str | Callable[[Sequence[Use]], str]
"""The source of a helper, or what gives it for the uses of one network: no more than they need."""


def used_helpers(network: Body, helpers: Mapping[str, Helper]) -> list[str]:
    """Return the source of each helper that the network constructs, calls or passes, in order."""
    uses: dict[str, list[Use]] = {}

    def called(text: str) -> set[str]:
        return helpers.keys() & _CALLED.findall(text)

    for use in _uses(network):
        names = called(use.forward)
        if use.construction is not None:
            names.add(use.construction.function)
            values = (*use.construction.positional, *use.construction.keywords)
            names.update(str(value) for _, value in values if isinstance(value, Expr))
            names.update(value.function for _, value in values if isinstance(value, Call))
        for name in names & helpers.keys():
            uses.setdefault(name, []).append(use)
    sources = {name: _source(helpers[name], given) for name, given in uses.items()}
    for source in list(sources.values()):
        for name in called(source) - sources.keys():
            sources[name] = _source(helpers[name], ())
    return [sources[name] for name in helpers if name in sources]


def _source(helper: Helper, uses: Sequence[Use]) -> str:
    return helper if isinstance(helper, str) else helper(uses)


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
            if step.lowered is not None:
                yield Use(step.lowered.module, step.lowered.forward)
                yield from (Use(law, "") for law in step.lowered.laws)
