"""Writes a document as YAML 1.2, in the form in which people write specs.

PyYAML writes; what a plain scalar would mean is asked of the reader (`source`), and where YAML 1.1
means something else the scalar is quoted, so that every reader reads the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, get_args

import yaml
from pydantic.fields import FieldInfo
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from nnspec.errors import UsageError
from nnspec.language.source import plain_scalar
from nnspec.layers.base import Layer
from nnspec.layers.fields import Frozen
from nnspec.layers.records import Lazy
from nnspec.layers.signatures import CHOOSING, accepted, alike, ordered

WIDTH = 100
"""Characters of a line that a section on one line may have."""
_TAG = "tag:yaml.org,2002:"
_SAID = ("data_format", "axis", "kernel_initializer", "embeddings_initializer",
         "depthwise_initializer", "pointwise_initializer")  # fmt: skip
"""Keys that say something where they have their default too: that it was chosen."""
_FIRST = ("name", *CHOOSING, "inputs")
"""Keys that stand first, in this order, in what was made in Python."""
_HEAD = ("nnspec", "name", "description", "data_format")
"""Keys at the top, with no empty line between them."""
_OPEN = ("inputs", "blocks", "data")
"""Sections that have a line for each key."""

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    """Writes a text plainly where YAML 1.2 and YAML 1.1 both read it as a text."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> Any:
        """Return the tag that a reader would give this."""
        tag = super().resolve(kind, value, implicit)
        if kind is not ScalarNode or not implicit[0]:
            return tag
        own = _tag(plain_scalar(value))
        return tag if own == f"{_TAG}str" else own


def to_yaml(model: Frozen) -> str:
    """Return the document as YAML; what has its default is left out."""
    parts: list[list[str]] = [[]]
    for key, value in plain(model).items():
        lines = _section(key, value)
        if key in _HEAD:
            parts[0] += lines
        else:
            parts.append(lines)
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def plain(value: Any) -> Any:
    """Return a document, or a part of it, as the dicts, lists and scalars that YAML has.

    A record is left without what has its default, and is its bare name where nothing is left.
    """
    if isinstance(value, Frozen):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise UsageError(f"a spec holds numbers, texts, lists and mappings, not {value!r}")


def _fields(record: Frozen) -> dict[str, Any]:
    given = dict(_given(record))
    if "layers" in type(record).model_fields:
        return given
    return {key: given[key] for key in sorted(given, key=_place)}


def _place(key: str) -> int:
    return _FIRST.index(key) if key in _FIRST else len(_FIRST)


def _given(record: Frozen) -> Iterator[tuple[str, Any]]:
    """Yield what does not have its default, and what says which record it is."""
    kind = type(record)
    is_layer = isinstance(record, Layer)
    for name, field in ordered(kind) if is_layer else kind.model_fields.items():
        value = getattr(record, name)
        says_which = name in (*CHOOSING, "nnspec")
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        # Elsewhere one number may mean something else than as many equal ones.
        kinds = accepted(field)
        is_of_axes = isinstance(kinds, UnionType) and int in get_args(kinds)
        if is_layer and isinstance(value, tuple) and is_of_axes:
            value, default = _one_number(value), _one_number(default)
        is_said = name in _SAID and name in record.model_fields_set
        if says_which or field.is_required() or value != default or is_said:
            yield name, _inner(name, value, is_named=not _is_one_record(field))
    if isinstance(record, Layer):
        yield "type", record.type
    # The variables that the use of a block sets.
    yield from ((name, plain(value)) for name, value in (record.model_extra or {}).items())


def _one_number(value: Any) -> Any:
    """Return the number that a list holds alone, however it is nested, else the list."""
    found = alike(value)
    return value if isinstance(found, tuple) else found


def _is_one_record(field: FieldInfo) -> bool:
    """Whether a field takes a record of one kind, which its bare name does not stand for."""
    kinds: list[Any] = [field.annotation]
    told = [*field.metadata]
    while kinds:
        kind = kinds.pop()
        told += getattr(kind, "__metadata__", ())
        kinds += get_args(kind)
    return any(type(each) is Lazy for each in told)


def _inner(name: str, value: Any, *, is_named: bool) -> Any:
    """Return a value of a record, in the shortest form that the language has for it.

    A record that has only its defaults is its bare name, and a list of one name that name.
    """
    if name in ("inputs", "outputs") and isinstance(value, Sequence):
        return _one_or_many(value)
    if name == "features" and isinstance(value, Mapping):
        return {key: _one_or_many(each) for key, each in value.items()}
    made = plain(value)
    if name == "metrics" and isinstance(value, Sequence):
        return [_bare(*pair) for pair in zip(value, made, strict=True)]
    return _bare(value, made) if is_named else made


def _bare(value: Any, made: Any) -> Any:
    if isinstance(value, Frozen) and isinstance(made, dict) and list(made) == ["type"]:
        return made["type"]
    return made


def _one_or_many(value: Any) -> Any:
    made = plain(value)
    return made[0] if isinstance(made, list) and len(made) == 1 else made


def _section(key: str, value: Any) -> list[str]:
    """Return the lines of a key of the document: one, where that is short."""
    if key == "layers":
        return ["layers:", *(f"  - {_line(each)}" for each in value)]
    if key == "blocks":
        return ["blocks:", *(line for name, body in value.items() for line in _block(name, body))]
    line = _pair(key, value)
    if isinstance(value, Mapping) and value and (key in _OPEN or len(line) > WIDTH):
        return [f"{key}:", *(f"  {_pair(*each)}" for each in value.items())]
    return [line]


def _block(name: str, body: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {_line(name)}:"
    for key, value in body.items():
        if key == "layers":
            yield "    layers:"
            yield from (f"      - {_line(each)}" for each in value)
        else:
            yield f"    {_pair(key, value)}"


def _pair(key: str, value: Any) -> str:
    return f"{_line(key)}: {_line(value)}"


def _line(value: Any) -> str:
    """Return a value on one line, as it may stand after a key."""
    node = SequenceNode(f"{_TAG}seq", [_flow(value)], flow_style=False)
    text: str = yaml.serialize(node, Dumper=_Dumper, width=2**31 - 1, allow_unicode=True)
    return text.removeprefix("- ").removesuffix("\n")


def _flow(value: Any) -> Node:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        pairs = [(_flow(key), _flow(each)) for key, each in value.items()]
        return MappingNode(f"{_TAG}map", pairs, flow_style=True)
    if isinstance(value, list):
        return SequenceNode(f"{_TAG}seq", [_flow(each) for each in value], flow_style=True)
    # As people quote an expression.
    style = '"' if isinstance(value, str) and "${" in value else None
    return ScalarNode(_tag(value), _written(value), style=style)


def _written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return str(value)


def _tag(value: Any) -> str:
    kinds = {type(None): "null", bool: "bool", int: "int", float: "float"}
    return _TAG + kinds.get(type(value), "str")
