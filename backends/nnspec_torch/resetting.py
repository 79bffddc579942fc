"""First values of the parameters: `reset_parameters` of an emitted class.

Each class draws those of its own layers; a block that it holds draws its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nnspec.emit.code import Call, printed, wrap
from nnspec.emit.lowering import Fan
from nnspec.emit.tree import (
    Attribute,
    Expression,
    Input,
    Module,
    Name,
    X,
    replaced,
    walk,
)
from nnspec.emit.unify import Definition
from nnspec_torch.initial import COPY, RECURRENT, owner_class
from nnspec_torch.naming import attribute

_FEW = 4
"""Layers that a loop names one by one."""


class _Kind(NamedTuple):
    """The drawing of an object's parameters: for each its statements, but for the object's path."""

    is_recurrent: bool
    can_lack_bias: bool
    drawings: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(slots=True)
class _Owner:
    """An object of the class, and by the names of its parameters what draws them.

    In a drawing, Module is the object and Input(0) the parameter.
    """

    path: str
    function: str
    drawings: dict[str, list[Call]] = field(default_factory=dict)

    @property
    def can_lack_bias(self) -> bool:
        """Whether a bias that nothing draws is one that the object does not have."""
        return self.path.count(".") == 1 and self.function.startswith(("nn.Linear", "nn.Conv"))

    @property
    def kind(self) -> _Kind:
        """The drawing of its parameters."""
        drawings = {
            name: tuple(_written(self.statements(name, "", "", general=True)))
            for name in self.drawings
        }
        return _Kind(
            self.function in RECURRENT, self.can_lack_bias, tuple(sorted(drawings.items()))
        )

    def statements(self, name: str, layer: str, tensor: str, *, general: bool) -> list[Call]:
        """Return what draws a parameter; `general` takes fans from the object."""

        def bind(part: Expression) -> Expression | None:
            if isinstance(part, Module):
                return Name(layer)
            return Name(tensor) if isinstance(part, Input) else None

        def bound(arguments: tuple[tuple[str, object], ...]) -> tuple[tuple[str, object], ...]:
            given = ((key, _fan(value, general=general)) for key, value in arguments)
            return tuple(
                (key, replaced(value, bind) if isinstance(value, Expression) else value)
                for key, value in given
            )

        return [
            Call(law.function, bound(law.positional), bound(law.keywords))
            for law in self.drawings.get(name, ())
        ]


def _fan(value: object, *, general: bool) -> object:
    if not isinstance(value, Fan):
        return value
    return value.source if general or value.size is None else value.size


def reset_parameters(definition: Definition) -> tuple[list[str], list[str]]:
    """Return the body of the method, and its arguments; nothing where it draws nothing."""
    owners = list(_owners(definition))
    given = {
        part.name
        for owner in owners
        for drawings in owner.drawings.values()
        for law in drawings
        for _, value in (*law.positional[1:], *law.keywords)
        if isinstance(value, Expression)
        for part in walk(value)
        if isinstance(part, Name)
    }
    writer = _Writer(definition, owners)
    lines = [line for group in _groups(owners) for line in writer.group(group)]
    return lines, [name for name in definition.parameters if name in given]


def _owners(definition: Definition) -> Iterator[_Owner]:
    for step, construction in zip(definition.body.steps, definition.constructions, strict=True):
        if construction is None or step.is_activation:
            continue
        assert step.node is not None
        found: dict[str, _Owner] = {}
        for law in construction.laws:
            path, drawing = _of_tensor(law)
            part, _, name = path.rpartition(".")
            function = owner_class(construction.calls[0].function, part)
            owner = _Owner(
                ".".join(filter(None, ("self", attribute(step.node.name), part))), function
            )
            found.setdefault(part, owner).drawings.setdefault(name, []).append(drawing)
        yield from found.values()


def _of_tensor(law: Call) -> tuple[str, Call]:
    """Return the path of the parameter that the law names, and the law with Input(0) for it."""
    (argument, target), *others = law.positional
    assert isinstance(target, Expression)
    own = next(part for part in walk(target) if isinstance(part, Name) and part.name != COPY)
    view = replaced(target, lambda part: X if part == own else None)
    return own.name, Call(law.function, ((argument, view), *others), law.keywords)


def _groups(owners: Sequence[_Owner]) -> list[list[_Owner]]:
    """Return the objects whose parameters are drawn alike, a bias left out where there is none."""
    groups: list[list[_Owner]] = []
    kinds: list[set[_Kind]] = []
    for owner in owners:
        kind = owner.kind
        for group, known in zip(groups, kinds, strict=True):
            # Objects of one kind are alike, and a network of thousands has few kinds.
            if kind in known or all(_are_alike(kind, other) for other in known):
                group.append(owner)
                known.add(kind)
                break
        else:
            groups.append([owner])
            kinds.append({kind})
    return groups


def _are_alike(one: _Kind, other: _Kind) -> bool:
    if one.is_recurrent != other.is_recurrent:
        return False
    mine, others = dict(one.drawings), dict(other.drawings)
    if one.is_recurrent and mine.keys() != others.keys():
        return False
    if ("weight" in mine) != ("weight" in others):
        return False
    if ("bias" in mine) != ("bias" in others) and not (one.can_lack_bias and other.can_lack_bias):
        return False
    return all(mine[name] == others[name] for name in mine.keys() & others.keys())


def _written(statements: Sequence[Call]) -> list[str]:
    return [made.render() for made in statements]


class _Writer:
    """Writes the groups of one class."""

    def __init__(self, definition: Definition, owners: Sequence[_Owner]) -> None:
        self.owners = owners
        self.variables = set(definition.parameters)
        self.functions: dict[str, str] = {}
        """Class of each layer of the network's own, by its path."""
        for step, made in zip(definition.body.steps, definition.constructions, strict=True):
            if made is not None and step.node is not None and not step.is_activation:
                self.functions[f"self.{attribute(step.node.name)}"] = made.calls[0].function

    def group(self, group: list[_Owner]) -> Iterator[str]:
        """Yield the lines that draw the parameters of these objects."""
        if len(group) == 1:
            yield from self.drawn(group, group[0].path, 8)
            return
        functions = sorted({owner.function for owner in group})
        variable = self.variable(functions)
        if len(group) > _FEW and self.are_all(functions, group):
            yield f"        for {variable} in self.children():"
            yield from wrap(f"if isinstance({variable}, {' | '.join(functions)}):", 12)
            yield from self.drawn(group, variable, 16)
            return
        paths = ", ".join(owner.path for owner in group)
        yield from wrap(f"for {variable} in ({paths}):", 8)
        yield from self.drawn(group, variable, 12)

    def variable(self, functions: list[str]) -> str:
        """Return the name of a loop's variable; each loop has another, for type checkers."""
        name = "layer"
        if len(functions) == 1:
            name = next((n for f, n in _NOUNS.items() if functions[0].startswith(f)), name)
        unique, number = name, 1
        while unique in self.variables:
            number += 1
            unique = f"{name}_{number}"
        self.variables.add(unique)
        return unique

    def are_all(self, functions: list[str], group: list[_Owner]) -> bool:
        """Whether the group are all layers of these classes that the class has."""
        paths = {path for path, function in self.functions.items() if function in functions}
        return paths == {owner.path for owner in group}

    def drawn(self, group: list[_Owner], layer: str, indent: int) -> Iterator[str]:
        """Yield the lines that draw the parameters of the object that is called `layer`."""
        if group[0].function in RECURRENT:
            yield from self.recurrent(group, layer, indent)
            return
        for name in sorted({name for owner in group for name in owner.drawings}, reverse=True):
            tensor = f"{layer}.{name}"
            lines = [
                line
                for made in _alike(group, name, layer, tensor)
                for line in (self.assigned(made, tensor) if _is_copied(made) else [made.render()])
            ]
            if name == "bias" and _may_lack_bias(group):
                yield from wrap(f"if {tensor} is not None:", indent)
                yield from (part for line in lines for part in wrap(line, indent + 4))
            else:
                yield from (part for line in lines for part in wrap(line, indent))

    def assigned(self, made: Call, tensor: str) -> Iterator[str]:
        """Yield what draws a tensor and gives it to a weight that is computed."""
        if made.function.startswith("nn.init."):
            yield f"{tensor} = {made.render()}"
            return
        variable = "weight"
        while variable in self.variables:
            variable += "_"
        (argument, copy), *others = made.positional
        assert isinstance(copy, Expression)
        yield f"{variable} = {printed(copy)}"
        given = ((argument, Name(variable)), *others)
        yield Call(made.function, given, made.keywords).render()
        yield f"{tensor} = {variable}"

    def recurrent(self, group: list[_Owner], layer: str, indent: int) -> Iterator[str]:
        """Yield the lines for the parameters of recurrent layers, in both directions."""
        pad = " " * indent
        yield from wrap(f"for name, parameter in {layer}.named_parameters():", indent)
        drawn = {name: _alike(group, name, layer, "parameter") for name in group[0].drawings}
        forget = _written([made for made in drawn.get("bias_ih", ()) if _is_forget_gate(made)])
        cases = {
            name: _written([made for made in statements if not _is_forget_gate(made)])
            for name, statements in drawn.items()
        }
        for kind in ("weight", "bias"):
            pair = [cases.get(f"{kind}_{end}") for end in ("ih", "hh")]
            if pair[0] is not None and pair[0] == pair[1]:
                cases = {
                    key.partition("_")[0] if key.startswith(kind) else key: lines
                    for key, lines in cases.items()
                }
        for i, (name, lines) in enumerate(cases.items()):
            is_last = i and i + 1 == len(cases)
            condition = "else:" if is_last else f'if name.startswith("{name}"):'
            yield f"{pad}    {'el' if i and not is_last else ''}{condition}"
            yield from (part for line in lines for part in wrap(line, indent + 8))
        for line in forget:
            yield f'{pad}    if name.startswith("bias_ih"):'
            yield f"{pad}        {line}  # the forget gate"


