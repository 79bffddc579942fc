"""The JSON Schema for strict structured output: small, every object closed, every key required.

Services that hold a language model to a schema know neither `oneOf` nor free keys
(https://platform.openai.com/docs/guides/structured-outputs), so mappings of names are lists of
named records here, and what is not set is null. `nnspec.language.strict` reads that form.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES
from nnspec.language.schema import FORMAT_VERSION, Block, Input, Model
from nnspec.language.strict import ARGUMENTS
from nnspec.language.training_schema import Data, Training
from nnspec.layers import ACTIVATIONS, LAYERS
from nnspec.layers.fields import Frozen
from nnspec.show.jsonschema import record_schema

Schema = dict[str, Any]

GROUPS = {
    "strides": "filters kernel_size pool_size strides padding dilation_rate groups use_bias "
    "activation",
    "units": "units use_bias activation return_sequences",
    "num_heads": "num_heads key_dim causal mask key_padding",
    "input_dim": "input_dim output_dim",
    "axis rate": "axis rate",
}
"""Keys -> those that stand as such in layers that have one of them, null where one has them not.

Other keys of these layers, and all of the others, are listed under `arguments`: a schema that had
each would be many times as large, and a model would have to write null for every one.
"""

_EVERYWHERE = ("type", "name", "inputs")
_EXPRESSION = "string"
"""An expression, ${width * 2}, may stand for a number or a flag."""

_OWN = ("Data", "Training")
"""Records that have a definition of their own; others are lists of their keys and values."""

_SHARED: Schema = {
    "s": {"type": ["string", "null"]},
    "i": {"type": ["integer", _EXPRESSION, "null"]},
    "f": {"type": ["number", _EXPRESSION, "null"]},
    "b": {"type": ["boolean", _EXPRESSION, "null"]},
    "n": {"type": ["array", "null"], "items": {"type": "string"}},
    "v": {
        "anyOf": [
            {"type": ["number", "string", "boolean", "null"]},
            {"type": "array", "items": {"$ref": "#/$defs/v"}},
            {"$ref": "#/$defs/record"},
        ]
    },
}
"""Types that many keys have: text, whole number, number, flag, names, and any value.

