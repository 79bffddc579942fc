"""From the document to the graph: expressions computed, blocks opened, values wired, shapes known.

Every mistake is collected, each once; what follows only from an earlier mistake is not reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from pydantic import ValidationError

from nnspec.base import is_whole
from nnspec.errors import Mark, Problem, ShapeError, nearest
from nnspec.expressions import ExpressionError, evaluate
from nnspec.graph import BlockNode, Graph, LayerNode, Node
from nnspec.layers import LAYERS
from nnspec.layers.base import Layer
from nnspec.names import problem_with
from nnspec.schema import Block, Call, Model
from nnspec.shapes import Shape, TensorType, product, show
from nnspec.source import Map, Sequence
from nnspec.validation import problems_of

MAX_LAYERS = 200_000
MAX_BLOCK_DEPTH = 32
MAX_ELEMENTS = 2**38
"""Elements of one value or of all parameters: one tebibyte of float32."""

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")


class Scope:
    """Variables by name, some of them expressions in others, each computed when first used."""

    def __init__(
        self, given: Mapping[str, object], outer: Scope | None = None, mark: Mark | None = None
    ) -> None:
        self.given = given
        self.outer = outer
        self.mark = mark
        self.values: dict[str, object] = {}
        self._open: list[str] = []

    def names(self) -> set[str]:
        """Return every name that can be used here."""
        return set(self.given) | (self.outer.names() if self.outer else set())

    def lookup(self, name: str) -> object:
        """Return a variable's value; raises ExpressionError."""
        if name in self.values:
            return self.values[name]
        if name not in self.given:
            if self.outer is not None and name in self.outer.names():
                return self.outer.lookup(name)
            known = nearest(name, self.names())
            raise UndefinedVariableError(f'variable "{name}" is not defined{known}')
        if name in self._open:
            chain = " -> ".join([*self._open[self._open.index(name) :], name])
            raise CircularVariableError(f"variables refer to one another in a circle: {chain}")
        self._open.append(name)
        try:
            value = substitute(self.given[name], self)
        finally:
            self._open.pop()
        self.values[name] = value
        return value


class UndefinedVariableError(ExpressionError):
    """An expression uses a name that no scope has."""


class CircularVariableError(ExpressionError):
    """Variables that are defined by one another."""


_EXPRESSION_CODES: tuple[tuple[type[ExpressionError], str, str], ...] = (
    (UndefinedVariableError, "undefined-variable", "define it under `variables`"),
    (CircularVariableError, "circular-variable", "give one of them a number"),
    (
        ExpressionError,
        "bad-expression",
        "an expression holds numbers, variables, + - * / // % ** and ()",
    ),
)


def substitute(value: object, scope: Scope) -> object:
    """Return `value` with every `${...}` in it computed; raises ExpressionError."""
    if isinstance(value, str):
        if "${" not in value:
            return value
        whole = _PLACEHOLDER.fullmatch(value)
        if whole is not None:
            return evaluate(whole.group(1), scope.lookup)
        text = _PLACEHOLDER.sub(lambda match: _text(evaluate(match[1], scope.lookup)), value)
        if "${" in text:
            raise ExpressionError(f"{value!r} has a ${{ without its }}")
        return text
    if isinstance(value, Map):
        copy = Map((key, substitute(item, scope)) for key, item in value.items())
        copy.mark, copy.marks = value.mark, value.marks
        return copy
    if isinstance(value, Sequence):
        items = Sequence(substitute(item, scope) for item in value)
        items.mark, items.marks = value.mark, value.marks
        return items
    if isinstance(value, dict):
        return {key: substitute(item, scope) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substitute(item, scope) for item in value]
    return value


def _text(value: object) -> str:
    if isinstance(value, Map | Sequence | dict | list):
        raise ExpressionError("a list or a mapping cannot stand inside a text")
    return str(value)


