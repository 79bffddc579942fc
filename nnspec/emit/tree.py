"""Expressions of emitted source as trees.

A lowering returns such a tree; what has to be known of it (which functions it calls, what it takes,
whether it may stand inside a call) is asked of the tree. `code.printed` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal as Choice

Operator = Choice["+", "-", "*", "/", "//", "%", "**", "<=", ">=", "<", ">", "==", "!="]


class Expression:
    """Base of the nodes. Python's operators make trees: `Input(0) + 1` is a Binary."""

    __slots__ = ()

    def __add__(self, other: object) -> Binary:
        return Binary("+", self, tree(other))

    def __sub__(self, other: object) -> Binary:
        return Binary("-", self, tree(other))

    def __mul__(self, other: object) -> Binary:
        return Binary("*", self, tree(other))

    def __truediv__(self, other: object) -> Binary:
        return Binary("/", self, tree(other))

    def __floordiv__(self, other: object) -> Binary:
        return Binary("//", self, tree(other))

    def __mod__(self, other: object) -> Binary:
        return Binary("%", self, tree(other))

    def __pow__(self, other: object) -> Binary:
        return Binary("**", self, tree(other))

    def __neg__(self) -> Negative:
        return Negative(self)

    def __getitem__(self, items: object) -> Index:
        parts = items if isinstance(items, tuple) else (items,)
        return Index(self, tuple(tree(item) for item in parts))

    def attribute(self, name: str) -> Attribute:
        """Return `self.name`."""
        return Attribute(self, name)

    def method(self, name: str, *arguments: object, **keywords: object) -> Apply:
        """Return `self.name(*arguments, **keywords)`."""
        return apply(Attribute(self, name), *arguments, **keywords)

    def children(self) -> Iterator[Expression]:
        """Yield the expressions that it is made of, from left to right."""
        return iter(())

    def with_children(self, changed: Callable[[Expression], Expression]) -> Expression:
        """Return it with each of its children changed."""
        return self


@dataclass(frozen=True, slots=True)
class Input(Expression):
    """An input of the layer, by its number."""

    number: int


@dataclass(frozen=True, slots=True)
class Inputs(Expression):
    """All that the layer takes: arguments, or items, in order."""


@dataclass(frozen=True, slots=True)
class Module(Expression):
    """The object that the layer constructs."""


@dataclass(frozen=True, slots=True)
class Owner(Expression):
    """The object of the layer whose weights this one uses in an operation of its own."""