def _is_forget_gate(made: Call) -> bool:
    """Whether the statement draws one gate's part of a bias."""
    target = made.positional[0][1]
    assert isinstance(target, Expression)
    return any(isinstance(part, Attribute) and part.name == "chunk" for part in walk(target))


def _is_copied(made: Call) -> bool:
    """Whether the statement draws a tensor that is then assigned."""
    target = made.positional[0][1]
    assert isinstance(target, Expression)
    return Name(COPY) in walk(target)


def _alike(group: list[_Owner], name: str, layer: str, tensor: str) -> list[Call]:
    """Return the statements that draw this parameter of each object of the group."""
    having = [owner for owner in group if name in owner.drawings]
    special = [owner.statements(name, layer, tensor, general=False) for owner in having]
    if all(_written(each) == _written(special[0]) for each in special):
        return special[0]
    return having[0].statements(name, layer, tensor, general=True)


def _may_lack_bias(group: list[_Owner]) -> bool:
    """Whether a type checker, or a layer without one, asks for a look before the bias is used."""
    return any(
        owner.function.startswith("nn.Conv") or "bias" not in owner.drawings for owner in group
    )


_NOUNS = {
    "nn.Linear": "linear",
    "nn.Conv": "conv",
    "nn.Embedding": "embedding",
    **dict.fromkeys(RECURRENT, "recurrent"),
}
