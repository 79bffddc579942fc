"""Which of a backend's helpers, definitions that stand above the network, an emitted file needs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nnspec.emit.body import Body
from nnspec.emit.code import Call, Expr


def used_helpers(network: Body, helpers: Mapping[str, str]) -> list[str]:
    """Return the source of each helper that the network constructs, calls or passes, in order."""
    used: set[str] = set()
    seen: set[int] = set()

    def called(text: str) -> set[str]:
        return {name for name in helpers if re.search(rf"(?<![\w.]){name}\(", text)}

    def visit(body: Body) -> None:
        if id(body) in seen:
            return
        seen.add(id(body))
        for step in body.steps:
            for inner in step.bodies:
                visit(inner)
            if step.lowered is None:
                continue
            used.update(called(step.lowered.forward))
            module = step.lowered.module
            if module is None:
                continue
            used.add(module.function)
            given = (*module.positional, *module.keywords)
            used.update(str(value) for _, value in given if isinstance(value, Expr))
            used.update(value.function for _, value in given if isinstance(value, Call))

    visit(network)
    for source in [helpers[name] for name in used if name in helpers]:
        used.update(called(source))
    return [source for name, source in helpers.items() if name in used]
