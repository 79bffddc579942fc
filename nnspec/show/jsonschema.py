"""The JSON Schema of a spec (draft 2020-12), by which editors complete and check.

It says what one value alone can show: keys, types, ranges. That names exist and shapes fit is for
`nnspec check`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from nnspec.language.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialData,
    AdversarialTraining,
    Discriminator,
    Generator,
    Models,
    Network,
)
from nnspec.language.losses import LOSSES
from nnspec.language.metrics import METRICS
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.optimizers.groups import Group, Part, Scale
from nnspec.language.pictures import Normalization, Picture
from nnspec.language.preparation import Categories, Constant
from nnspec.language.schedules import SCHEDULES
from nnspec.language.schema import Block, Call, Input, Model
from nnspec.language.sounds import Sound
from nnspec.language.texts import Texts
from nnspec.language.training_schema import Data, Training
from nnspec.language.watching import Keep, Stop
from nnspec.layers import ACTIVATIONS, LAYERS
from nnspec.layers.base import Layer
from nnspec.layers.initializers import INITIALIZERS
from nnspec.layers.records import Lazy
from nnspec.layers.recurrent import RECURRENT
from nnspec.library import BLOCKS
from nnspec.show.sharing import line, share

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# What a layer may say of itself wherever it stands; an activation inside a layer may not.
_PLACE = ("name", "inputs", "trainable")

_INSIDE = ("activation", "recurrence")

_CHOOSING = ("type", "schedule")
"""Keys that say which record of a table it is."""

_OF_ITEMS = ("repeat", "unroll", "time_distributed", "when")
"""Keys of every item of `layers`, layer or use of a block."""

_EXPRESSION: Schema = {
    "type": "string",
    "pattern": r"\$\{[^{}]*\}",
    # A description would hide the key's, of which editors show the first that they find.
    "title": "An expression such as ${max(1, width // 4)}: numbers, variables, "
    "+ - * / // % ** (), min, max, round, comparisons.",
}


def schema_text() -> str:
    """Return the schema as the text of a file: a line for each definition."""
    schema = spec_schema()
    definitions = schema.pop("$defs")
    lines = [f"{line(key)}: {line(value)}" for key, value in schema.items()]
    shared = [f"{line(key)}: {line(value)}" for key, value in definitions.items()]
    inner = ",\n".join(shared)
    return "{\n" + ",\n".join([*lines, f'"$defs": {{\n{inner}\n}}']) + "\n}\n"


def spec_schema() -> Schema:
    """Return the schema of a whole spec."""
    definitions: dict[str, Schema] = {"expr": _EXPRESSION}
    for kind, table in TABLES.items():
        without = _PLACE if kind in _INSIDE else ()
        records = [record_schema(record, without=without) for record in table.values()]
        if kind in ("activation", "metric"):
            records = _with_alike(records)
        if kind not in ("activation", "recurrence"):  # they are many, and their pages say the rest
            records = _briefly(records)
        if kind == "recurrence":
            # The layers of these names say it all.
            for each in records:
                for held in (each, *each["properties"].values()):
                    held.pop("description", None)
        # A schedule has no defaults, and so no bare name.
        names = [] if kind == "schedule" else [{"enum": list(table)}]
        definitions[kind] = {"anyOf": [*names, *records]}
    layers = []
    for kind, layer in LAYERS.items():
        definitions[f"l_{kind}"] = _as_item(record_schema(layer))
        layers.append({"$ref": f"#/$defs/l_{kind}"})
    definitions["layer"] = {
        "description": "A layer, or the use of a block.",
        "properties": _of_items(),
        "oneOf": [*layers, {"$ref": "#/$defs/call"}],
    }
    definitions["call"] = _briefly(record_schema(Call))
    kind = definitions["call"]["properties"]["type"]
    # The names are for editors to complete; a block of the spec's own has any other.
    kind["anyOf"] = [{"enum": list(BLOCKS)}, {"type": "string"}]
    kind["not"] = {"enum": list(LAYERS)}
    definitions["call"]["additionalProperties"] = True
    of_columns = (Categories, Constant, Normalization, Picture, Sound, Texts)
    for record in (Input, Data, Training, Keep, Stop, Part, Scale, Group, *of_columns):
        definitions[record.__name__] = _briefly(record_schema(record))
    definitions["Block"] = _with_layers(_briefly(record_schema(Block)))
    spec = _with_layers(_briefly(record_schema(Model)))
    spec["required"] = ["nnspec", "name"]
    spec["anyOf"] = [{"required": ["inputs", "layers"]}, {"required": ["models"]}]
    _add_models(spec, definitions)
    definitions |= share([*definitions.values(), spec])
    return {
        "$schema": DIALECT,
        "title": "nnspec",
        **spec,
        "$defs": dict(sorted(definitions.items())),
    }


def _briefly(record: Any) -> Any:
    """Return a schema in which records say their first paragraph alone: pages say the rest."""
    if isinstance(record, list):
        return [_briefly(each) for each in record]
    if not isinstance(record, dict):
        return record
    made = {key: _briefly(value) for key, value in record.items()}
    if isinstance(record.get("description"), str):
        made["description"] = record["description"].partition("\n\n")[0]
    return made


def _with_alike(records: list[Schema]) -> list[Schema]:
    """Return the records, those that have nothing but a type as one."""
    alike = [each for each in records if list(each["properties"]) == ["type"]]
    names = [each["properties"]["type"]["const"] for each in alike]
    one = {**alike[0], "properties": {"type": {"enum": names}}}
    del one["description"]
    return [one, *(each for each in records if each not in alike)]


def _add_models(spec: Schema, definitions: dict[str, Schema]) -> None:
    """Let a spec hold several networks in the place of one."""
    losses = ADVERSARIAL_LOSSES
    records = [_briefly(record_schema(record)) for record in losses.values()]
    definitions["adversarial_loss"] = {"anyOf": [{"enum": list(losses)}, *records]}
    for record in (AdversarialData, AdversarialTraining, Generator, Discriminator):
        definitions[record.__name__] = _briefly(record_schema(record))
    definitions["Network"] = _with_layers(_briefly(record_schema(Network)))
    for each in definitions["Network"]["properties"].values():
        each.pop("description", None)  # as of a spec that is one network
    spec["properties"]["models"] = record_schema(Models)["properties"]["models"]
    for key in ("data", "training"):
        given = spec["properties"][key]
        other = {"$ref": f"#/$defs/Adversarial{key.capitalize()}"}
        spec["properties"][key] = {**given, "anyOf": [*given["anyOf"], other]}


def _of_items() -> Schema:
    """Return the keys that every layer has, which `layer` describes once for all."""
    use = record_schema(Call)["properties"]
    own = record_schema(Layer)["properties"]
    return {"name": own["name"], "inputs": own["inputs"], **{key: use[key] for key in _OF_ITEMS}}


def _as_item(layer: Schema) -> Schema:
    """Return the schema of a layer with the keys of every item allowed: `layer` describes them."""
    common = _of_items()
    own = layer["properties"]
    alike = [key for key in common if own.get(key, common[key]) == common[key]]
    for key in alike:
        own.pop(key, None)
    if alike:
        # One pattern is shorter than to name each, and there are as many layers as there are.
        layer["patternProperties"] = {f"^({'|'.join(alike)})$": True}
    return layer


TABLES: dict[str, Mapping[str, type[BaseModel]]] = {
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "loss": LOSSES,
    "metric": METRICS,
    "optimizer": OPTIMIZERS,
    "recurrence": RECURRENT,
    "schedule": SCHEDULES,
}
"""The classes that a field chooses from by `type`, by the name that messages use."""


def _with_layers(record: Schema) -> Schema:
    record["properties"]["layers"] = {
        "type": "array",
        "items": {"$ref": "#/$defs/layer"},
        "minItems": 1,
        "description": record["properties"]["layers"]["description"],
    }
    return record


def record_schema(record: type[BaseModel], *, without: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a record, with references to what it holds."""
    schema = record.model_json_schema(ref_template="#/$defs/{model}")
    # Each record it holds is in the definitions by a call of its own.
    schema.pop("$defs", None)
    schema = _object(schema)
    for name in without:
        schema["properties"].pop(name, None)
    schema["description"] = inspect.cleandoc(vars(record)["__doc__"] or "")
    for name, field in record.model_fields.items():
        factory: Any = field.default_factory
        if factory is not None and name in schema["properties"]:
            made = factory()
            schema["properties"][name]["default"] = getattr(made, "type", {})
    return schema


