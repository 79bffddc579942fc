"""Signatures and help of the records, for people who write specs in Python.

Read when `inspect` or `help` asks, never by a check.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from textwrap import indent, wrap
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

CHOOSING = ("type", "schedule")
"""Keys that say which record of a table it is: its class says so in Python."""
_PLACE = ("name", "inputs", "trainable")
"""Keys of every layer, which say where it stands."""
_INDENT = "    "
MODULES = re.compile(r"\b[a-z_]+(\.[a-z_]+)*\.(?=[a-zA-Z])")
"""The modules before the names of types."""


def signature_of(record: type[BaseModel]) -> inspect.Signature:
    """Return the signature of a record's constructor: its fields, by keyword."""
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.is_required() else default_of(field),
                annotation=accepted(field),
            )
            for name, field in ordered(record)
        ],
        return_annotation=record,
    )


def help_of(record: type[BaseModel], meaning: str) -> str:
    """Return the meaning of a record, its docstring, with what each argument means."""
    lines = [inspect.cleandoc(meaning)]
    arguments = [(name, field) for name, field in ordered(record) if field.description]
    if arguments:
        lines += ["", "Arguments:"]
    for name, field in arguments:
        default = "required" if field.is_required() else f"{default_of(field)!r} by default"
        kind = MODULES.sub("", inspect.formatannotation(accepted(field)))
        lines.append(f"{_INDENT}{name}: {kind}, {default}")
        lines += [indent(line, _INDENT * 2) for line in wrap(field.description or "", 88)]
    return "\n".join(lines)


def ordered(record: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the fields in the order of a signature: what is required, then what most people set."""
    fields = record.model_fields.items()
    for name, field in sorted(fields, key=lambda each: _place(*each)):
        if not (name in CHOOSING and get_origin(field.annotation) is Literal):
            yield name, field


def _place(name: str, field: FieldInfo) -> tuple[bool, ...]:
    """Return what a field is sorted by; those alike stay in the order of the class."""
    return (
        name in _PLACE and not field.is_required(),
        not field.is_required(),
        name not in ("units", "filters"),
        name.endswith("initializer"),
        name in ("use_bias", "activation", "weight_normalization"),
        name == "weight_normalization",
    )


def default_of(field: FieldInfo) -> Any:
    """Return the default as one would write it: a record without arguments by its bare name."""
    value = field.get_default(call_default_factory=True)
    kind = getattr(value, "type", None)
    if kind is None:
        return value
    others = value.model_dump(exclude_defaults=True)
    return {"type": kind, **others} if others else kind


def alike(value: Any) -> Any:
    """Return the number of which a list has nothing else, as a spec may give it for every axis."""
    if not isinstance(value, tuple) or not value:
        return value
    inner = {alike(each) for each in value}
    return inner.pop() if len(inner) == 1 else value


def accepted(field: FieldInfo) -> Any:
    """Return the types that a field takes, without pydantic's metadata."""
    return _union([_plain(field.annotation), *_also(field.metadata)])


def _plain(annotation: Any) -> Any:
    """Return a type without its metadata, with what the metadata lets stand for it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _union([_plain(arguments[0]), *_also(arguments[1:])])
    if origin in (Union, UnionType):
        return _union([_plain(each) for each in arguments])
    if arguments and origin is not Literal:
        return origin[tuple(each if each is ... else _plain(each) for each in arguments)]
    return annotation


def _also(metadata: Iterable[Any]) -> Iterator[Any]:
    """Yield the types that field metadata take besides the one that the field holds."""
    for each in metadata:
        also = getattr(each, "also", getattr(each, "json_schema_input_type", None))
        if isinstance(also, type | UnionType):
            yield also


def _union(kinds: list[Any]) -> Any:
    """Return the union, None last."""
    return reduce(or_, sorted(dict.fromkeys(kinds), key=lambda kind: kind in (None, NoneType)))
