"""Names the variables of a forward pass, and writes its lines as a person would.

A value that only the next line takes is `x`; one that is needed later has its layer's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nnspec.emit.body import Body, Step
from nnspec.emit.code import begins_with_input, printed, wrap
from nnspec.emit.layout import LINE_LENGTH
from nnspec.emit.tree import (
    CALLED,
    MODULE,
    Apply,
    Expression,
    Field,
    Input,
    Inputs,
    Module,
    Name,
    Owner,
    replaced,
    takes_as_argument,
    tree,
)
from nnspec.emit.values import Value

MAX_NESTING = 3
_CHAIN_NAMES = ("x", "y", "z", "h")


@dataclass(slots=True)
class Style:
    """The style in which a backend writes a step.

    module: the object that the step applies ("self.conv1", "layers.Dense(3)").
    loop: lines of a repeated block, from its target and its arguments.
    nest: whether a call may stand inside another.
    """

    module: Callable[[int, Step], Expression]
    loop: Callable[[int, Step, str, list[str]], list[str]]
    nest: bool
    shape_comments: bool = True
    owner: Callable[[Step], Expression] | None = None
    """The object whose weight the step uses in an operation of its own."""
    before: Callable[[int, Step, list[str]], list[str]] | None = None
    """Lines that a step needs before its own, from its arguments."""
    taken: frozenset[str] = frozenset()
    """Names that mean something else where the lines stand: no variable gets one of them."""


@dataclass(slots=True)
class Forward:
    """The lines of a forward pass, the variables that it takes, the expressions that it gives."""

    lines: list[str] = field(default_factory=list)
    results: list[Expression] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)


class _Variables:
    """The variables of a body's values."""

    def __init__(
        self,
        body: Body,
        steps: range,
        outputs: tuple[Value, ...],
        style: Style,
        *,
        name_results: bool,
    ) -> None:
        self.body = body
        self.steps = steps
        self.outputs = outputs
        self.name_results = name_results
        self.style = style
        self.results = {value.name for value in outputs} if name_results else set()
        self.uses: dict[Value, list[int]] = {}
        for i in steps:
            for value in body.steps[i].inputs:
                self.uses.setdefault(value, []).append(i)
        for value in outputs:
            self.uses.setdefault(value, []).append(steps.stop)
        labels = [value.label("_") for value in body.inputs]
        self.used = {
            label
            for value, label in zip(body.inputs, labels, strict=True)
            if value.is_declared and label.isidentifier() and label not in style.taken
        }
        self.inputs = {
            value: label if label in self.used else self.unique(value)
            for value, label in zip(body.inputs, labels, strict=True)
        }
        # Where the results are named, the inputs are named once more beside them.
        self.chain = self.chain_name(may_be_input=not name_results)
        self.used.add(self.chain)

    def chain_name(self, *, may_be_input: bool) -> str:
        """Return a name for values that only the next line takes."""
        taken = {*self.body.graph.types, *self.style.taken}
        for name in _CHAIN_NAMES:
            value = Value(name)
            if self.inputs.get(value) == name:
                first = self.steps.start
                uses = self.uses.get(value, [])
                if (
                    may_be_input
                    and all(i == first for i in uses)
                    and not self.outlives_loop(value, first)
                ):
                    return name
            elif name not in taken:
                return name
        return self.unique(Value("value_"))

    def variable(self, value: Value, i: int) -> str:
        """Return the variable that holds `value`, made by step i."""
        name = value.name
        is_output = value in self.outputs
        step = self.body.steps[i]
        if value not in self.uses and len(step.outputs) > 1 and not _is_loop(step):
            return "_"
        if is_output and name in self.results:
            return self.unique(Value(name))
        is_next = all(use == i + 1 for use in self.uses.get(value, []))
        if (
            is_next
            and len(self.body.steps[i].outputs) == 1
            and not self.outlives_loop(value, i + 1)
        ):
            return self.chain
        if name in self.results and value.is_declared:
            return self.unique(value.at(value.layout.value))
        return self.unique(value)

    def outlives_loop(self, value: Value, i: int) -> bool:
        """Whether step i is a loop that takes the value anew in each round.

        The loop's first arguments become what it gives, so their variable changes on the way.
        """
        if i not in self.steps or not _is_loop(self.body.steps[i]):
            return False
        step = self.body.steps[i]
        handed_on = step.inputs[: len(step.outputs)]
        return step.inputs.count(value) > 1 or value not in handed_on

    def unique(self, value: Value) -> str:
        """Return a variable's name that nothing else has."""
        # Outputs after the first are called layer.1, layer.2.
        name = "_".join(value.label(".").split("."))
        while name in self.used or name in self.style.taken:
            name += "_"
        self.used.add(name)
        return name


def forward_lines(
    body: Body,
    style: Style,
    *,
    indent: int,
    steps: range | None = None,
    outputs: tuple[Value, ...] | None = None,
    name_results: bool = False,
) -> Forward:
    """Return the lines that compute `outputs` by these steps, and the expression of each output.

    name_results: whether every output gets a variable of its own name.
    """
    steps = range(len(body.steps)) if steps is None else steps
    outputs = body.outputs if outputs is None else outputs
    planner = _Variables(body, steps, outputs, style, name_results=name_results)
    lines = _Lines(planner, indent)
    for i in steps:
        lines.add(i, body.steps[i])
    for value in outputs:
        if len(outputs) > 1:
            lines.flush(value)
    results = [lines.expression(value) for value in outputs]
    return Forward(lines.written, results, [planner.inputs[value] for value in body.inputs])


