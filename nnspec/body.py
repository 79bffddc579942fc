"""Resolves one body: the layers of the whole network, or of one use of a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnspec.entries import Entry
from nnspec.errors import Mark, ShapeError, nearest
from nnspec.graph import BlockNode, Graph, LayerNode, Node
from nnspec.layers.base import Layer
from nnspec.schema import Block, Call
from nnspec.scope import Scope, compute
from nnspec.shapes import TensorType, product, show
from nnspec.source import Map, Sequence
from nnspec.wiring import base_of, listed, name_entries, order, output_names, wire

if TYPE_CHECKING:
    from nnspec.resolve import Resolver

MAX_LAYERS = 200_000
MAX_BLOCK_DEPTH = 32
MAX_WORK = 2_000_000
"""Values that blocks may be given in all, each counted anew in every repetition."""
MAX_ELEMENTS = 2**38
"""Elements of one value or of all parameters: one tebibyte of float32."""

Types = Mapping[str, TensorType | None]


class Body:
    """Resolves the entries of one body."""

    def __init__(
        self,
        resolver: Resolver,
        block: Block,
        types: Types,
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
        self.nodes: dict[str, LayerNode] = {}
        self.by_name: dict[str, Entry] = {}
        self.origins: dict[str, Mark | None] = {}

    def run(self) -> tuple[tuple[Node, ...], tuple[str, ...], dict[str, TensorType]] | None:
        before = len(self.report.problems)
        entries = self.read()
        if entries is None:
            return None
        by_name = name_entries(entries, self.inputs.keys(), self.report)
        self.by_name = by_name
        used, broken = wire(entries, by_name, self.inputs.keys(), self.report)
        for name in broken:
            self.types[name] = None
        ordered = order(entries, by_name, self.inputs.keys(), self.report)
        nodes = [] if ordered is None else [self.node(entry) for entry in ordered]
        outputs = self.outputs(entries, by_name)
        if outputs is not None and not any(entry.unknown_inputs for entry in entries):
            self.check_use(entries, used.union(map(base_of, outputs)))
        if len(self.report.problems) > before or outputs is None or None in nodes:
            return None
        types = {name: kind for name, kind in self.types.items() if kind is not None}
        if len(types) < len(self.types):
            return None
        return tuple(node for node in nodes if node is not None), outputs, types

    def read(self) -> list[Entry] | None:
        layers: Any = self.block.layers
        if not layers:
            mark = layers.mark if isinstance(layers, Sequence) else None
            self.report.add("missing-argument", "`layers` is empty", mark, "add a layer")
            return None
        self.resolver.read += len(layers)
        if self.resolver.read > MAX_LAYERS:
            self.too_many(None)
            return None
        marks = layers.marks if isinstance(layers, Sequence) else [None] * len(layers)
        read, scope = self.resolver.reader.read, self.scope
        return [read(given, mark, scope) for given, mark in zip(layers, marks, strict=True)]

    def too_many(self, mark: Mark | None) -> None:
        self.report.add(
            "too-large",
            f"the network has more than {MAX_LAYERS:,} layers once its blocks are opened",
            mark,
            "use fewer repetitions",
        )

    # Types

    def node(self, entry: Entry) -> Node | None:
        if entry.call is not None:
            self.resolver.used.add(entry.type)
        types: list[TensorType] = []
        is_known = entry.name not in self.types and (entry.layer or entry.call) is not None
        for i, name in enumerate(entry.inputs or ()):
            if name not in self.types and self.types.get(base_of(name)) is not None:
                self.wrong_output(entry, name, i)
            kind = self.types.get(name)
            if kind is None:
                is_known = False
            else:
                types.append(kind)
        # Stays so when a mistake keeps the type from being known.
        self.types[entry.name] = None
        if not is_known:
            return None
        self.origins[entry.name] = entry.mark
        if entry.layer is not None:
            return self.layer_node(entry, entry.layer, tuple(types))
        assert entry.call is not None
        return self.block_node(entry, entry.call, tuple(types))

    def layer_node(
        self, entry: Entry, layer: Layer, types: tuple[TensorType, ...]
    ) -> LayerNode | None:
        owner: LayerNode | None = None
        if layer.refers:
            owner = self.owner_of(entry, layer)
            if owner is None:
                return None
            layer = owner.layer if layer.type == "shared" else layer
        least, most = layer.arity
        named = sum(getattr(layer, field) is not None for field in layer.named_inputs)
        given = len(types) - named
        if given < least or (most is not None and given > most):
            self.wrong_number(entry, layer.type, least, most, given)
            return None
        if not self.takes(entry, layer, types):
            return None
        shapes = tuple(kind.shape for kind in types)
        try:
            if owner is not None:
                layer = layer.using(owner.layer)
            outputs = layer.infer_shape(shapes, self.model.data_format)
            activation = layer.output_activation
            if activation is not None:
                outputs = activation.infer_shape(outputs, self.model.data_format)
            dtypes = layer.infer_dtype(tuple(kind.dtype for kind in types))
        except ShapeError as error:
            sources = ", ".join(self.described(name) for name in entry.inputs or ())
            within = f' in block "{self.chain[-1]}"' if self.chain else ""
            self.report.add(
                error.code,
                f'layer "{entry.name}"{within}: {error.message}; {sources}',
                entry.mark,
                error.hint,
            )
            return None
        for shape in outputs:
            elements = product(shape) or 0
            if elements > MAX_ELEMENTS:
                self.report.add(
                    "too-large",
                    f'layer "{entry.name}" gives {show(shape)}: {big(elements)} numbers a row; '
                    f"at most {MAX_ELEMENTS:,} are allowed",
                    entry.mark,
                    "use smaller sizes",
                )
                return None
        names = output_names(entry.name, len(outputs))
        for name, shape, dtype in zip(names, outputs, dtypes, strict=True):
            self.types[name] = TensorType(shape, dtype)
        mark = self.report.place(entry.mark)
        # A layer without weights has none to share.
        has_weights = layer.is_tied or bool(layer.parameters(shapes, self.model.data_format))
        uses = owner.name if owner is not None and has_weights else None
        node = LayerNode(entry.name, layer, entry.inputs or (), names, mark, uses)
        self.nodes[entry.name] = node
        return node

    def owner_of(self, entry: Entry, layer: Layer) -> LayerNode | None:
        """Return the node whose weights the layer uses, or None where that is a mistake."""
        name: str = layer.layer  # type: ignore[attr-defined]
        owner = self.nodes.get(name)
        if owner is not None:
            if owner.layer.is_tied:
                self.report.add(
                    "wrong-owner",
                    f'"{name}" has no table of its own: it uses that of "{owner.owner}"',
                    entry.place("layer"),
                    f"use {{type: tied_dense, layer: {owner.owner}}} again",
                )
                return None
            if owner.owner is not None:
                owner = self.nodes[owner.owner]
            taken = [self.types[value] for value in owner.inputs]
            given = [self.types[value] for value in entry.inputs or ()]
            if layer.is_tied or taken == given:
                return owner
            shown = (" and ".join(show(t.shape) for t in side if t) for side in (taken, given))
            self.report.add(
                "wrong-owner",
                '"{}" calls "{}" again, which takes {}, and got {}'.format(
                    entry.name, name, *shown
                ),
                entry.mark,
                "give it inputs of the same shapes and dtypes, or a layer of its own",
            )
        elif name not in self.by_name:
            self.report.add(
                "unknown-owner",
                f'no layer is called "{name}"{nearest(name, self.by_name)}',
                entry.place("layer"),
                "name a layer of the same network or block",
            )
        elif self.by_name[name].call is not None:
            self.report.add(
                "wrong-owner",
                f'"{name}" is the use of a block, and a layer is expected',
                entry.place("layer"),
                "share each layer of it: name them in one network, and use `shared` for each",
            )
        return None

    def takes(self, entry: Entry, layer: Layer, types: tuple[TensorType, ...]) -> bool:
        """Whether the layer takes elements of these types, all of one where it takes several."""
        shapes = tuple(kind.shape for kind in types)
        for i, (name, kind) in enumerate(zip(entry.inputs or (), types, strict=True)):
            allowed = layer.input_dtypes(i, shapes)
            first = types[0].dtype
            if kind.dtype in allowed and (kind.dtype == first or first not in allowed):
                continue
            wanted = first if kind.dtype in allowed else " or ".join(sorted(allowed))
            self.report.add(
                "wrong-dtype",
                f'{layer.type} "{entry.name}" takes {wanted}, and "{name}" is {kind.dtype}',
                entry.mark,
                f"declare the input as {wanted}, if that is what its data hold, or cast it before",
            )
            return False
        return True

    def block_node(
        self, entry: Entry, call: Call, types: tuple[TensorType, ...]
    ) -> BlockNode | None:
        block = self.resolver.reader.block(call.type)
        assert block is not None
        if call.type in self.chain or len(self.chain) >= MAX_BLOCK_DEPTH:
            path = " -> ".join([*self.chain, call.type])
            is_itself = call.type in self.chain
            self.report.add(
                "block-recursion",
                f'block "{call.type}" uses itself: {path}'
                if is_itself
                else f"blocks are nested deeper than {MAX_BLOCK_DEPTH} levels: {path}",
                entry.mark,
                "a block may use other blocks, not itself; for depth use `repeat`",
            )
            return None
        if len(types) != len(block.inputs):
            self.wrong_number(entry, call.type, len(block.inputs), len(block.inputs), len(types))
            return None
        bodies = self.bodies(entry, call, types)
        if bodies is None:
            return None
        last = bodies[-1]
        names = output_names(entry.name, len(last.outputs))
        for name, output in zip(names, last.outputs, strict=True):
            self.types[name] = last.types[output]
        is_repeated = call.repeat is not None
        inputs = entry.inputs or ()
        mark = self.report.place(entry.mark)
        return BlockNode(entry.name, call.type, tuple(bodies), is_repeated, inputs, names, mark)

    def bodies(self, entry: Entry, call: Call, types: tuple[TensorType, ...]) -> list[Graph] | None:
        """Return one body for each repetition, each of the types that the one before gives."""
        given = dict(call.model_extra or {})
        repeat = call.repeat if isinstance(call.repeat, int) else 1
        if repeat > MAX_LAYERS:
            self.too_many(entry.place("repeat"))
            return None
        layers = 0
        bodies: list[Graph] = []
        for i in range(repeat):
            scope = self.scope
            if call.repeat is not None:
                scope = Scope({"index": i}, self.scope)
            arguments: dict[str, object] = {}
            for key, value in given.items():
                arguments[key], fine = compute(value, scope, self.report, entry.place(key))
                if not fine:
                    return None
                self.resolver.work += getattr(arguments[key], "size", 1)
            body = self.resolver.block_body(call.type, arguments, types, self.chain, entry.mark)
            if body is None:
                return None
            bodies.append(body)
            layers += self.resolver.layers[body]
            if layers > MAX_LAYERS or self.resolver.work > MAX_WORK:
                self.too_many(entry.place("repeat"))
                return None
            outputs = tuple(body.types[name] for name in body.outputs)
            if i + 1 < repeat and len(outputs) > len(types):
                self.report.add(
                    "wrong-number-of-inputs",
                    f'block "{call.type}" gives {len(outputs)} values and takes {len(types)}, '
                    "so that it cannot be repeated",
                    entry.place("repeat"),
                    "let it give as many values as it takes",
                )
                return None
            types = (*outputs, *types[len(outputs) :])
        return bodies

    def wrong_number(self, entry: Entry, kind: str, least: int, most: int | None, got: int) -> None:
        several = f"{least} to {most}" if most is not None else f"at least {least}"
        wanted = f"{least}" if most == least else several
        noun = "input" if wanted == "1" else "inputs"
        self.report.add(
            "wrong-number-of-inputs",
            f'{kind} "{entry.name}" takes {wanted} {noun}, and got {got}'
            f"{': ' + listed(entry.inputs or ()) if entry.inputs else ''}",
            entry.place("inputs"),
            "name them: inputs: [a, b]" if got < least else "remove the surplus ones",
        )

    def wrong_output(self, entry: Entry, name: str, index: int) -> None:
        base = base_of(name)
        number = sum(value == base or base_of(value) == base for value in self.types)
        self.report.add(
            "unknown-input",
            f'"{base}" gives {number} value{"s" if number > 1 else ""}, and "{name}" is none of '
            f"them",
            entry.place("inputs", index),
            f"its values: {listed(output_names(base, number))}",
        )

    def described(self, name: str) -> str:
        kind = self.types[name]
        assert kind is not None
        if name in self.inputs:
            return f'input "{name}" is {show(kind.shape)}'
        mark = self.origins.get(base_of(name)) if self.report.is_of_spec else None
        place = f" (line {mark.line + 1})" if mark is not None else ""
        return f'"{name}"{place} gives {show(kind.shape)}'

    # Outputs

    def outputs(self, entries: list[Entry], by_name: dict[str, Entry]) -> tuple[str, ...] | None:
        given: Any = self.block.outputs
        if given is None:
            return (entries[-1].name,)
        fine = True
        if not given:
            self.report.add("missing-argument", "`outputs` is empty", None, "name a layer")
            return None
        for i, name in enumerate(given):
            if base_of(name) not in by_name or name in given[:i]:
                mark = given.marks[i] if isinstance(given, Sequence) else None
                self.report.add(
                    "unknown-output",
                    f'output "{name}" is given twice'
                    if base_of(name) in by_name
                    else f'output "{name}" is no layer{nearest(name, by_name)}',
                    mark,
                    "name each output once" if base_of(name) in by_name else "name a layer",
                )
                fine = False
            elif name not in self.types and self.types.get(base_of(name)) is not None:
                self.wrong_output(by_name[base_of(name)], name, i)
                fine = False
        return tuple(given) if fine else None

    def check_use(self, entries: list[Entry], used: set[str]) -> None:
        for entry in entries:
            if entry.name not in used:
                self.report.add(
                    "unused-layer",
                    f'nothing takes what layer "{entry.name}" gives',
                    entry.mark,
                    "use it as an input, list it in `outputs`, or remove it",
                )
        for name in self.inputs:
            if name not in used:
                mark = marks_of(self.model.inputs, name, is_key=True) if not self.chain else None
                if self.chain:
                    mark = marks_of(self.model.blocks, self.chain[-1], is_key=True)
                of = f' of block "{self.chain[-1]}"' if self.chain else ""
                self.report.add(
                    "unused-input",
                    f'no layer takes the input "{name}"{of}',
                    mark,
                    "use it, or remove it",
                )


def marks_of(mapping: object, key: str, *, is_key: bool = False) -> Mark | None:
    """Return where the value of `key` (or `key` itself) stands, if that is known."""
    if isinstance(mapping, Map) and key in mapping.marks:
        return mapping.marks[key][0 if is_key else 1]
    return None


def big(number: int | None) -> str:
    """Return a number that may be too long to read."""
    if number is None or number < 10**18:
        return f"{number:,}"
    return f"about 10^{len(str(number)) - 1}"
