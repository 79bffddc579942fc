"""Makes one definition of uses that are alike but for values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from nnspec.emit.body import Body, Step
from nnspec.emit.code import Call, literal
from nnspec.emit.formulas import Formulas
from nnspec.emit.lowering import Fan
from nnspec.emit.progressions import Progression
from nnspec.emit.tree import Binary, Expression, Literal, Name


@dataclass(slots=True)
class Construction:
    """The construction of a step: one call, or one for each repetition.

    With `repeat` one call stands for that many, which are equal but for progressions. laws: what
    draws its first values. values: what its expression has in its fields. No calls: nothing but
    these.
    """

    calls: tuple[Call, ...]
    repeat: int | None = None
    laws: tuple[Call, ...] = ()
    values: tuple[tuple[str, str, object], ...] = ()


@dataclass(eq=False)
class Definition:
    """A class or function of the emitted source."""

    name: str
    bodies: list[Body]
    constructions: list[Construction | None]
    """Of each step of the first body, with parameters in place of the values that differ."""
    parameters: dict[str, object] = field(default_factory=dict)
    """Name -> the value of the first use."""
    kinds: dict[str, tuple[object, ...]] = field(default_factory=dict)
    """Name -> its values in all uses, for their types."""
    formula: Callable[[list[object]], Expression | None] = lambda given: None
    """Returns what computes a value for each body from the parameters, or None."""

    @cached_property
    def body(self) -> Body:
        """The first use, with parameters in place of what differs in its expressions."""
        body = self.bodies[0]
        steps = [
            replace(step, lowered=step.lowered._replace(values=made.values))
            if made is not None and made.values and step.lowered is not None
            else step
            for step, made in zip(body.steps, self.constructions, strict=True)
        ]
        return replace(body, steps=steps)


Use = tuple[Body, list[Construction | None]]


def skeleton(use: Use, defaults: Mapping[str, Mapping[str, object]]) -> object:
    """Return what two uses must share to be of one definition."""
    body, constructions = use
    return tuple(
        _line(step, construction, defaults=defaults)
        for step, construction in zip(body.steps, constructions, strict=True)
    )


def _line(
    step: Step, construction: Construction | None, *, defaults: Mapping[str, Mapping[str, object]]
) -> object:
    """Return what two steps must share to be one line of one definition."""
    forward = step.lowered.forward if step.lowered is not None else None
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
    values = tuple(place[:2] for place in construction.values)
    is_single = construction.repeat is None
    setup = step.lowered.setup if step.lowered is not None else ()
    return step.inputs, step.outputs, forward, uses, calls, is_single, laws, values, setup


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


class _Parameters:
    """The parameters of a definition, made as values that differ between its uses are met."""

    def __init__(
        self, uses: list[Use], avoided: set[str], formulas: Formulas, varied: Collection[str]
    ) -> None:
        self.varied = varied
        self.bodies = [body for body, _ in uses]
        self.avoided = avoided
        self.formulas = formulas
        self.factors = _factors(self.bodies, uses[0][1])
        self.names: dict[tuple[str, ...], str] = {}
        self.values: dict[str, list[object]] = {}

    def get(self, argument: str, given: list[object], *, is_plain: bool = False) -> Expression:
        """Return what gives these values: a parameter, or what is computed from parameters.

        is_plain: whether it must be a parameter.
        """
        found = self.known(given, is_plain=is_plain, makes=True)
        return found if found is not None else self.made(argument, given)

    def known(
        self, given: list[object], *, is_plain: bool = False, makes: bool = False
    ) -> Expression | None:
        """Return the same, or None where it would need a parameter that is no variable.

        makes: whether parameters for variables may be made.
        """
        key = tuple(map(literal, given))
        if key in self.names:
            return Name(self.names[key])
        variable = _variable_for(self.bodies, key)
        if variable is not None:
            return self.made(variable, given) if makes else None
        if is_plain:
            return None

        def variable_of(name: str, values: list[object]) -> Expression | None:
            return self.known(values, is_plain=True, makes=makes)

        for name, sizes in _variables(self.bodies).items():
            for factor in self.factors:
                if given == [size * factor for size in sizes]:
                    base = variable_of(name, list(sizes))
                    if base is not None:
                        return Binary("*", base, Literal(factor))
        return self.formulas.find(self.bodies, given, variable_of, self.varied)

    def ordered(self) -> dict[str, list[object]]:
        """Return the parameters: sizes of what is taken, then variables as the spec has them."""
        places = {name: i for i, name in enumerate(self.bodies[0].graph.variables)}
        names = sorted(self.values, key=lambda name: places.get(name, -1))
        return {name: self.values[name] for name in names}

    def made(self, name: str, given: list[object]) -> Name:
        """Return a new parameter, of this name if it is free."""
        number = 1
        unique = name
        while unique in self.values or unique in self.avoided:
            number += 1
            unique = f"{name}_{number}"
        self.names[tuple(map(literal, given))] = unique
        self.values[unique] = given
        return Name(unique)


def unify(
    name: str,
    uses: list[Use],
    avoided: set[str],
    defaults: Mapping[str, Mapping[str, object]],
    formulas: Formulas,
    varied: Collection[str] = (),
) -> tuple[Definition, list[tuple[tuple[str, object], ...]]]:
    """Return one definition for all uses, and the arguments of each.

    varied: variables that some of the uses have alone other than the first.
    """
    parameters = _Parameters(uses, avoided, formulas, varied)
    merging = _Merging(parameters, defaults)
    columns = zip(*(constructions for _, constructions in uses), strict=True)
    constructions = [merging.construction(column) for column in columns]
    found = parameters.ordered()
    definition = Definition(
        name,
        parameters.bodies,
        constructions,
        {key: given[0] for key, given in found.items()},
        {key: tuple(given) for key, given in found.items()},
        parameters.known,
    )
    arguments = [tuple((key, given[i]) for key, given in found.items()) for i in range(len(uses))]
    return definition, arguments


Arguments = tuple[tuple[str, object], ...]


class _Merging:
    """Makes one construction of those of all uses, with parameters where they differ."""

    def __init__(
        self, parameters: _Parameters, defaults: Mapping[str, Mapping[str, object]]
    ) -> None:
        self.parameters = parameters
        self.defaults = defaults

    def construction(self, column: Sequence[Construction | None]) -> Construction | None:
        """Return the construction of one step."""
        present = [construction for construction in column if construction is not None]
        if not present:
            return None
        calls = tuple(
            Call(
                made[0].function,
                self.merged([given.positional for given in made]),
                self.merged(_completed(list(made), self.defaults.get(made[0].function, {}))),
            )
            for made in zip(*(construction.calls for construction in present), strict=True)
        )
        repeats: list[object] = [construction.repeat for construction in present]
        repeat: object = repeats[0]
        if any(count != repeat for count in repeats):
            repeat = self.parameters.get("repeat", repeats)
        laws = tuple(
            Call(
                drawn[0].function,
                self.merged([law.positional for law in drawn]),
                self.merged([law.keywords for law in drawn]),
            )
            for drawn in zip(*(construction.laws for construction in present), strict=True)
        )
        values = tuple(
            (places[0][0], *self.merged([((argument, value),) for _, argument, value in places])[0])
            for places in zip(*(construction.values for construction in present), strict=True)
        )
        return Construction(calls, repeat, laws, values)  # type: ignore[arg-type]

    def merged(self, items: Sequence[Arguments]) -> Arguments:
        """Return the arguments of one call for all uses."""
        result: list[tuple[str, object]] = []
        for column in zip(*items, strict=True):
            argument = column[0][0]
            given = [value for _, value in column]
            is_same = all(value == given[0] for value in given)
            result.append((argument, given[0] if is_same else self.varying(argument, given)))
        return tuple(result)

    def varying(self, argument: str, given: list[object]) -> object:
        """Return one value for those of all uses, which differ."""
        fans = [value for value in given if isinstance(value, Fan)]
        if fans:
            return Fan(None, fans[0].source)
        calls = [value for value in given if isinstance(value, Call)]
        if calls:
            positional = self.merged([made.positional for made in calls])
            keywords = self.merged([made.keywords for made in calls])
            return Call(calls[0].function, positional, keywords)
        series = [value for value in given if isinstance(value, Progression)]
        if not series:
            return self.parameters.get(argument, given)
        first = self.term(argument, [each.first for each in series])
        step = self.term(f"{argument}_step", [each.step for each in series])
        return Progression(first, step, series[0].is_geometric)

    def term(self, argument: str, given: list[object]) -> object:
        """Return the first value, or the step, of progressions."""
        if len(set(given)) == 1:
            return given[0]
        return self.parameters.get(argument, given, is_plain=True)


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
        if given == key and variable.isascii() and variable.isidentifier():
            return variable
    return None