@dataclass(frozen=True, slots=True)
class Field(Expression):
    """A value that `Lowered.values` names, so that uses of a block may differ in it."""

    name: str


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """A name, dotted where it lies in a module: `x`, `torch.int64`."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Expression):
    """A plain value: a number, a string, None, `...`, a call that constructs something."""

    value: object

    def __eq__(self, other: object) -> bool:
        # 1, 1.0 and True are equal in Python, as are 0.0 and -0.0, and none of them in source.
        return isinstance(other, Literal) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[type, str]:
        return type(self.value), repr(self.value)


@dataclass(frozen=True, slots=True)
class Apply(Expression):
    """A call: `function(*arguments, **keywords)`."""

    function: Expression
    arguments: tuple[Expression, ...] = ()
    keywords: tuple[tuple[str, Expression], ...] = ()

    def children(self) -> Iterator[Expression]:
        yield self.function
        yield from self.arguments
        for _, value in self.keywords:
            yield value

    def with_children(self, changed: Callable[[Expression], Expression]) -> Apply:
        keywords = tuple((name, changed(value)) for name, value in self.keywords)
        return Apply(changed(self.function), tuple(map(changed, self.arguments)), keywords)


@dataclass(frozen=True, slots=True)
class Attribute(Expression):
    """`operand.name`."""

    operand: Expression
    name: str

    def children(self) -> Iterator[Expression]:
        yield self.operand

    def with_children(self, changed: Callable[[Expression], Expression]) -> Attribute:
        return Attribute(changed(self.operand), self.name)


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """`left operator right`; a comparison too."""

    operator: Operator
    left: Expression
    right: Expression

    def children(self) -> Iterator[Expression]:
        yield self.left
        yield self.right

    def with_children(self, changed: Callable[[Expression], Expression]) -> Binary:
        return Binary(self.operator, changed(self.left), changed(self.right))


@dataclass(frozen=True, slots=True)
class Formula(Expression):
    """Arithmetic as the spec writes it: operators and brackets as they stand between operands."""

    parts: tuple[str | Expression, ...]

    def children(self) -> Iterator[Expression]:
        return (part for part in self.parts if isinstance(part, Expression))

    def with_children(self, changed: Callable[[Expression], Expression]) -> Formula:
        parts = (changed(part) if isinstance(part, Expression) else part for part in self.parts)
        return Formula(tuple(parts))


@dataclass(frozen=True, slots=True)
class Negative(Expression):
    """`-operand`."""

    operand: Expression

    def children(self) -> Iterator[Expression]:
        yield self.operand

    def with_children(self, changed: Callable[[Expression], Expression]) -> Negative:
        return Negative(changed(self.operand))


@dataclass(frozen=True, slots=True)
class Starred(Expression):
    """`*operand`, among arguments."""

    operand: Expression

    def children(self) -> Iterator[Expression]:
        yield self.operand

    def with_children(self, changed: Callable[[Expression], Expression]) -> Starred:
        return Starred(changed(self.operand))


@dataclass(frozen=True, slots=True)
class Slice(Expression):
    """`start:stop:step` of a subscript."""

    start: Expression | None = None
    stop: Expression | None = None
    step: Expression | None = None

    def children(self) -> Iterator[Expression]:
        return iter([part for part in (self.start, self.stop, self.step) if part is not None])

    def with_children(self, changed: Callable[[Expression], Expression]) -> Slice:
        parts = (self.start, self.stop, self.step)
        return Slice(*(changed(part) if part is not None else None for part in parts))


@dataclass(frozen=True, slots=True)
class Index(Expression):
    """`operand[items]`."""

    operand: Expression
    items: tuple[Expression, ...]

    def children(self) -> Iterator[Expression]:
        yield self.operand
        yield from self.items

    def with_children(self, changed: Callable[[Expression], Expression]) -> Index:
        return Index(changed(self.operand), tuple(map(changed, self.items)))


@dataclass(frozen=True, slots=True)
class Items(Expression):
    """A tuple, or a list."""

    items: tuple[Expression, ...]
    is_list: bool = False

    def children(self) -> Iterator[Expression]:
        return iter(self.items)

    def with_children(self, changed: Callable[[Expression], Expression]) -> Items:
        return Items(tuple(map(changed, self.items)), self.is_list)


@dataclass(frozen=True, slots=True)
class Lambda(Expression):
    """`lambda parameter: body`."""

    parameter: str
    body: Expression

    def children(self) -> Iterator[Expression]:
        yield self.body

    def with_children(self, changed: Callable[[Expression], Expression]) -> Lambda:
        return Lambda(self.parameter, changed(self.body))


X = Input(0)
"""The first input."""
MODULE = Module()
CALLED = Apply(MODULE, (X,))
"""The module applied to the first input: the whole lowering of most layers."""


def tree(value: object) -> Expression:
    """Return the tree of a plain value: of each item, where it is a tuple, a list or a slice."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, tuple | list):
        return Items(tuple(map(tree, value)), is_list=isinstance(value, list))
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        return Slice(*(tree(part) if part is not None else None for part in parts))
    return Literal(value)


def apply(function: str | Expression, *arguments: object, **keywords: object) -> Apply:
    """Return a call of a function, by its name; strings among the arguments are literals."""
    called = Name(function) if isinstance(function, str) else function
    named = tuple((name, tree(value)) for name, value in keywords.items())
    return Apply(called, tuple(map(tree, arguments)), named)


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield the expression and all that it is made of, from left to right."""
    yield expression
    for child in expression.children():
        yield from walk(child)


def replaced(
    expression: Expression,
    change: Callable[[Expression], Expression | None],
    inputs: Sequence[Expression] = (Inputs(),),
) -> Expression:
    """Return the expression with parts replaced: by what `change` gives, where that is not None.

    inputs: what stands in the place of Inputs.
    """
    found = change(expression)
    if found is not None:
        return found
    if isinstance(expression, Apply):
        expression = Apply(
            expression.function, _spread(expression.arguments, inputs), expression.keywords
        )
    elif isinstance(expression, Items):
        expression = Items(_spread(expression.items, inputs), expression.is_list)
    return expression.with_children(lambda child: replaced(child, change, inputs))


def _spread(given: tuple[Expression, ...], inputs: Sequence[Expression]) -> tuple[Expression, ...]:
    if Inputs() not in given:
        return given
    return tuple(x for each in given for x in (inputs if isinstance(each, Inputs) else (each,)))


def takes_as_argument(expression: Expression, taken: Input) -> bool:
    """Whether it has the input once, as a whole argument of a call."""
    places = 0
    is_argument = False
    for part in walk(expression):
        if part == taken or isinstance(part, Inputs):
            places += 1
        arguments: tuple[Expression, ...] = ()
        if isinstance(part, Apply):
            arguments = part.arguments
        elif isinstance(part, Items) and not part.is_list:
            arguments = part.items
        is_argument |= taken in arguments or Inputs() in arguments
    return places == 1 and is_argument
