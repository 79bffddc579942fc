"""The words of the spec language, each explained by its class: layers, losses, blocks and the rest.

What `nnspec layers`, docs/layers.md and docs/llms.txt say of one follows from its fields, its
docstring and its example, and from trying its shape rule.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from nnspec.language.losses import LOSSES
from nnspec.language.metrics import METRICS
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES
from nnspec.layers import ACTIVATIONS, LAYERS
from nnspec.layers.extensions import brought
from nnspec.layers.fields import Frozen
from nnspec.layers.initializers import INITIALIZERS
from nnspec.layers.recurrent import RECURRENT
from nnspec.layers.registry import FAMILIES
from nnspec.layers.signatures import alike, default_of, ordered
from nnspec.library import BLOCKS, FOLDER, find_block
from nnspec.show.expected import in_words
from nnspec.show.jsonschema import record_schema

TABLES: dict[str, Mapping[str, type[Frozen]]] = {
    "layer": LAYERS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "metric": METRICS,
    "initializer": INITIALIZERS,
}
"""Kinds of words that are classes, by the name that messages use."""
KINDS = (*TABLES, "block")

_EVERYWHERE = ("name", "inputs", "trainable")
"""Keys of every layer, or of all that own parameters."""


class Argument(NamedTuple):
    """A key of a record. default: as YAML has it; None where the key is required, "" for none."""

    name: str
    expected: str
    default: str | None
    meaning: str

    @property
    def signed(self) -> str:
        """The argument in a signature: `units`, `strides=1`, and `[axis]` for none by default."""
        if self.default is None:
            return self.name
        return f"{self.name}={self.default}" if self.default else f"[{self.name}]"


@dataclass(frozen=True)
class Word:
    """A layer, loss, optimizer, schedule, initializer or block of the library.

    meaning: its definition, the formula and the shapes. group: the family or file that it is of.
    """

    name: str
    kind: str
    group: str
    meaning: str
    arguments: tuple[Argument, ...]
    record: type[Frozen] | None = None
    """Its class; None for a block."""
    inputs: tuple[str, ...] = ()
    """Names of the inputs of a block; of other words none."""

    @property
    def summary(self) -> str:
        """The first sentence of its meaning."""
        first = " ".join(self.meaning.partition("\n\n")[0].split())
        return re.split(r"(?<!et al)\.(?= |$)", first, maxsplit=1)[0]

    @property
    def signature(self) -> str:
        """Its name and arguments."""
        return f"{self.name}({', '.join(each.signed for each in self.arguments)})"

    @property
    def title(self) -> str:
        """Its group as a heading has it; that of another package is its module."""
        return self.group.replace("_", " ") if self.group in FAMILIES else self.group

    @cached_property
    def places(self) -> str:
        """The keys that take it besides a layer's `type`."""
        keys = [
            key
            for key, table in (("activation", ACTIVATIONS), ("layer of bidirectional", RECURRENT))
            if self.record is not None and table.get(self.name) is self.record
        ]
        return ", ".join(keys)


def words(kind: str) -> Iterator[Word]:
    """Yield what there is of a kind, those of other packages' backends last."""
    if kind == "block":
        yield from map(_block, BLOCKS)
        return
    for name, record in {**TABLES[kind], **brought(kind)}.items():
        yield _word(name, kind, record)


def find(name: str) -> list[Word]:
    """Return everything of this name: `constant` is a layer and an initializer."""
    found = []
    for kind, table in TABLES.items():
        record = table.get(name) or brought(kind).get(name)
        if record is not None:
            found.append(_word(name, kind, record))
    return found + ([_block(name)] if name in BLOCKS else [])


def known_names() -> list[str]:
    """Return every name that `find` finds."""
    return [*(name for kind in TABLES for name in (*TABLES[kind], *brought(kind))), *BLOCKS]


def arguments(record: type[Frozen]) -> tuple[Argument, ...]:
    """Return what the record takes besides what says which one it is, and where it stands.

    In the order of a signature: what is required, then what most people set.
    """
    properties = record_schema(record)["properties"]
    return tuple(
        Argument(
            name,
            in_words(properties[name]),
            _default(field, properties[name]),
            field.description or "",
        )
        for name, field in ordered(record)
        if name not in _EVERYWHERE
    )


def _default(field: Any, schema: Any) -> str | None:
    """Return a field's default as a spec would have it, "" for none, and None if it is required."""
    if field.is_required():
        return None
    value = default_of(field)
    if {"integer", "number"} & {each.get("type") for each in schema.get("anyOf", ())}:
        value = alike(value)
    return "" if value is None else as_yaml(value)


def as_yaml(value: object) -> str:
    """Return a number, text, flag, or a list or mapping of them, on one line of YAML."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {as_yaml(each)}' for key, each in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(as_yaml, value))}]"
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _word(name: str, kind: str, record: type[Frozen]) -> Word:
    group = ""
    if kind == "layer":
        # The file that holds it; a class of another package says which one that is.
        own = (family for family, layers in FAMILIES.items() if name in layers)
        group = next(own, record.__module__)
    return Word(
        name,
        kind,
        group,
        inspect.cleandoc(vars(record)["__doc__"] or ""),
        arguments(record),
        record,
    )


def _block(name: str) -> Word:
    block = find_block(name)
    assert block is not None
    taken = [Argument(key, "", as_yaml(value), "") for key, value in block.variables.items()]
    layers = block.layers
    outputs = block.outputs or (layers[-1].get("name", layers[-1]["type"]),)
    optional = f" Optional: {', '.join(block.optional)}." if block.optional else ""
    meaning = (
        f"{block.description}\n\nInputs: {', '.join(block.inputs)}.{optional} "
        f"Outputs: {', '.join(outputs)}."
    )
    group = BLOCKS[name].removesuffix(".yaml")
    return Word(name, "block", group, meaning, tuple(taken), inputs=tuple(block.inputs))


def block_source(name: str) -> str:
    """Return the YAML of a block of the library, as its file has it."""
    parts = (FOLDER / BLOCKS[name]).read_text(encoding="utf-8").split("\n\n")
    return next(part for part in parts if part.startswith(f"{name}:")).strip("\n")
