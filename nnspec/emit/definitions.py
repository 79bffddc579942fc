"""One class (or function) for all uses of a block: what differs between them is a parameter.

The uses of a block have the same steps, because a block has no conditions; only values differ. A
value that follows a variable of the block is called after it, any other after the argument that
it is given for. Uses whose steps differ in more than values get definitions of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nnspec.emit.body import Body, Step
from nnspec.emit.code import Call, Expr, literal
from nnspec.emit.lowering import Fan
from nnspec.emit.progressions import Progression, progressing
from nnspec.graph import BlockNode


@dataclass(slots=True)
class Construction:
    """What a step constructs: one call, or one for each repetition.

    With `repeat` one call stands for that many, which are equal but for progressions. laws: what
    draws its first values.
    """

    calls: tuple[Call, ...]
    repeat: int | None = None
    laws: tuple[Call, ...] = ()


@dataclass(slots=True, eq=False)
class Definition:
    """A class or function of the emitted source."""

    name: str
    bodies: list[Body]
    constructions: list[Construction | None]
    """Of each step of the first body, with parameters in place of the values that differ."""
    parameters: dict[str, object] = field(default_factory=dict)
    """Name -> the value of the first use, for its type."""

    @property
    def body(self) -> Body:
        """The first use."""
        return self.bodies[0]


class Definitions:
    """The definitions of a lowered network, in an order in which each follows what it uses."""

    def __init__(
        self,
        network: Body,
        name: str,
        taken: Iterable[str],
        *,
        is_class: bool,
        defaults: Mapping[str, Mapping[str, object]],
    ) -> None:
        """`taken` are names that neither a definition nor a function's parameter may have.

        defaults: by function, keywords that a call leaves out where they have this value.
        """
        self.defaults = defaults
        self.ordered: list[Definition] = []
        self.is_class = is_class
        self._taken = {name, *taken}
        self._reserved = set(taken)
        self._of: dict[int, tuple[Definition, tuple[tuple[str, object], ...]]] = {}
        groups: dict[str, list[Body]] = {}
        _collect(network, groups, set())
        for block, bodies in groups.items():
            self._define(block, bodies)
        self.network = Definition(name, [network], [self._construct(s) for s in network.steps])

    def _define(self, block: str, bodies: list[Body]) -> None:
        variants: dict[object, list[tuple[Body, list[Construction | None]]]] = {}
        for body in bodies:
            constructions = [self._construct(step) for step in body.steps]
            key = tuple(
                _skeleton(*pair, defaults=self.defaults)
                for pair in zip(body.steps, constructions, strict=True)
            )
            variants.setdefault(key, []).append((body, constructions))
        for uses in variants.values():
            avoided = {"name"}
            if not self.is_class:
                # A function's parameters stand beside its variables; an attribute of self does not.
                avoided.update(self._reserved, *(body.graph.types for body, _ in uses))
            _drop_unequal_shapes([body for body, _ in uses])
            definition, arguments = _unify(self._name(block), uses, avoided, self.defaults)
            self.ordered.append(definition)
            for body, given in zip(definition.bodies, arguments, strict=True):
                self._of[id(body)] = (definition, given)

    def _construct(self, step: Step) -> Construction | None:
        node = step.node
        if node is not None and node.owner is not None and not step.is_activation:
            return None
        if step.lowered is not None:
            module = step.lowered.module
            if module is None:
                return None
            return Construction((module,), laws=step.lowered.laws)
        calls: list[Call] = []
        for body in step.bodies:
            definition, arguments = self._of[id(body)]
            calls.append(Call(definition.name, arguments))
        assert isinstance(node, BlockNode)
        if node.is_repeated:
            one = progressing(calls)
            if one is not None:
                return Construction((one,), len(calls))
        return Construction(tuple(calls))

    def _name(self, block: str) -> str:
        name = pascal(block) if self.is_class else block
        candidate, number = name, 1
        if candidate in self._taken and not self.is_class and not name.endswith("_block"):
            candidate = name = f"{name}_block"
        while candidate in self._taken:
            number += 1
            candidate = f"{name}{number}" if self.is_class else f"{name}_{number}"
        self._taken.add(candidate)
        return candidate


def pascal(name: str) -> str:
    """Return `conv_block` as `ConvBlock`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)