def _object(schema: Schema) -> Schema:
    """Return the schema of an object with titles dropped and expressions allowed."""
    required = list(schema.get("required", ()))
    properties = {name: _property(name, each) for name, each in schema["properties"].items()}
    chosen = [key for key in _CHOOSING if "const" in properties.get(key, {})]
    required = [*dict.fromkeys([*chosen, *required])]
    result: Schema = {"type": "object"}
    if "description" in schema:
        result["description"] = schema["description"]
    result["properties"] = properties
    if required:
        result["required"] = required
    result["additionalProperties"] = schema.get("additionalProperties", True)
    return result


def _property(name: str, schema: Schema) -> Schema:
    notes: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    if notes.get("default", 0) is None:
        del notes["default"]
    bare = {
        key: value
        for key, value in schema.items()
        if key not in ("description", "default", "title")
    }
    if name in (*_CHOOSING, "nnspec") and "const" in bare:
        return {"const": bare["const"]}
    return {**_value(bare), **notes}


def _value(schema: Schema) -> Schema:
    """Return a schema that allows expressions where the given one wants more than a text."""
    if "x-table" in schema:
        return {"$ref": f"#/$defs/{schema['x-table']}"}
    if "x-record" in schema:
        return record_schema(Lazy(schema["x-record"]).record)
    alternatives = schema.get("anyOf")
    if alternatives is not None:
        values = [_value(each) for each in alternatives]
        flat: list[Schema] = []
        for value in values:
            flat += value["anyOf"] if list(value) == ["anyOf"] else [value]
        return {"anyOf": [each for i, each in enumerate(flat) if each not in flat[:i]]}
    kind = schema.get("type")
    dropped = ("title", "type") if "enum" in schema else ("title",)
    cleaned = {key: value for key, value in schema.items() if key not in dropped}
    if kind == "array":
        if isinstance(schema.get("items"), dict) and schema["items"]:
            cleaned["items"] = _value(schema["items"])
        return {"anyOf": [cleaned, {"$ref": "#/$defs/expr"}]}
    if kind == "object" or "$ref" in schema or kind == "null":
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) and extra:
            cleaned["additionalProperties"] = _value(extra)
        return cleaned
    if kind in ("integer", "number", "boolean") or "enum" in schema or "const" in schema:
        return {"anyOf": [cleaned, {"$ref": "#/$defs/expr"}]}
    return cleaned