A record, such as an initializer with arguments, is a type and a list of them, as a layer is.
"""


def compact_text() -> str:
    """Return the schema as the text of a file, on one line."""
    return json.dumps(compact_schema(), ensure_ascii=False, separators=(",", ":")) + "\n"


def compact_schema() -> Schema:
    """Return the schema of a whole spec."""
    spec = _closed(
        {
            **_record(Model),
            "nnspec": {"type": "integer", "enum": [FORMAT_VERSION]},
            "name": {"type": "string"},
            "variables": _reference("a"),
            "inputs": _list(_closed({"name": {"type": "string"}, **_record(Input)})),
            "blocks": _list(_reference("block"), is_optional=True),
            "layers": _list(_reference("layer")),
            "initializer": _reference("v"),
            "data": _optional(_reference("data")),
            "training": _optional(_reference("training")),
        }
    )
    features = _closed({"input": {"type": "string"}, "columns": _reference("n")})
    value = _closed({"name": {"type": "string"}, "value": _reference("v")})
    definitions = {
        **_SHARED,
        "a": _list(value, is_optional=True),
        "block": _closed(
            {
                "name": {"type": "string"},
                **_record(Block),
                "variables": _reference("a"),
                "layers": _list(_reference("layer")),
            }
        ),
        "layer": {"anyOf": [*_layers(), _use()]},
        "activation": _chosen(ACTIVATIONS),
        "record": _closed({"type": {"type": "string"}, ARGUMENTS: _reference("a")}),
        # The page of training names them; here they would take the room of what comes next.
        "loss": {"anyOf": [_reference("s"), _reference("record")]},
        "optimizer": _optional(_optimizer()),
        "schedule": _of_table(SCHEDULES, "schedule"),
        "data": _closed({**_record(Data), "features": _list(features)}),
        "training": _closed(_record(Training)),
    }
    return _without_what_stands_once({**spec, "$defs": definitions})


def _without_what_stands_once(schema: Schema) -> Schema:
    """Return the schema with each definition that one place refers to in that place."""
    definitions: dict[str, Schema] = schema["$defs"]
    count = Counter(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))

    def put(value: Any) -> Any:
        if isinstance(value, list):
            return [put(each) for each in value]
        if not isinstance(value, dict):
            return value
        name = str(value.get("$ref", "")).rpartition("/")[2]
        if count[name] == 1:
            return put(definitions[name])
        return {key: put(each) for key, each in value.items()}

    kept = {name: put(each) for name, each in definitions.items() if count[name] > 1}
    return {**{key: put(each) for key, each in schema.items() if key != "$defs"}, "$defs": kept}


def _layers() -> Iterable[Schema]:
    """Yield a closed object for each group of layers."""
    members: dict[str, list[str]] = {}
    properties: Schema = {}
    for kind, layer in LAYERS.items():
        fits = (keys for keys in GROUPS if not layer.model_fields.keys().isdisjoint(keys.split()))
        members.setdefault(next(fits, ""), []).append(kind)
        properties = record_schema(layer)["properties"] | properties
    for key, kinds in members.items():
        keys = {each: _simple(properties[each]) for each in GROUPS.get(key, "").split()}
        yield _placed({"type": "string", "enum": kinds}, keys)


def _use() -> Schema:
    """Return the use of a block, the spec's own or the library's.

    Its first key is another than that of the layers, whose types tell them apart: alternatives that
    begin alike are refused by services.
    """
    keys = _placed({"type": "string"}, {})["properties"]
    return _closed({"repeat": _reference("i"), **keys})


def _placed(kind: Schema, keys: Mapping[str, Schema]) -> Schema:
    return _closed(
        {
            "type": kind,
            "name": _reference("s"),
            "inputs": _reference("n"),
            **keys,
            ARGUMENTS: _reference("a"),
        }
    )


def _record(record: type[Frozen]) -> dict[str, Schema]:
    """Return the keys of a record."""
    properties = record_schema(record)["properties"]
    return {key: _simple(each) for key, each in properties.items()}


def _chosen(table: Mapping[str, type[Frozen]]) -> Schema:
    """Return the name of a record, or where any takes arguments, the record; or null."""
    names = {"type": ["string", "null"], "enum": [*table, None]}
    take_any = any(set(record.model_fields) - {*_EVERYWHERE} for record in table.values())
    return {"anyOf": [names, _reference("record")]} if take_any else names


def _optimizer() -> Schema:
    """Return an object of an optimizer: what each has of its own is among its `arguments`."""
    rate = _record(OPTIMIZERS["adam"])["learning_rate"]
    kind = {"type": "string", "enum": list(OPTIMIZERS)}
    return _closed({"type": kind, "learning_rate": rate, ARGUMENTS: _reference("a")})


def _of_table(table: Mapping[str, type[Frozen]], key: str) -> Schema:
    """Return an object for any record of a table: what each has of its own is an argument."""
    kind = {"type": "string", "enum": list(table)}
    return _closed({key: kind, ARGUMENTS: _reference("a")})


def _simple(schema: Schema) -> Schema:
    """Return the type of a key, without its range: that is for `nnspec check` to say."""
    parts = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    if any(each.get("type") == "object" and "properties" in each for each in parts):
        return _reference("a")  # the keys of a record, each with its value
    references = [each["$ref"].rpartition("/")[2] for each in parts if "$ref" in each]
    tables = [name for name in references if name != "expr"]
    if tables:
        is_record = tables[0] not in _OWN and tables[0].istitle()
        found = _reference("a" if is_record else tables[0].lower())
        # An object beside a table is one for each output: a list of them is not of this form.
        kinds = {each.get("type") for each in parts} - {None, "object"}
        return {"anyOf": [_reference("f"), found]} if kinds else found
    words = next((each["enum"] for each in parts if "enum" in each), None)
    kinds = {each.get("type", "string") for each in parts if "$ref" not in each}
    if words is not None and kinds == {"string"}:
        return {"type": ["string", "null"], "enum": [*words, None]}
    if "array" in kinds:
        items = next(each["items"] for each in parts if each.get("type") == "array")
        return _reference("n" if items == {"type": "string"} else "v")
    letters = {"integer": "i", "number": "f", "boolean": "b", "string": "s"}
    return _reference(letters.get(kinds.pop(), "v") if len(kinds) == 1 else "v")


def _closed(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema, *, is_optional: bool = False) -> Schema:
    return {"type": ["array", "null"] if is_optional else "array", "items": items}


def _optional(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