def _collect(body: Body, groups: dict[str, list[Body]], seen: set[int]) -> None:
    """Fill `groups` with the bodies of every block; a block follows those that it uses.

    It does because every use of a block holds the same blocks, and they are done before it is.
    """
    for step in body.steps:
        for inner in step.bodies:
            if id(inner) in seen:
                continue
            seen.add(id(inner))
            _collect(inner, groups, seen)
            assert isinstance(step.node, BlockNode)
            groups.setdefault(step.node.block, []).append(inner)


def _drop_unequal_shapes(bodies: list[Body]) -> None:
    """A comment stands in one definition for all uses, so it must be true of each."""
    for column in zip(*(body.steps for body in bodies), strict=True):
        if len({step.shape for step in column}) > 1:
            for step in column:
                step.shape = None


def _skeleton(
    step: Step, construction: Construction | None, *, defaults: Mapping[str, Mapping[str, object]]
) -> object:
    """Return what two steps must share to be one line of one definition."""
    forward = step.lowered.forward if step.lowered is not None else ""
    uses = step.node and (step.node.owner, getattr(step.node, "tied", None))
    if construction is None:
        return step.inputs, step.outputs, forward, uses
    calls = tuple(
        (
            made.function,
            tuple((name, _kind(value)) for name, value in made.positional),
            tuple(
                (name, _kind(value))
                for name, value in made.keywords
                if name not in defaults.get(made.function, ())
            ),
        )
        for made in construction.calls
    )
    laws = tuple(
        (law.function, law.positional[0], tuple(name for name, _ in law.keywords))
        for law in construction.laws
    )
    return step.inputs, step.outputs, forward, uses, calls, construction.repeat is None, laws


def _kind(value: object) -> object:
    """Return what two values must share to become one with parameters."""
    if isinstance(value, Call):
        given = (*value.positional, *value.keywords)
        return value.function, tuple((name, _kind(inner)) for name, inner in given)
    return (value.is_geometric,) if isinstance(value, Progression) else None


def _completed(
    calls: list[Call], defaults: Mapping[str, object]
) -> list[tuple[tuple[str, object], ...]]:
    """Return the keywords of each call, with the defaults that another of the calls sets."""
    names: list[str] = []
    for made in calls:
        at = 0
        for name, _ in made.keywords:
            if name in names:
                at = names.index(name) + 1
            else:
                names.insert(at, name)
                at += 1
    completed = []
    for made in calls:
        given = dict(made.keywords)
        completed.append(tuple((name, given.get(name, defaults.get(name))) for name in names))
    return completed


