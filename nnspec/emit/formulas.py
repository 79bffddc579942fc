"""Values of a block's arguments written as the spec computes them, from the block's variables."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import permutations

from nnspec.emit.body import Body
from nnspec.emit.tree import Expression, Formula, Literal, Name
from nnspec.language.expressions import FUNCTIONS, ExpressionError, evaluate, tokens
from nnspec.language.scope import Scope

Variable = Callable[[str, list[object]], Expression | None]
"""(name, its value in each use) -> the parameter."""


_NO_ARITHMETIC = {*FUNCTIONS, ",", "==", "!=", "<", ">", "<=", ">=", "and", "or", "not"}
"""Parts of expressions that are not written as they stand: rare, or no numbers."""


class Formulas:
    """The expressions of one block; `outer` are variables that it does not define itself."""

    def __init__(self, expressions: list[str], outer: Scope) -> None:
        # Sizes are whole numbers, of which Python's / makes a fraction.
        whole = [_whole(text) for text in expressions]
        self.expressions = list(dict.fromkeys([*expressions, *whole]))
        self.outer = outer

    def find(
        self, bodies: list[Body], given: list[object], variable: Variable, varied: Collection[str]
    ) -> Expression | None:
        """Return what computes the values that these bodies have.

        varied: variables that some of the bodies have alone other than the first.
        """
        if not all(
            type(value) is type(given[0]) and type(value) in (int, float) for value in given
        ):
            return None
        for text in self.expressions:
            if _computed(text, bodies, self.outer) == given:
                rendered = self._rendered(text, bodies, variable)
                if rendered is not None:
                    return rendered
        # What a layer computes itself: the size of a head, or of a window.
        texts = [f"{one} // {other}" for one, other in permutations(varied, 2)]
        texts += [f"{name} ** 2" for name in bodies[0].graph.variables]
        for text in texts:
            if _computed(text, bodies, self.outer) == given:
                rendered = self._rendered(text, bodies, variable)
                if rendered is not None:
                    return rendered
        return None

    def _rendered(self, text: str, bodies: list[Body], variable: Variable) -> Formula | None:
        """Return the expression as the formatter would write it, or None where it cannot be."""
        parts: list[str | Expression] = []
        before = last = ""
        found = tokens(text)
        if len(found) == 1 or any(
            kind == "text" or token in _NO_ARITHMETIC for kind, token in found
        ):
            return None
        for kind, token in found:
            if kind == "name":
                values = [_lookup(body, self.outer)(token) for body in bodies]
                if all(value == values[0] for value in values):
                    parts.append(Literal(values[0]))
                else:
                    parameter = variable(token, values)
                    if not isinstance(parameter, Name):
                        return None
                    parts.append(parameter)
            elif kind == "number" or token in "()":
                parts.append(token)
            elif before in ("", "operator", "("):
                return None  # A sign: rare, and written otherwise.
            else:
                parts.append(f" {token} " if token != "**" else token)
            if (last, token) in ((")", "**"), ("**", "(")):
                return None  # Here alone the formatter puts spaces around **.
            before, last = token if token in "()" else kind, token
        return Formula(tuple(parts))


def _whole(text: str) -> str:
    return " ".join("//" if token == "/" else token for _, token in tokens(text))


def _computed(text: str, bodies: list[Body], outer: Scope) -> list[object] | None:
    try:
        values = [evaluate(text, _lookup(body, outer)) for body in bodies]
    except ExpressionError:
        return None
    if any(type(value) is int for value in values) and ("operator", "/") in tokens(text):
        return None  # In Python it would be a fraction.
    return values


def _lookup(body: Body, outer: Scope) -> Callable[[str], object]:
    def value_of(name: str) -> object:
        variables = body.graph.variables
        return variables[name] if name in variables else outer.lookup(name)

    return value_of
