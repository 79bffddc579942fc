"""Writes one network or block as a function."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from nnspec.emit.body import Step
from nnspec.emit.code import Call, Expr, literal, printed, quoted, wrap
from nnspec.emit.describe import docstring
from nnspec.emit.helpers import Use, names_of
from nnspec.emit.lowering import Lowered
from nnspec.emit.progressions import indexed
from nnspec.emit.statements import Forward, Style, forward_lines
from nnspec.emit.tree import MODULE, Apply, Expression, Inputs, Items, Literal, Name, apply
from nnspec.emit.unify import Construction, Definition
from nnspec.layers.shapes import Shape, TensorType
from nnspec.network.graph import BlockNode, LayerNode
from nnspec.network.layouts import laid_out
from nnspec_keras.freezing import frozen_lines
from nnspec_keras.naming import names_in, with_name

_INDICES = ("i", "j", "k", "index", "repetition")


class Function(NamedTuple):
    """A function of the emitted source, and the names in it, such as `ops.relu`."""

    text: str
    names: set[str]


def network_function(
    definition: Definition, name: str, title: str, taken: Iterable[str]
) -> Function:
    """Return the function that builds the network as a keras.Model."""
    body = definition.body
    writer = _Writer(definition, taken, names_in(definition), is_network=True)
    forward = writer.forward()
    inputs = forward.inputs
    lines = [f"def {name}() -> keras.Model:", *docstring(definition)]
    for value, variable in zip(body.inputs, inputs, strict=True):
        type_ = body.graph.types[value.name]
        shape = laid_out(type_.shape, body.graph.data_format, value.layout)
        lines += wrap(f"{variable} = {_input(value.name, type_, shape)}", 4)
    lines += forward.lines
    given = _one_or_list(inputs)
    result = _one_or_list(list(map(printed, forward.results)))
    model = f"keras.Model({given}, {result}, name={quoted(title)})"
    variable = writer.free("model")
    if frozen := frozen_lines(body.graph, variable, writer.free("layer"), writer.free("variable")):
        lines += [*wrap(f"{variable} = {model}", 4), *frozen, f"    return {variable}"]
    else:
        lines += wrap(f"return {model}", 4)
    return Function("\n".join(lines), writer.used_names())


def block_function(definition: Definition, taken: Iterable[str], names: set[str]) -> Function:
    """Return the function that applies a block to tensors; `names` are those of the network."""
    writer = _Writer(definition, taken, names, is_network=False)
    forward = writer.forward()
    arguments = [*forward.inputs, *definition.parameters, "name"]
    text = "\n".join(
        [
            *wrap(f"def {definition.name}({', '.join(arguments)}):"),
            *docstring(definition),
            *forward.lines,
            *wrap(f"return {', '.join(map(printed, forward.results))}", 4),
        ]
    )
    return Function(text, writer.used_names())


def _input(name: str, type_: TensorType, shape: Shape) -> str:
    sizes = tuple(size if isinstance(size, int) else None for size in shape)
    # Without a dtype it is Keras's floatx, so that the same code runs in float64.
    dtype = "" if type_.dtype == "float32" else f", dtype={quoted(type_.dtype)}"
    return f"keras.Input({literal(sizes)}{dtype}, name={quoted(name)})"


def _one_or_list(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"[{', '.join(values)}]"


class _Writer:
    """Writes the body of one function."""

    def __init__(
        self, definition: Definition, taken: Iterable[str], names: set[str], *, is_network: bool
    ) -> None:
        self.definition = definition
        self.is_network = is_network
        body = definition.body
        self.taken = {*taken, *definition.parameters, "name"}
        values = set(body.graph.types)
        self.index = next(
            name for name in (*_INDICES, "i_") if name not in self.taken and name not in values
        )
        self.loops = [self.loop_variables(i, values) for i in range(len(body.steps))]
        self.values = values
        used = {node.name: node for node in body.graph.nodes}
        owners = {node.owner for node in used.values()}
        owners |= {node.tied for node in used.values() if isinstance(node, LayerNode)}
        self.objects: dict[str, str] = {}
        """Variable of each layer or block that is called, or looked into, more than once."""
        for owner in sorted(owner for owner in owners if owner is not None):
            is_layer = isinstance(used[owner], LayerNode)
            self.objects[owner] = self.free(f"{owner}_{'layer' if is_layer else 'model'}")
            self.taken.add(self.objects[owner])
        self.taken |= {self.index, *(name for loop in self.loops for name in loop.values())}
        self.names = names
        self.body = dataclasses.replace(
            body, steps=[self.prepared(i) for i in range(len(body.steps))]
        )

    def free(self, variable: str) -> str:
        """Return a name like this for a variable that is no value of the network."""
        while variable in self.values or variable in self.taken:
            variable += "_"
        return variable

    def used_names(self) -> set[str]:
        """Return the names in its expressions and constructions."""
        found: set[str] = set()
        lowered = {id(step.lowered): step.lowered for step in self.body.steps if step.lowered}
        for each in lowered.values():
            found |= names_of(Use(each.module, each.forward))
        return found

    def forward(self) -> Forward:
        """Return the lines of the body."""
        style = Style(
            self.module,
            self.loop,
            nest=False,
            taken=frozenset(self.taken),
            owner=self.owner,
            before=self.before,
        )
        return forward_lines(self.body, style, indent=4, name_results=self.is_network)

    def named(self, name: str, index: str | None = None) -> Expr:
        """Return the literal of a path in this function; index: a variable that ends the path."""
        text = quoted(name)[1:-1]
        if index is not None:
            text += f".{{{index}}}"
        if not self.is_network:
            return Expr(f'f"{{name}}.{text}"')
        return Expr(f'"{text}"' if index is None else f'f"{text}"')

    def construction(self, i: int) -> Construction:
        """Return what step i constructs."""
        construction = self.definition.constructions[i]
        assert construction is not None
        return construction

    def module(self, i: int, step: Step) -> Expression:
        """Return the constructor of a layer, or the variable that holds the layer or block."""
        assert step.node is not None
        owner = step.node.owner or step.node.name
        if owner in self.objects and not step.is_activation:
            return Name(self.objects[owner])
        return Literal(self.constructor(i, step))

    def owner(self, step: Step) -> Name:
        """Return the variable of the layer whose weight the step uses in its own operation."""
        assert isinstance(step.node, LayerNode)
        assert step.node.tied is not None
        return Name(self.objects[step.node.tied])

    def before(self, i: int, step: Step, given: list[str]) -> list[str]:
        """Return the lines that make a layer or a block which is called more than once."""
        node = step.node
        if node is None or node.name not in self.objects or step.is_activation:
            return []
        if isinstance(node, BlockNode):
            return self.model(i, node, given)
        return [f"{self.objects[node.name]} = {self.constructor(i, step).render()}"]

    def model(self, i: int, node: BlockNode, given: list[str]) -> list[str]:
        """Return the lines that make a model of a block, for tensors like those given."""
        types = self.body.graph.types
        inputs = [self.free(f"{name}_in") for name in node.bodies[0].inputs]
        layouts = [value.layout for value in self.definition.body.steps[i].inputs]
        lines: list[str] = []
        for variable, like, value in zip(inputs, given, node.inputs, strict=True):
            dtype = types[value].dtype
            kind = "" if dtype == "float32" else f", dtype={quoted(dtype)}"
            shape = f"{like}.shape[1:]"
            if node.general:
                general = list(node.general[0].inputs.values())[len(lines)].shape
                lies = laid_out(general, self.body.graph.data_format, layouts[len(lines)])
                shape = literal(tuple(size if isinstance(size, int) else None for size in lies))
            lines.append(f"{variable} = keras.Input({shape}{kind})")
        name = self.named(node.name)
        if node.is_repeated:
            count = len(node.outputs)
            results = [self.free(f"{name}_out") for name in node.bodies[0].inputs][:count]
            step = self.definition.body.steps[i]
            lines += self.loop(i, step, ", ".join(results), inputs)
            result = _one_or_list(results)
        else:
            made = self.construction(i).calls[0]
            arguments = self.arguments(made, {}, name)
            result = f"{made.function}({', '.join(inputs)}, {arguments})"
        made_of = f"{_one_or_list(inputs)}, {result}, name={name}"
        return [*lines, f"{self.objects[node.name]} = keras.Model({made_of})"]

    def constructor(self, i: int, step: Step) -> Call:
        """Return the call that makes a layer."""
        assert isinstance(step.node, LayerNode)
        made = self.construction(i).calls[0]
        name = step.node.name
        if step.is_activation:
            activation = getattr(step.node.layer, "activation", step.node.layer)
            name += f".{activation.type}"
        keywords = (*made.keywords, ("name", self.named(name)))
        return Call(made.function, made.positional, keywords)

    def prepared(self, i: int) -> Step:
        """Return the step as the shared code writes it: a single block's use as an expression."""
        step = self.definition.body.steps[i]
        node = step.node
        if step.lowered is not None:
            name = step.outputs[0].label(".")
            step = with_name(step, step.lowered, self.names, lambda: self.named(name))
        if isinstance(node, BlockNode) and (node.owner or node.name) in self.objects:
            taken = Inputs() if len(step.inputs) == 1 else Items((Inputs(),), is_list=True)
            step = dataclasses.replace(step, lowered=Lowered(apply(MODULE, taken)))
        elif isinstance(node, BlockNode) and not node.is_repeated:
            made = self.construction(i).calls[0]
            given = (*made.positional, *made.keywords, ("name", self.named(node.name)))
            keywords = tuple((name, Literal(value)) for name, value in given)
            lowered = Lowered(Apply(Name(made.function), (Inputs(),), keywords))
            step = dataclasses.replace(step, lowered=lowered)
        return step

    def arguments(self, made: Call, varying: dict[str, str], name: Expr) -> str:
        """Return a block's arguments after its inputs."""
        given = (*made.positional, *made.keywords)
        texts = [f"{key}={varying.get(key) or literal(value)}" for key, value in given]
        return ", ".join([*texts, f"name={name}"])

    def loop_variables(self, i: int, values: set[str]) -> dict[str, str]:
        """Return argument -> loop variable for what differs between the repetitions."""
        node = self.definition.body.steps[i].node
        if not (isinstance(node, BlockNode) and node.is_repeated and node.owner is None):
            return {}
        calls = self.construction(i).calls
        if len({made.function for made in calls}) > 1:
            return {}
        varying: dict[str, str] = {}
        for column in zip(*(made.positional for made in calls), strict=True):
            key = column[0][0]
            if any(value != column[0][1] for _, value in column):
                name = key
                while name in values or name in self.taken or name == self.index:
                    name += "_"
                varying[key] = name
        return varying

    def loop(self, i: int, step: Step, target: str, given: list[str]) -> list[str]:
        """Return the lines of a repeated block."""
        assert isinstance(step.node, BlockNode)
        construction = self.construction(i)
        calls = construction.calls
        count = len(step.outputs)
        lines = []
        first = ", ".join(given[:count])
        if target != first:
            lines.append(f"{target} = {first}")
        inputs = ", ".join([target, *given[count:]])
        if len({made.function for made in calls}) > 1:
            for number, made in enumerate(calls):
                arguments = self.arguments(made, {}, self.named(f"{step.node.name}.{number}"))
                lines.append(f"{target} = {made.function}({inputs}, {arguments})")
            return lines
        varying = self.loops[i]
        if varying:
            rows = [[dict(made.positional)[key] for key in varying] for made in calls]
            names = list(varying.values())
            if len(names) == 1:
                header = f"{names[0]} in enumerate({literal([row[0] for row in rows])})"
            else:
                table = literal([tuple(row) for row in rows])
                header = f"({', '.join(names)}) in enumerate({table})"
            lines.append(f"for {self.index}, {header}:")
        else:
            times = construction.repeat if construction.repeat is not None else len(calls)
            calls = (indexed(calls[0], self.index),)
            lines.append(f"for {self.index} in range({literal(times)}):")
        name = self.named(step.node.name, self.index)
        lines.append(f"    {target} = {calls[0].function}({inputs}, ")
        lines[-1] += f"{self.arguments(calls[0], varying, name)})"
        return lines