def _unify(
    name: str,
    uses: list[tuple[Body, list[Construction | None]]],
    avoided: set[str],
    defaults: Mapping[str, Mapping[str, object]],
) -> tuple[Definition, list[tuple[tuple[str, object], ...]]]:
    bodies = [body for body, _ in uses]
    all_constructions = [constructions for _, constructions in uses]
    names: dict[tuple[str, ...], str] = {}
    values: dict[str, list[object]] = {}

    factors = _factors(bodies, all_constructions[0])

    def parameter(argument: str, given: list[object]) -> Expr:
        key = tuple(map(literal, given))
        if key not in names:
            for variable, sizes in _variables(bodies).items():
                for factor in factors:
                    if given == [size * factor for size in sizes]:
                        return Expr(f"{parameter(variable, list(sizes))} * {factor}")
            chosen = _variable_for(bodies, key) or argument
            number = 1
            unique = chosen
            while unique in values or unique in avoided:
                number += 1
                unique = f"{chosen}_{number}"
            names[key] = unique
            values[unique] = given
        return Expr(names[key])

    def merged(items: list[tuple[tuple[str, object], ...]]) -> tuple[tuple[str, object], ...]:
        result: list[tuple[str, object]] = []
        for column in zip(*items, strict=True):
            argument = column[0][0]
            given = [value for _, value in column]
            if all(value == given[0] for value in given):
                result.append((argument, given[0]))
            else:
                result.append((argument, varying(argument, given)))
        return tuple(result)

    def varying(argument: str, given: list[object]) -> object:
        fans = [value for value in given if isinstance(value, Fan)]
        if fans:
            return Fan(None, fans[0].source)
        calls = [value for value in given if isinstance(value, Call)]
        if calls:
            positional = merged([made.positional for made in calls])
            return Call(calls[0].function, positional, merged([made.keywords for made in calls]))
        series = [value for value in given if isinstance(value, Progression)]
        if not series:
            return parameter(argument, given)
        firsts, steps = [each.first for each in series], [each.step for each in series]
        first = firsts[0] if len(set(firsts)) == 1 else parameter(argument, firsts)
        step = steps[0] if len(set(steps)) == 1 else parameter(f"{argument}_step", steps)
        return Progression(first, step, series[0].is_geometric)

    constructions: list[Construction | None] = []
    for column in zip(*all_constructions, strict=True):
        present = [construction for construction in column if construction is not None]
        if not present:
            constructions.append(None)
            continue
        calls = tuple(
            Call(
                made[0].function,
                merged([given.positional for given in made]),
                merged(_completed(list(made), defaults.get(made[0].function, {}))),
            )
            for made in zip(*(construction.calls for construction in present), strict=True)
        )
        repeats: list[object] = [construction.repeat for construction in present]
        repeat: object = repeats[0]
        if any(count != repeat for count in repeats):
            repeat = parameter("repeat", repeats)
        laws = tuple(
            Call(
                column[0].function,
                merged([law.positional for law in column]),
                merged([law.keywords for law in column]),
            )
            for column in zip(*(construction.laws for construction in present), strict=True)
        )
        constructions.append(Construction(calls, repeat, laws))  # type: ignore[arg-type]
    definition = Definition(
        name, bodies, constructions, {key: given[0] for key, given in values.items()}
    )
    arguments = [
        tuple((key, given[i]) for key, given in values.items()) for i in range(len(bodies))
    ]
    return definition, arguments


def _variables(bodies: list[Body]) -> dict[str, list[int]]:
    """Return the sizes among the block's variables in which the uses differ."""
    found = {}
    for variable in bodies[0].graph.variables:
        values = [body.graph.variables.get(variable) for body in bodies]
        sizes = [value for value in values if type(value) is int]
        if len(sizes) == len(values) and len(set(sizes)) > 1:
            found[variable] = sizes
    return found


def _factors(bodies: list[Body], constructions: list[Construction | None]) -> list[int]:
    """Return the variables that multiply others, as an expansion does.

    They are the same in every use, and no argument by themselves, as a kernel's size would be.
    """
    used = {
        value
        for construction in constructions
        if construction is not None
        for made in construction.calls
        for _, value in (*made.positional, *made.keywords)
        if type(value) is int
    }
    found = []
    for variable in bodies[0].graph.variables:
        values = [body.graph.variables.get(variable) for body in bodies]
        value = values[0]
        is_fixed = all(each == value for each in values)
        if type(value) is int and value > 1 and value not in used and is_fixed:
            found.append(value)
    return found


def _variable_for(bodies: list[Body], key: tuple[str, ...]) -> str | None:
    """Return the block's variable whose value is, in every use, the one at hand."""
    for variable in bodies[0].graph.variables:
        try:
            given = tuple(literal(body.graph.variables.get(variable)) for body in bodies)
        except TypeError:
            continue
        if given == key and re.fullmatch(r"[A-Za-z_]\w*", variable):
            return variable
    return None