class _Lines:
    """The lines written so far, and the expressions that may yet stand inside the next one."""

    def __init__(self, planner: _Variables, indent: int) -> None:
        self.planner = planner
        self.style = planner.style
        self.indent = indent
        self.written: list[str] = []
        self.variables = dict(planner.inputs)
        self.pending: dict[Value, tuple[Expression, int]] = {}
        """Value -> its expression, and how many calls stand in one another there."""

    def expression(self, value: Value) -> Expression:
        """Return the expression of a value: what is pending, or its variable."""
        if value in self.pending:
            return self.pending.pop(value)[0]
        return Name(self.variables[value])

    def flush(self, value: Value) -> None:
        """Write what is pending of a value."""
        if value in self.pending:
            expression, _ = self.pending.pop(value)
            self.written += _assignment(self.variables[value], expression, self.indent, "")

    def add(self, i: int, step: Step) -> None:
        """Write step i, or let it wait for the next."""
        for value in step.outputs:
            self.variables[value] = self.planner.variable(value, i)
        target = ", ".join(self.variables[value] for value in step.outputs)
        if _is_loop(step):
            for value in list(self.pending):
                self.flush(value)
            arguments = [self.variables[value] for value in step.inputs]
            lines = self.style.loop(i, step, target, arguments)
            self.written += _wrapped(lines, self.indent)
            return
        forward = step.lowered.forward if step.lowered is not None else _CALLED
        depth = self.nest(step, forward)
        given = [self.expression(value) for value in step.inputs]
        if self.style.before is not None:
            lines = self.style.before(i, step, [printed(each) for each in given])
            self.written += _wrapped(lines, self.indent)
        expression = _bound(forward, step, i, given, self.style)
        comment = self.comment(step)
        if comment or not self.may_wait(i, step):
            self.written += _assignment(target, expression, self.indent, comment)
            return
        value = step.outputs[0]
        self.pending[value] = (expression, depth)
        is_output = value in self.planner.outputs
        if self.planner.name_results if is_output else not self.style.nest:
            self.flush(value)

    def nest(self, step: Step, forward: Expression) -> int:
        """Write what is pending of a step's inputs and fits not in it; return the calls' depth."""
        depth = 1
        for value in dict.fromkeys(step.inputs):
            if value not in self.pending:
                continue
            inner, inner_depth = self.pending[value]
            if (
                self.style.nest
                and step.inputs.count(value) == 1
                and inner_depth < MAX_NESTING
                and takes_as_argument(forward, Input(step.inputs.index(value)))
                and len(printed(inner)) + len(printed(forward)) + self.indent < LINE_LENGTH - 24
            ):
                depth = inner_depth + 1
            else:
                self.flush(value)
        return depth

    def may_wait(self, i: int, step: Step) -> bool:
        """Whether the next step alone takes the result, so that it may stand inside it."""
        value = step.outputs[0]
        if len(step.outputs) > 1 or self.planner.uses.get(value, []) != [i + 1]:
            return False
        return value in self.planner.outputs or not _ends_line(step)

    def comment(self, step: Step) -> str:
        """Return the comment that ends the line of a step."""
        if self.style.shape_comments and step.shape is not None:
            rows = "rows" if step.has_own_rows else "batch"
            return f"  # ({rows}, {', '.join(map(str, step.shape))})"
        return f"  # {step.lowered.comment}" if step.lowered and step.lowered.comment else ""


_CALLED = Apply(MODULE, (Inputs(),))
"""The expression of a block's use."""


def _bound(
    forward: Expression, step: Step, i: int, given: list[Expression], style: Style
) -> Expression:
    """Return the expression with what it takes in the places that stand for it."""
    if forward is CALLED:
        return Apply(style.module(i, step), (given[0],))
    values = {name: value for name, _, value in step.lowered.values} if step.lowered else {}

    def bind(part: Expression) -> Expression | None:
        if isinstance(part, Input):
            return given[part.number]
        if isinstance(part, Module):
            return style.module(i, step)
        if isinstance(part, Owner):
            assert style.owner is not None
            return style.owner(step)
        if isinstance(part, Field):
            return tree(values[part.name])
        return None

    return replaced(forward, bind, given)


def _is_loop(step: Step) -> bool:
    return step.lowered is None and bool(getattr(step.node, "is_repeated", False))


def _wrapped(lines: list[str], indent: int) -> list[str]:
    """Return the lines broken where they are too long, each with its own indentation kept."""
    return [
        line
        for text in lines
        for line in wrap(text.strip(), indent + len(text) - len(text.lstrip()))
    ]


def _ends_line(step: Step) -> bool:
    """Whether a reader expects the line to end here: after an activation, a block, a reshape.

    A sum is no such place: `F.relu(x + y)` reads well.
    """
    if step.is_activation or step.lowered is None:
        return True
    return step.lowered.module is None and not begins_with_input(step.lowered.forward)


def _assignment(target: str, expression: Expression, indent: int, comment: str) -> list[str]:
    source = printed(expression)
    if target == source:
        return []
    line = f"{target} = {source}"
    if comment and indent + len(line) + len(comment) <= LINE_LENGTH:
        return [f"{' ' * indent}{line}{comment}"]
    return wrap(line, indent)
