"""Reads the items of `layers`: each becomes a layer object or the use of a block."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from pydantic import ValidationError

from nnspec.errors import Mark
from nnspec.language.problems import Problems
from nnspec.language.schema import Block, Call, Model
from nnspec.language.scope import Scope, compute
from nnspec.language.tree import Map, Sequence
from nnspec.layers import LAYERS
from nnspec.layers.base import Layer
from nnspec.layers.fields import is_whole
from nnspec.library import BLOCKS, find_block
from nnspec.support.shown import MERGE_HINT, shown

_WHERE = "`nnspec layers` lists layers and blocks; your own are defined in `blocks`"


_KEYS_OF_USE = ("name", "inputs", "repeat", "trainable")
_KEYS_OF_ITEM = ("time_distributed", "unroll", "when")
"""Keys of the use of a block that set none of its variables."""


class Entry:
    """One item of `layers`: what it is called, what it takes, and what it holds.

    A broken one has been reported; its name and inputs are kept where they can be read, so that
    what is said of its neighbours stays true.
    """

    __slots__ = (
        "call",
        "given",
        "inputs",
        "is_distributed",
        "is_left_out",
        "layer",
        "mark",
        "name",
        "optional",
        "type",
        "unknown_inputs",
    )

    def __init__(self, given: object, mark: Mark | None) -> None:
        self.given = given
        self.mark = mark
        self.layer: Layer | None = None
        self.call: Call | None = None
        self.name = ""
        self.type = ""
        self.inputs: tuple[str, ...] | None = None
        self.optional: tuple[tuple[str, str], ...] = ()
        """Of the use of a block: its optional inputs that are given, and what is given."""
        self.unknown_inputs = False
        self.is_left_out = False
        """Whether `when` leaves it out: what it takes stands for what it gives."""
        self.is_distributed = False
        """Whether it works on each element along the first axis of what it takes."""

    def place(self, key: str, index: int | None = None) -> Mark | None:
        """Return where the value of `key`, or its item `index`, stands."""
        given = self.given
        if not isinstance(given, Map) or key not in given.marks:
            return self.mark
        value = given[key]
        if index is not None and isinstance(value, Sequence) and index < len(value.marks):
            return value.marks[index]
        return given.marks[key][1]


class Reader:
    """Reads entries; `broken` names blocks that exist and could not be read."""

    def __init__(self, model: Model, problems: Problems, broken: Set[str] = frozenset()) -> None:
        self.model = model
        self.problems = problems
        self.broken = broken
        self.layers: dict[tuple[tuple[str, Any], ...], Layer] = {}
        """Those read so far whose fields are words and whole numbers: equal ones are one object."""

    def read(self, given: object, mark: Mark | None, scope: Scope) -> Entry:
        """Return the entry; what is wrong with it is reported."""
        if isinstance(given, Layer):
            entry = Entry(given, mark)
            entry.layer = self._initialised(given)
            entry.type, entry.inputs = given.type, given.inputs
            entry.name = given.name or ""
            return entry
        if isinstance(given, Call):
            given = {key: value for key, value in given if value is not None}
        entry = Entry(given, mark)
        if not isinstance(given, dict):
            from nnspec.language.items import for_item

            found = for_item(given, self._known(), mark)
            message = f"a layer is a mapping such as {{type: relu}}, and here is {shown(given)}"
            self.problems.add("wrong-type", message, mark, found.hint, found.fix)
            if found.guess is None:
                entry.unknown_inputs = True
            else:
                self._fill(entry, found.guess, scope)
            return entry
        if isinstance(given, Map) and "type" in given.marks:
            entry.mark = given.marks["type"][1]
        if not self._fill(entry, given, scope):
            salvage(entry, given)
        return entry

    def _fill(self, entry: Entry, given: dict[str, Any], scope: Scope) -> bool:
        kind = given.get("type")
        if kind is None and "<<" in given:
            self.problems.add(
                "unknown-key",
                'a layer has no key "<<"',
                given.marks["<<"][0] if isinstance(given, Map) else None,
                MERGE_HINT,
            )
            return False
        if not isinstance(kind, str):
            if kind is None:
                from nnspec.language.items import for_item

                found = for_item(given, self._known(), entry.mark)
                hint = found.hint or f"one of {', '.join(sorted(LAYERS)[:4])}, ..."
                message = "the layer has no `type`"
                self.problems.add("missing-argument", message, entry.mark, hint, found.fix)
                if found.guess is not None:
                    return self._fill(entry, copied(given, found.guess), scope)
            else:
                message = f"`type` is {shown(kind)}, and the name of a layer is expected"
                self.problems.add("wrong-type", message, entry.mark)
            return False
        entry.type = kind
        if kind in self.broken and kind not in self.model.blocks:
            return False
        layer_class = LAYERS.get(kind)
        if layer_class is None:
            block = self.block(kind)
            if block is not None:
                return self._call(entry, block, given, scope)
            from nnspec.layers.extensions import brought  # which few specs need

            layer_class = brought("layer").get(kind)
        if layer_class is None:
            return self._unknown(entry, given, scope)
        values, unread = self._computed(entry, given, scope)
        key = tuple(values.items()) if values is given else None
        layer = self.layers.get(key) if key is not None else None
        if layer is not None:
            return self._is_layer(entry, layer)
        try:
            layer = layer_class.model_validate(values)
        except ValidationError as error:
            from nnspec.language.placeholders import explained
            from nnspec.language.validation import problems_of

            for problem, path in problems_of(error, values, layer_class, f'"{kind}"', entry.mark):
                if path[:1] not in unread:
                    whole = explained(problem, path, given, scope.names())
                    self.problems.extend([(whole, path)])
            return False
        if unread:
            return False
        layer = self._initialised(layer)
        if key is not None:
            self.layers[key] = layer
        return self._is_layer(entry, layer)

    def _initialised(self, layer: Layer) -> Layer:
        if self.model.initializer is None:
            return layer
        from nnspec.network.initial import with_initializer  # which few specs need

        return with_initializer(layer, self.model.initializer)

    def _is_layer(self, entry: Entry, layer: Layer) -> bool:
        entry.layer = layer
        entry.name, entry.inputs = layer.name or "", layer.inputs
        return True

    def _known(self) -> list[str]:
        from nnspec.layers.extensions import brought

        return [*LAYERS, *self.model.blocks, *BLOCKS, *brought("layer")]

    def _unknown(self, entry: Entry, given: dict[str, Any], scope: Scope) -> bool:
        """Report a type that there is not; where it is clear what is meant, go on with that."""
        from nnspec.language.suggestions import for_type

        found = for_type("layer", entry.type, given, self._known(), entry.mark, "type")
        self.problems.add(
            "unknown-layer",
            f'no layer type "{entry.type}"{found.suffix}',
            entry.mark,
            found.hint or ("" if found.suffix else _WHERE),
            found.fix,
        )
        return found.guess is not None and self._fill(entry, copied(given, found.guess), scope)

    def block(self, name: str) -> Block | None:
        """Return the spec's block of this name, else the library's."""
        return self.model.blocks.get(name) or find_block(name)

    def _call(self, entry: Entry, block: Block, given: dict[str, Any], scope: Scope) -> bool:
        kind = entry.type
        known = {*block.variables, *block.optional}
        fine = True
        for key in given:
            if key not in known and key not in Call.model_fields:
                self._unknown_variable(kind, key, given, known)
                fine = False
        fixed: dict[str, Any] = {
            key: given[key] for key in (*_KEYS_OF_USE, *block.optional) if key in given
        }
        values, unread = self._computed(entry, fixed, scope)
        fine = fine and not unread
        repeat = values.get("repeat")
        if repeat is not None and (not is_whole(repeat) or repeat < 1):
            self.problems.add(
                "bad-size" if is_whole(repeat) else "wrong-type",
                f"`repeat` is {shown(repeat)}, and a whole number of at least 1 is expected",
                entry.place("repeat"),
            )
            fine = False
            values = {key: value for key, value in values.items() if key != "repeat"}
        optional = {key: values.pop(key) for key in block.optional if key in values}
        for key, value in optional.items():
            if value is not None and not isinstance(value, str):
                self.problems.add(
                    "wrong-type",
                    f"`{key}` is {shown(value)}, and the name of an input or a layer is expected",
                    entry.place(key),
                )
                fine = False
        arguments = {key: value for key, value in given.items() if key in block.variables}
        inner = scope if repeat is None else Scope({"index": 0}, scope)
        for key, value in arguments.items():
            _, well = compute(value, inner, self.problems, entry.place(key))
            fine = fine and well
        try:
            call = Call.model_validate({**arguments, **values, "type": kind})
        except ValidationError as error:
            from nnspec.language.validation import problems_of

            located = copied(given, {**given, **values})
            self.problems.extend(problems_of(error, located, Call, f'"{kind}"', entry.mark))
            return False
        if not fine:
            return False
        entry.call = call
        entry.name, entry.inputs = call.name or "", call.inputs
        entry.optional = tuple((k, str(v)) for k, v in optional.items() if v is not None)
        return True

    def _unknown_variable(
        self, kind: str, key: str, given: dict[str, Any], known: set[str]
    ) -> None:
        from nnspec.language.suggestions import for_key

        hint = f"its variables: {', '.join(sorted(known)) or 'none'}"
        found = for_key("block", kind, key, given, [*known, *_KEYS_OF_USE, *_KEYS_OF_ITEM], hint)
        self.problems.add(
            "unknown-key",
            f'block "{kind}" has no variable "{key}"{found.suffix}',
            given.marks[key][0] if isinstance(given, Map) else None,
            found.hint,
            found.fix,
        )

    def _computed(
        self, entry: Entry, given: dict[str, Any], scope: Scope
    ) -> tuple[dict[str, Any], set[tuple[str]]]:
        """Return the entry with its expressions computed, and the keys whose could not be."""
        for value in given.values():
            kind = type(value)
            if kind is not int and (kind is not str or "${" in value):
                break
        else:
            return given, set()
        values = {}
        unread: set[tuple[str]] = set()
        for key, value in given.items():
            kind = type(value)
            if kind is int or (kind is str and "${" not in value):
                values[key] = value
                continue
            computed, well = compute(value, scope, self.problems, entry.place(key))
            if well:
                values[key] = computed
            else:
                unread.add((key,))
        return copied(given, values), unread


def copied(given: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with the marks of `given`, where it has any."""
    if not isinstance(given, Map):
        return values
    copy = Map(values)
    copy.mark, copy.marks, copy.size, copy.height = given.mark, given.marks, given.size, 1
    return copy


def mentioned(entry: Entry) -> set[str]:
    """Return the values that a broken entry may take: what any of its keys names."""
    if entry.layer is not None or entry.call is not None or not isinstance(entry.given, dict):
        return set()
    words: list[object] = []
    for key, value in entry.given.items():
        if key not in ("name", "type"):
            words.extend(value if isinstance(value, list | tuple) else [value])
    return {word.partition(".")[0] for word in words if isinstance(word, str)}


def salvage(entry: Entry, given: dict[str, Any]) -> None:
    """Keep a broken entry's name and inputs, as far as they are what they should be."""
    name, inputs = given.get("name"), given.get("inputs")
    if isinstance(name, str) and "${" not in name:
        entry.name = name
    elif name is not None:
        entry.unknown_inputs = True
    if isinstance(inputs, str):
        inputs = [inputs]
    if isinstance(inputs, list | tuple) and all(
        isinstance(item, str) and "${" not in item for item in inputs
    ):
        entry.inputs = tuple(inputs)
    elif inputs is not None:
        entry.inputs = ()
        entry.unknown_inputs = True
