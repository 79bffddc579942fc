"""Says in words what a JSON Schema lets a value be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnspec.layers.fields import FLOAT32_MAX

_BOUNDS = (
    ("minimum", "≥"),
    ("exclusiveMinimum", ">"),
    ("maximum", "≤"),
    ("exclusiveMaximum", "<"),
)
_NOUNS = {
    "integer": ("whole number", "whole numbers"),
    "number": ("number", "numbers"),
    "boolean": ("true or false", "true or false"),
    "string": ("text", "texts"),
    "object": ("mapping", "mappings"),
    "null": ("null", "null"),
}


def in_words(schema: Any) -> str:
    """Return what is expected, such as "whole number > 0, or a list of 2 of them".

    That an expression may stand for it, or nothing, is left out.
    """
    return _words(schema) or "any value"


def _words(schema: Any, *, many: bool = False, known: Sequence[str] = ()) -> str:
    """Return the words; `known` are those of what may stand in place of a list."""
    reference = schema.get("$ref", "").rpartition("/")[2]
    if reference:
        return "" if reference == "expr" else _plural(reference, many)
    if "anyOf" in schema:
        alone = [_words(each) for each in schema["anyOf"] if each.get("type") != "array"]
        parts = [
            _words(each, many=many, known=alone)
            for each in schema["anyOf"]
            if each.get("type") != "null"
        ]
        return " or ".join(dict.fromkeys(part for part in parts if part))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type")
    if kind == "array":
        return _list(schema, many, known)
    if kind not in _NOUNS:
        return ""
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in _BOUNDS
        if key in schema and abs(schema[key]) < FLOAT32_MAX
    ]
    return " ".join([_NOUNS[kind][many], ", ".join(bounds)]).rstrip()


def _list(schema: Any, many: bool, known: Sequence[str]) -> str:
    least, most = schema.get("minItems"), schema.get("maxItems")
    size = f"{least} " if least is not None and least == most else ""
    items: Any = schema.get("items") or next(iter(schema.get("prefixItems", ())), {})
    inner = _words(items, many=True) or "values"
    if size and _words(items) in known:
        return f"{'lists' if many else 'a list'} of {least}"
    return f"{'lists' if many else 'a list'} of {size}{inner}"


def _plural(noun: str, many: bool) -> str:
    return f"{noun}s" if many else noun