class Report:
    """Collects problems, each place and code once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._seen: set[tuple[str, Mark | None, str]] = set()

    def add(
        self, code: str, message: str, mark: Mark | None, hint: str = "", severity: str = "error"
    ) -> None:
        """Add a problem, unless one of the same code stands at the same place."""
        key = (code, mark, "" if mark is not None else message)
        if key in self._seen:
            return
        self._seen.add(key)
        kind = cast("Any", severity)
        self.problems.append(Problem(code, message, hint, mark, kind))

    def compute(self, value: object, scope: Scope, mark: Mark | None) -> tuple[object, bool]:
        """Return `value` with expressions computed, and whether that went well."""
        try:
            return substitute(value, scope), True
        except ExpressionError as error:
            for kind, code, hint in _EXPRESSION_CODES:
                if isinstance(error, kind):
                    self.add(code, str(error), mark, hint)
                    break
            return None, False


def resolve(model: Model, report: Report) -> Graph | None:
    """Return the graph of a document, or None where `report` has got errors."""
    resolver = _Resolver(model, report)
    types: dict[str, TensorType] = {}
    for name, given in model.inputs.items():
        types[name] = TensorType(tuple(given.shape), given.dtype)
    scope = Scope(model.variables)
    body = Block(layers=model.layers, inputs=tuple(types), outputs=model.outputs)
    graph = resolver.body(model.name, body, types, scope, ())
    if graph is not None and not report.problems:
        resolver.check_size(graph)
    return graph if not report.problems else None


class _Resolver:
    def __init__(self, model: Model, report: Report) -> None:
        self.model = model
        self.report = report
        self.layers = 0
        self.bodies: dict[object, Graph | None] = {}

    def check_size(self, graph: Graph) -> None:
        """Refuse a network whose parameters would not fit in a tebibyte."""
        total = 0
        for at in graph.walk():
            for parameter in at.parameters():
                total += cast("int", product(parameter.shape))
            if total > MAX_ELEMENTS:
                self.report.add(
                    "too-large",
                    f'the parameters up to layer "{at.path}" hold {total:,} numbers; '
                    f"at most {MAX_ELEMENTS:,} are allowed",
                    at.node.mark,
                    "use smaller sizes",
                )
                return

    def body(
        self,
        name: str,
        block: Block,
        types: dict[str, TensorType],
        scope: Scope,
        chain: tuple[str, ...],
    ) -> Graph | None:
        """Return the body of a block (or the whole network) for inputs of these types."""
        steps = _Body(self, block, types, scope, chain).run()
        if steps is None:
            return None
        nodes, outputs, all_types = steps
        values = dict(scope.values)
        return Graph(name, self.model.data_format, types, nodes, outputs, all_types, values)

    def block_body(
        self,
        name: str,
        arguments: dict[str, object],
        types: tuple[TensorType, ...],
        scope: Scope,
        chain: tuple[str, ...],
        mark: Mark | None,
    ) -> Graph | None:
        """Return the body of a block's use; equal uses share one object."""
        key = (name, repr(sorted(arguments.items())), types)
        if key in self.bodies:
            return self.bodies[key]
        block = self.model.blocks[name]
        inner = Scope({**block.variables, **arguments}, scope, mark)
        for variable in inner.given:
            place = marks_of(block.variables, variable)
            _, fine = self.report.compute(f"${{{variable}}}", inner, place or mark)
            if not fine:
                self.bodies[key] = None
                return None
        graph = self.body(
            name, block, dict(zip(block.inputs, types, strict=True)), inner, (*chain, name)
        )
        self.bodies[key] = graph
        return graph


def marks_of(mapping: object, key: str) -> Mark | None:
    """Return where the value of `key` stands, if the mapping came from a file."""
    if isinstance(mapping, Map) and key in mapping.marks:
        return mapping.marks[key][1]
    return None


class _Entry:
    """One item of `layers`: what it is called, what it takes, and what it holds."""

    __slots__ = ("call", "inputs", "layer", "mark", "name", "place", "type")

    def __init__(self) -> None:
        self.layer: Layer | None = None
        self.call: Call | None = None
        self.name = ""
        self.type = ""
        self.inputs: tuple[str, ...] | None = None
        self.mark: Mark | None = None
        self.place: Callable[[str, int | None], Mark | None] = lambda key, index=None: None


