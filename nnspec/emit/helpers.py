"""Which of a backend's helpers, definitions that stand above the network, an emitted file needs."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.emit.body import Body
from nnspec.emit.code import Call, Expr


def used_helpers(network: Body, helpers: Mapping[str, str]) -> list[str]:
    """Return the source of every helper that the network constructs or passes, in a fixed order."""
    used: set[str] = set()
    seen: set[int] = set()

    def visit(body: Body) -> None:
        if id(body) in seen:
            return
        seen.add(id(body))
        for step in body.steps:
            for inner in step.bodies:
                visit(inner)
            module = step.lowered.module if step.lowered is not None else None
            if module is None:
                continue
            used.add(module.function)
            given = (*module.positional, *module.keywords)
            used.update(str(value) for _, value in given if isinstance(value, Expr))
            used.update(value.function for _, value in given if isinstance(value, Call))

    visit(network)
    return [source for name, source in helpers.items() if name in used]
