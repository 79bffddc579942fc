"""Say once what a JSON Schema says in several places: a definition there, references here.

A third of the file would else be what every convolution says of its kernel, and every optimizer of
its rate.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_LEAST = 40
"""Characters that a definition must spare."""

_REFERENCE = len('{"$ref":"#/$defs/v99"}')
_NAMED = len('"v99": ,')

_MANY = ("anyOf", "oneOf")
_INNER = ("properties", "$defs")
_ONE = ("items", "additionalProperties")


def line(value: object) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def share(roots: list[Schema]) -> dict[str, Schema]:
    """Return definitions of what these schemas say several times, and refer to them there."""
    shared = _worth_sharing(roots)
    definitions: dict[str, Schema] = {}
    names: dict[str, str] = {}

    def put(schema: Schema) -> Schema:
        """Return the schema with references in it, or the reference to it."""
        text = line(schema)
        if text not in shared:
            return inside(schema)
        if text not in names:
            names[text] = f"v{len(names) + 1}"
            definitions[names[text]] = inside(schema)
        return {"$ref": f"#/$defs/{names[text]}"}

    def inside(schema: Schema) -> Schema:
        values = _values(schema)
        if values is not None and line(values) in shared:
            # Not beside the reference alone: some editors read nothing that stands beside one.
            return {**schema, "anyOf": [put(values)]}
        result = dict(schema)
        for key in _MANY:
            if key in schema:
                result[key] = [put(each) for each in schema[key]]
        for key in _INNER:
            if key in schema:
                result[key] = {
                    name: put(each) if isinstance(each, dict) else each
                    for name, each in schema[key].items()
                }
        for key in _ONE:
            if isinstance(schema.get(key), dict):
                result[key] = put(schema[key])
        return result

    for root in roots:
        root.update(inside(root))
    return definitions


def _worth_sharing(roots: list[Schema]) -> set[str]:
    """Return the schemas, as text, of which a definition makes the whole shorter."""
    kept: dict[str, Schema] = {}
    times: Counter[str] = Counter()

    def visit(schema: Schema) -> None:
        text = line(schema)
        if text not in kept:
            kept[text] = schema
            for each in _parts(schema):
                visit(each)

    for root in roots:
        for each in _parts(root):
            visit(each)
            times[line(each)] += 1
    shared: set[str] = set()
    # The longer first: how often a part is left depends on what holds it.
    for text in sorted(kept, key=len, reverse=True):
        count = times[text]
        spared = (count - 1) * len(text) - count * _REFERENCE - _NAMED
        if len(kept[text]) > ("$ref" in kept[text]) and count > 1 and spared >= _LEAST:
            shared.add(text)
            count = 1
        for each in _parts(kept[text]):
            times[line(each)] += count
    return shared


def _values(schema: Schema) -> Schema | None:
    """Return what a key may be, without what it says of itself or its default."""
    return {"anyOf": schema["anyOf"]} if "anyOf" in schema and len(schema) > 1 else None


def _parts(schema: Schema) -> Iterator[Schema]:
    """Yield the schemas right within one."""
    values = _values(schema)
    if values is not None:
        yield values
    else:
        yield from schema.get("anyOf", ())
    yield from schema.get("oneOf", ())
    for key in _INNER:
        yield from (each for each in schema.get(key, {}).values() if isinstance(each, dict))
    yield from (schema[key] for key in _ONE if isinstance(schema.get(key), dict))
