"""Resolves one body: the layers of the whole network, or of one use of a block."""

from __future__ import annotations

from typing import Any

from nnspec.errors import Change, Fix, Mark, nearest
from nnspec.language.limits import MAX_LAYERS
from nnspec.language.schema import Call
from nnspec.language.tree import Map, Sequence
from nnspec.layers import LAYERS
from nnspec.layers.shapes import TensorType
from nnspec.network.block_nodes import block_node
from nnspec.network.entries import Entry, mentioned
from nnspec.network.features import finds_features
from nnspec.network.graph import LayerNode, Node
from nnspec.network.layer_nodes import layer_node
from nnspec.network.state import BodyState
from nnspec.network.wiring import base_of, listed, name_entries, order, output_names, wire

_KEYS = frozenset({"time_distributed", "unroll", "when"})


def has_steps(given: object) -> bool:
    """Whether an item may stand for several layers, or for none."""
    if isinstance(given, Call):
        return any(getattr(given, key) is not None for key in _KEYS)
    if not isinstance(given, dict):
        return False
    if not _KEYS.isdisjoint(given):
        return True
    return "repeat" in given and isinstance(given.get("type"), str) and given["type"] in LAYERS


class BodyResolver(BodyState):
    """Resolves the entries of one body."""

    def run(self) -> tuple[tuple[Node, ...], tuple[str, ...], dict[str, TensorType]] | None:
        before = len(self.problems.found)
        entries = self.read()
        if entries is None:
            return None
        by_name = name_entries(entries, self.inputs.keys(), self.problems)
        self.by_name = by_name
        optional = self.block.optional
        used, broken = wire(entries, by_name, self.inputs.keys(), self.problems, optional)
        for name in broken:
            self.types[name] = None
        dropped: dict[str, str] = {}
        left_out = [entry for entry in entries if entry.is_left_out]
        if left_out:
            dropped = {n: entry.name for entry in left_out for n in (entry.inputs or ())[1:]}
            entries = self.without_left_out(entries, by_name)
            used = {base_of(name) for entry in entries for name in entry.inputs or ()}
        ordered = order(entries, by_name, self.inputs.keys(), self.problems)
        nodes = [] if ordered is None else [self.node(entry) for entry in ordered]
        if len(self.problems.found) == before and self.weighted:
            from nnspec.network.owners import generalised  # which few specs need

            nodes = [*generalised(self, [node for node in nodes if node is not None])]
        outputs = self.outputs(entries, by_name)
        if self.around:
            from nnspec.network.distributed import needed

            whole: list[Node | None] = []
            for each in nodes:
                around = self.around.get(each.name if each is not None else "", ([], []))
                whole += [*around[0], each, *around[1]]
            nodes = needed(whole, outputs or ())
        if outputs is not None and not any(entry.unknown_inputs for entry in entries):
            used.update(map(base_of, outputs))
            if len(self.problems.found) > before:
                used.update(*map(mentioned, entries))
            self.check_use(entries, used, dropped)
        if len(self.problems.found) > before or outputs is None or None in nodes:
            return None
        types = {name: type_ for name, type_ in self.types.items() if type_ is not None}
        if len(types) < len(self.types):
            return None
        return tuple(node for node in nodes if node is not None), outputs, types

    def read(self) -> list[Entry] | None:
        layers: Any = self.block.layers
        if not layers:
            mark = layers.mark if isinstance(layers, Sequence) else None
            self.problems.add("missing-argument", "`layers` is empty", mark, "add a layer")
            return None
        self.resolver.read += len(layers)
        if self.resolver.read > MAX_LAYERS:
            self.resolver.too_many(None)
            return None
        marks = layers.marks if isinstance(layers, Sequence) else [None] * len(layers)
        reader, scope = self.resolver.reader, self.scope
        entries: list[Entry] = []
        for given, mark in zip(layers, marks, strict=True):
            if has_steps(given):
                from nnspec.network.steps import read_item

                entries += read_item(reader, given, mark, scope)
            else:
                entries.append(reader.read(given, mark, scope))
        self.resolver.read += len(entries) - len(layers)
        if self.resolver.read > MAX_LAYERS:
            self.resolver.too_many(None)
            return None
        return entries

    def without_left_out(self, entries: list[Entry], by_name: dict[str, Entry]) -> list[Entry]:
        """Return the entries that are there, each taking what stands for one that is not."""
        from nnspec.layers import Linear
        from nnspec.network.steps import left_out

        given = self.block.outputs or (entries[-1].name,)
        instead = left_out(entries, frozenset(map(base_of, given)))
        # What takes nothing leaves nothing behind; what is there may not take it.
        gone = {
            entry.name
            for entry in entries
            if entry.is_left_out and not entry.inputs and entry.name not in map(base_of, given)
        }
        absent = {*instead, *gone}
        for entry in entries:
            if entry.is_left_out:
                self.resolver.use(entry.type)
            for i, name in enumerate(entry.inputs or ()):
                base = base_of(name)
                if base in gone and not entry.is_left_out:
                    what, which = f'and "{entry.name}" takes it', "it"
                elif base in instead and name not in instead:
                    what, which = "and then gives one value", "its other values"
                else:
                    continue
                self.problems.add(
                    "unknown-input",
                    f'"{base}" is left out by its `when`, {what}',
                    entry.place("inputs", i),
                    f"leave out what takes {which} as well",
                )
                self.types[entry.name] = None
            if entry.is_left_out and entry.name not in absent:
                entry.layer = Linear(name=entry.name)
                entry.inputs = (entry.inputs or ())[:1]
            entry.inputs = tuple(instead.get(name, name) for name in entry.inputs or ())
        for name in absent:
            del by_name[name]
        return [entry for entry in entries if entry.name not in absent]

    # Types

    def node(self, entry: Entry) -> Node | None:
        if entry.call is not None:
            self.resolver.used.add(entry.type)
        types: list[TensorType] = []
        is_known = entry.name not in self.types and (entry.layer or entry.call) is not None
        for i, name in enumerate(entry.inputs or ()):
            if name not in self.types and self.types.get(base_of(name)) is not None:
                self.wrong_output(name, entry.place("inputs", i))
            type_ = self.types.get(name)
            if type_ is None:
                is_known = False
            else:
                types.append(type_)
        # Stays so when a mistake keeps the type from being known.
        self.types[entry.name] = None
        if not is_known:
            return None
        self.origins[entry.name] = entry.mark
        node = self.made(entry, tuple(types))
        if node is not None:
            self.nodes[entry.name] = node
        return node

    def made(self, entry: Entry, types: tuple[TensorType, ...]) -> Node | None:
        if not entry.is_distributed:
            return self.of_rows(entry, types)
        from nnspec.network.distributed import distributed  # which few specs need

        return distributed(self, entry, types, lambda rows: self.of_rows(entry, rows))

    def of_rows(self, entry: Entry, types: tuple[TensorType, ...]) -> Node | None:
        """Return the node of an entry that takes values of these types."""
        if self.problems.seen is not None and self.problems.is_of_spec:
            from nnspec.network.claims import Seen

            self.problems.seen.append(Seen(entry.mark, entry.layer, types, self.model))
        layer = entry.layer
        if layer is None:
            assert entry.call is not None
            return block_node(self, entry, entry.call, types)
        if not layer.refers:
            return layer_node(self, entry, layer, types)
        from nnspec.network.owners import owner_of, shared_node, table_of  # which few specs need

        if layer.is_tied:
            table = table_of(self, entry, layer)
            return layer_node(self, entry, layer, types, table) if table is not None else None
        owner = owner_of(self, entry, layer)
        if isinstance(owner, LayerNode) and not finds_features(self, entry, owner.layer, types):
            return None
        return shared_node(self, entry, layer, owner, types) if owner is not None else None

    def wrong_output(self, name: str, mark: Mark | None) -> None:
        base = base_of(name)
        number = sum(value == base or base_of(value) == base for value in self.types)
        fix, meant = None, ""
        if name == f"{base}.0" and mark is not None:
            meant = f'; the first is "{base}"'
            fix = Fix(f"write {base}", (Change("value", mark, base),))
        self.problems.add(
            "unknown-input",
            f'"{base}" gives {number} value{"s" if number > 1 else ""}, and "{name}" is none of '
            f"them{meant}",
            mark,
            f"its values: {listed(output_names(base, number))}",
            fix,
        )

    # Outputs

    def outputs(self, entries: list[Entry], by_name: dict[str, Entry]) -> tuple[str, ...] | None:
        given: Any = self.block.outputs
        if given is None:
            return (entries[-1].name,)
        fine = True
        if not given:
            self.problems.add("missing-argument", "`outputs` is empty", None, "name a layer")
            return None
        for i, name in enumerate(given):
            mark = given.marks[i] if isinstance(given, Sequence) else None
            if base_of(name) not in by_name or name in given[:i]:
                self.problems.add(
                    "unknown-output",
                    f'output "{name}" is given twice'
                    if base_of(name) in by_name
                    else f'output "{name}" is no layer{nearest(name, by_name)}',
                    mark,
                    "name each output once" if base_of(name) in by_name else "name a layer",
                )
                fine = False
            elif name not in self.types and self.types.get(base_of(name)) is not None:
                self.wrong_output(name, mark)
                fine = False
        return tuple(given) if fine else None

    def check_use(self, entries: list[Entry], used: set[str], dropped: dict[str, str]) -> None:
        """Refuse what nothing takes; dropped: by a layer, what took it and is left out."""
        for entry in entries:
            if entry.name not in used:
                hint = "use it as an input, list it in `outputs`, or remove it"
                if entry.name in dropped:
                    hint = (
                        f'"{dropped[entry.name]}" is left out by its `when`, and its first input '
                        f'passes on: put "{entry.name}" first there, or leave it out too'
                    )
                self.problems.add(
                    "unused-layer",
                    f'nothing takes what layer "{entry.name}" gives',
                    entry.mark,
                    hint,
                )
        for name in self.inputs:
            if name not in used:
                mark = marks_of(self.model.inputs, name, is_key=True) if not self.chain else None
                if self.chain:
                    mark = marks_of(self.model.blocks, self.chain[-1], is_key=True)
                of = f' of block "{self.chain[-1]}"' if self.chain else ""
                self.problems.add(
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