class _Body:
    """Resolves the entries of one body."""

    def __init__(
        self,
        resolver: _Resolver,
        block: Block,
        types: dict[str, TensorType],
        scope: Scope,
        chain: tuple[str, ...],
    ) -> None:
        self.resolver = resolver
        self.report = resolver.report
        self.model = resolver.model
        self.block = block
        self.scope = scope
        self.chain = chain
        self.inputs = types
        self.types: dict[str, TensorType | None] = dict(types)
        self.origins: dict[str, Mark | None] = {}
        self.used: set[str] = set()

    def run(self) -> tuple[tuple[Node, ...], tuple[str, ...], dict[str, TensorType]] | None:
        before = len(self.report.problems)
        entries = self.read()
        if entries is None:
            return None
        by_name = self.name(entries)
        self.wire(entries, by_name)
        ordered = self.order(entries, by_name)
        if ordered is None:
            return None
        nodes: list[Node] = []
        for entry in ordered:
            node = self.node(entry)
            if node is not None:
                nodes.append(node)
        outputs = self.outputs(entries, by_name)
        self.check_use(entries, outputs)
        if len(self.report.problems) > before or outputs is None:
            return None
        types = {name: kind for name, kind in self.types.items() if kind is not None}
        if len(types) < len(self.types):
            return None
        return tuple(nodes), outputs, types

    # Reading

    def read(self) -> list[_Entry] | None:
        entries: list[_Entry] = []
        layers = self.block.layers
        marks = layers.marks if isinstance(layers, Sequence) else None
        fine = True
        for i, given in enumerate(layers):
            self.resolver.layers += 1
            if self.resolver.layers > MAX_LAYERS:
                mark = marks[i] if marks else None
                self.report.add(
                    "too-large",
                    f"the network has more than {MAX_LAYERS:,} layers once its blocks are opened",
                    mark,
                    "use fewer repetitions",
                )
                return None
            entry = self.entry(given, marks[i] if marks else None)
            if entry is None:
                fine = False
            else:
                entries.append(entry)
        if not layers and fine:
            self.report.add("missing-argument", "`layers` is empty", None, "add a layer")
            return None
        return entries if fine else None

    def entry(self, given: object, mark: Mark | None) -> _Entry | None:
        entry = _Entry()
        entry.mark = mark
        if isinstance(given, Layer):
            entry.layer = given
            entry.type, entry.inputs = given.type, given.inputs
            entry.name = given.name or ""
            return entry
        if isinstance(given, Call):
            given = {key: value for key, value in given if value is not None}
        if not isinstance(given, dict):
            self.report.add(
                "wrong-type",
                f"a layer is a mapping such as {{type: relu}}, and here is {_shown(given)}",
                mark,
                f"write {{type: {given}}}" if isinstance(given, str) else "",
            )
            return None
        if isinstance(given, Map):
            marks = given.marks
            if "type" in marks:
                entry.mark = marks["type"][1]

            def place(key: str, index: int | None = None) -> Mark | None:
                if key not in marks:
                    return entry.mark
                value = given[key]
                if index is not None and isinstance(value, Sequence):
                    return value.marks[index]
                return marks[key][1]

            entry.place = place
        kind = given.get("type")
        if not isinstance(kind, str):
            if kind is None:
                known = f"one of {', '.join(sorted(LAYERS)[:4])}, ..."
                self.report.add("missing-argument", "the layer has no `type`", entry.mark, known)
            else:
                message = f"`type` is {_shown(kind)}, and the name of a layer is expected"
                self.report.add("wrong-type", message, entry.mark)
            return None
        if kind in self.model.blocks:
            return self.read_call(entry, kind, given)
        layer_class = LAYERS.get(kind)
        if layer_class is None:
            known = nearest(kind, [*LAYERS, *self.model.blocks])
            self.report.add(
                "unknown-layer",
                f'no layer type "{kind}"{known}',
                entry.mark,
                "" if known else "`nnspec schema` lists the layers; a block is defined in `blocks`",
            )
            return None
        if "repeat" in given:
            self.report.add(
                "unknown-key",
                f"`repeat` belongs to the use of a block, and {kind} is a layer",
                entry.place("repeat"),
                "put the layer into a block, and repeat the block",
            )
            return None
        values = self.computed(entry, given)
        if values is None:
            return None
        try:
            layer = layer_class.model_validate(values)
        except ValidationError as error:
            for problem in problems_of(error, values, layer_class, f'"{kind}"', entry.mark):
                self.report.add(problem.code, problem.message, problem.mark, problem.hint)
            return None
        entry.layer, entry.type = layer, kind
        entry.name, entry.inputs = layer.name or "", layer.inputs
        return entry

    def read_call(self, entry: _Entry, kind: str, given: dict[str, object]) -> _Entry | None:
        entry.type = kind
        block = self.model.blocks[kind]
        known = set(block.variables)
        fine = True
        for key in given:
            if key not in known and key not in Call.model_fields:
                self.report.add(
                    "unknown-key",
                    f'block "{kind}" has no variable "{key}"'
                    f"{nearest(key, [*known, 'name', 'inputs', 'repeat'])}",
                    given.marks[key][0] if isinstance(given, Map) else None,
                    f"its variables: {', '.join(sorted(known)) or 'none'}",
                )
                fine = False
        fixed = {key: given[key] for key in ("name", "inputs", "repeat") if key in given}
        values = self.computed(entry, fixed)
        if values is None or not fine:
            return None
        repeat = values.get("repeat")
        if repeat is not None and (not is_whole(repeat) or repeat < 1):
            self.report.add(
                "wrong-type" if not is_whole(repeat) else "bad-size",
                f"`repeat` is {_shown(repeat)}, and a whole number of at least 1 is expected",
                entry.place("repeat"),
            )
            return None
        arguments = {key: value for key, value in given.items() if key in known}
        try:
            entry.call = Call.model_validate({**arguments, **values, "type": kind})
        except ValidationError as error:
            located = {**given, **values}
            if isinstance(given, Map):
                copy = Map(located)
                copy.mark, copy.marks = given.mark, given.marks
                located = copy
            for problem in problems_of(error, located, Call, f'"{kind}"', entry.mark):
                self.report.add(problem.code, problem.message, problem.mark, problem.hint)
            return None
        entry.name, entry.inputs = entry.call.name or "", entry.call.inputs
        return entry

    def computed(self, entry: _Entry, given: dict[str, Any]) -> dict[str, Any] | None:
        """Return the entry with its expressions computed, or None after a report."""
        for value in given.values():
            if type(value) is not int and (type(value) is not str or "${" in value):
                break
        else:
            return given
        copy = Map() if isinstance(given, Map) else {}
        fine = True
        for key, value in given.items():
            copy[key], went_well = self.report.compute(value, self.scope, entry.place(key, None))
            fine = fine and went_well
        if isinstance(given, Map):
            assert isinstance(copy, Map)
            copy.mark, copy.marks = given.mark, given.marks
        return copy if fine else None

    # Naming and wiring

    def name(self, entries: list[_Entry]) -> dict[str, _Entry]:
        by_name: dict[str, _Entry] = {}
        counts: dict[str, int] = {}
        given = {entry.name for entry in entries if entry.name}
        for entry in entries:
            if not entry.name:
                while True:
                    counts[entry.type] = counts.get(entry.type, 0) + 1
                    entry.name = f"{entry.type}_{counts[entry.type]}"
                    if entry.name not in given and entry.name not in self.inputs:
                        break
                by_name[entry.name] = entry
                continue
            code, message, hint = problem_with(entry.name, "layer")
            place = entry.place("name", None)
            if code:
                self.report.add(code, message, place, hint)
            if entry.name in by_name or entry.name in self.inputs:
                what = "an input" if entry.name in self.inputs else "another layer"
                self.report.add(
                    "duplicate-name",
                    f'the name "{entry.name}" belongs to {what} already',
                    place,
                    "give each its own name",
                )
            by_name[entry.name] = entry
        return by_name

    def wire(self, entries: list[_Entry], by_name: dict[str, _Entry]) -> None:
        previous: str | None = next(iter(self.inputs)) if len(self.inputs) == 1 else None
        for entry in entries:
            if entry.inputs is None:
                if previous is None:
                    self.report.add(
                        "missing-input",
                        f"the first layer must say which of the inputs {_listed(self.inputs)} "
                        "it takes",
                        entry.mark,
                        f"add inputs: [{next(iter(self.inputs))}]",
                    )
                    entry.inputs = ()
                else:
                    entry.inputs = (previous,)
            else:
                for i, name in enumerate(entry.inputs):
                    if name not in by_name and name not in self.inputs:
                        self.report.add(
                            "unknown-input",
                            f'no input or layer is called "{name}"'
                            f"{nearest(name, [*by_name, *self.inputs])}",
                            entry.place("inputs", i),
                            ""
                            if nearest(name, [*by_name, *self.inputs])
                            else "give the layer that is meant a `name`",
                        )
                        entry.inputs = tuple(n for n in entry.inputs if n != name) or ()
                        self.types[entry.name] = None
            self.used.update(entry.inputs)
            previous = entry.name

    def order(self, entries: list[_Entry], by_name: dict[str, _Entry]) -> list[_Entry] | None:
        """Return the entries so that each follows what it needs; as listed where possible."""
        done = set(self.inputs)
        in_order = True
        for entry in entries:
            if not done.issuperset(entry.inputs or ()):
                in_order = False
                break
            done.add(entry.name)
        if in_order:
            return entries
        waiting: dict[str, int] = {}
        followers: dict[str, list[_Entry]] = {}
        ready: list[_Entry] = []
        for entry in reversed(entries):
            needs = {name for name in entry.inputs or () if name in by_name}
            waiting[entry.name] = len(needs)
            for name in needs:
                followers.setdefault(name, []).append(entry)
            if not needs:
                ready.append(entry)
        ordered: list[_Entry] = []
        while ready:
            entry = ready.pop()
            ordered.append(entry)
            for follower in followers.get(entry.name, []):
                waiting[follower.name] -= 1
                if waiting[follower.name] == 0:
                    ready.append(follower)
        if len(ordered) == len(entries):
            return ordered
        left = {entry.name: entry for entry in entries if waiting.get(entry.name, 0) > 0}
        cycle = _cycle(left)
        entry = left[cycle[0]]
        self.report.add(
            "cycle",
            f"layers take one another's outputs in a circle: {' -> '.join([*cycle, cycle[0]])}",
            entry.place("inputs", None),
            "a network is computed from its inputs to its outputs; remove one of these links",
        )
        return None

    # Types

    def node(self, entry: _Entry) -> Node | None:
        assert entry.inputs is not None
        kinds = [self.types[name] for name in entry.inputs]
        if entry.name in self.types or any(kind is None for kind in kinds):
            self.types[entry.name] = None
            return None
        types = tuple(kind for kind in kinds if kind is not None)
        self.types[entry.name] = None
        self.origins[entry.name] = entry.mark
        if entry.layer is not None:
            return self.layer_node(entry, entry.layer, types)
        assert entry.call is not None
        return self.block_node(entry, entry.call, types)

    def layer_node(
        self, entry: _Entry, layer: Layer, types: tuple[TensorType, ...]
    ) -> LayerNode | None:
        least, most = layer.arity
        if len(types) < least or (most is not None and len(types) > most):
            self.wrong_number(entry, layer.type, least, most, len(types))
            return None
        shapes = tuple(kind.shape for kind in types)
        try:
            outputs = layer.infer_shape(shapes, self.model.data_format)
            activation = getattr(layer, "activation", None)
            if activation is not None:
                outputs = activation.infer_shape(outputs, self.model.data_format)
            dtypes = layer.infer_dtype(tuple(kind.dtype for kind in types))
        except ShapeError as error:
            sources = ", ".join(self.described(name) for name in entry.inputs or ())
            self.report.add(
                error.code,
                f'layer "{entry.name}": {error.message}; {sources}',
                entry.mark,
                error.hint,
            )
            return None
        for shape in outputs:
            self.check_value(entry, shape)
        names = _output_names(entry.name, len(outputs))
        for name, shape, dtype in zip(names, outputs, dtypes, strict=True):
            self.types[name] = TensorType(shape, dtype)
        return LayerNode(entry.name, layer, entry.inputs or (), names, entry.mark)

    def block_node(
        self, entry: _Entry, call: Call, types: tuple[TensorType, ...]
    ) -> BlockNode | None:
        block = self.model.blocks[call.type]
        if call.type in self.chain or len(self.chain) >= MAX_BLOCK_DEPTH:
            path = " -> ".join([*self.chain, call.type])
            self.report.add(
                "block-recursion",
                f'block "{call.type}" uses itself: {path}',
                entry.mark,
                "a block may use other blocks, not itself; for depth use `repeat`",
            )
            return None
        if len(types) != len(block.inputs):
            self.wrong_number(entry, call.type, len(block.inputs), len(block.inputs), len(types))
            return None
        given = dict(call.model_extra or {})
        repeat = call.repeat if isinstance(call.repeat, int) else 1
        bodies: list[Graph] = []
        for i in range(repeat):
            scope = self.scope
            if call.repeat is not None:
                scope = Scope({"index": i}, self.scope)
            arguments: dict[str, object] = {}
            for key, value in given.items():
                arguments[key], fine = self.report.compute(value, scope, entry.place(key, None))
                if not fine:
                    return None
            body = self.resolver.block_body(
                call.type, arguments, types, self.global_scope(), self.chain, entry.mark
            )
            if body is None:
                return None
            bodies.append(body)
            given_types = tuple(body.types[name] for name in body.outputs)
            if i + 1 < repeat and len(given_types) > len(types):
                self.report.add(
                    "shape-mismatch",
                    f'block "{call.type}" gives {len(given_types)} values and takes {len(types)}, '
                    "so that it cannot be repeated",
                    entry.mark,
                )
                return None
            types = (*given_types, *types[len(given_types) :])
        self.resolver.layers += sum(len(body.nodes) for body in bodies[1:])
        outputs = tuple(bodies[-1].types[name] for name in bodies[-1].outputs)
        names = _output_names(entry.name, len(outputs))
        self.types.pop(entry.name, None)
        self.types.update(zip(names, outputs, strict=True))
        is_repeated = call.repeat is not None
        inputs = entry.inputs or ()
        return BlockNode(
            entry.name, call.type, tuple(bodies), is_repeated, inputs, names, entry.mark
        )

    def global_scope(self) -> Scope:
        """Return the scope of the spec's own variables, which every block sees."""
        scope = self.scope
        while scope.outer is not None:
            scope = scope.outer
        return scope

    def wrong_number(
        self, entry: _Entry, kind: str, least: int, most: int | None, got: int
    ) -> None:
        wanted = f"{least}" if most == least else f"at least {least}"
        noun = "input" if wanted == "1" else "inputs"
        self.report.add(
            "wrong-number-of-inputs",
            f'{kind} "{entry.name}" takes {wanted} {noun}, and got {got}'
            f"{': ' + _listed(entry.inputs or ()) if entry.inputs else ''}",
            entry.place("inputs", None),
            "name them: inputs: [a, b]" if got < least else "remove the surplus ones",
        )

    def check_value(self, entry: _Entry, shape: Shape) -> None:
        if (product(shape) or 0) > MAX_ELEMENTS:
            self.report.add(
                "too-large",
                f'layer "{entry.name}" gives {show(shape)}: {product(shape):,} numbers a row; '
                f"at most {MAX_ELEMENTS:,} are allowed",
                entry.mark,
                "use smaller sizes",
            )

    def described(self, name: str) -> str:
        kind = self.types[name]
        assert kind is not None
        if name in self.inputs:
            return f'input "{name}" is {show(kind.shape)}'
        mark = self.origins.get(name)
        place = f" (line {mark.line + 1})" if mark is not None else ""
        return f'"{name}"{place} gives {show(kind.shape)}'

    # Outputs

    def outputs(self, entries: list[_Entry], by_name: dict[str, _Entry]) -> tuple[str, ...] | None:
        given = self.block.outputs
        if given is None:
            return (entries[-1].name,)
        fine = True
        if not given:
            self.report.add("missing-argument", "`outputs` is empty", None, "name a layer")
            return None
        for i, name in enumerate(given):
            if name not in by_name or name in given[:i]:
                mark = None
                if isinstance(given, Sequence):
                    mark = given.marks[i]
                problem = (
                    f'output "{name}" is given twice'
                    if name in by_name
                    else f'output "{name}" is no layer{nearest(name, by_name)}'
                )
                self.report.add("unknown-output", problem, mark, "name a layer")
                fine = False
        return tuple(given) if fine else None

    def check_use(self, entries: list[_Entry], outputs: tuple[str, ...] | None) -> None:
        if outputs is None:
            return
        for entry in entries:
            if entry.name not in self.used and entry.name not in outputs:
                self.report.add(
                    "unused-layer",
                    f'nothing takes what layer "{entry.name}" gives',
                    entry.mark,
                    "use it as an input, list it in `outputs`, or remove it",
                )
        for name in self.inputs:
            if name not in self.used:
                mark = marks_of(self.model.inputs, name) if not self.chain else None
                self.report.add(
                    "unused-input",
                    f'no layer takes the input "{name}"',
                    mark,
                    "use it, or remove it",
                )


def _output_names(name: str, number: int) -> tuple[str, ...]:
    return (name, *(f"{name}.{i}" for i in range(1, number)))


def _cycle(left: dict[str, _Entry]) -> list[str]:
    """Return the names of one circle among entries that all wait for one another."""
    path: list[str] = []
    name = next(iter(left))
    while name not in path:
        path.append(name)
        name = next(needed for needed in left[name].inputs or () if needed in left)
    return path[path.index(name) :][::-1]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _shown(value: object) -> str:
    text = repr(dict(value) if isinstance(value, Map) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
