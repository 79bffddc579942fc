"""A schema that says everything once says the same as before."""

from __future__ import annotations

import copy
from typing import Any

from nnspec.show.sharing import line, share

WHOLE: dict[str, Any] = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1000000}]}
MANY: dict[str, Any] = {"anyOf": [WHOLE, {"type": "array", "items": WHOLE, "maxItems": 30}]}


def roots() -> list[dict[str, Any]]:
    record = {
        "type": "object",
        "properties": {
            "type": {"const": "a"},
            "name": True,
            "size": {**MANY, "description": "Its size.", "default": 1},
            "step": {**MANY, "description": "Its step.", "default": 1},
            "again": {**MANY, "description": "Its step.", "default": 1},
        },
        "additionalProperties": WHOLE,
    }
    other = {"oneOf": [record, {"type": "array", "items": MANY}]}
    return copy.deepcopy([record, other])


def opened(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema with what its references mean in their place."""
    if isinstance(schema, list):
        return [opened(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        assert list(schema) == ["$ref"]  # some editors read nothing that stands beside one
        return opened(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    result = {key: opened(each, definitions) for key, each in schema.items()}
    alternatives = result.get("anyOf", ())
    if len(alternatives) == 1 and list(alternatives[0]) == ["anyOf"]:
        result["anyOf"] = alternatives[0]["anyOf"]
    return result


def test_what_several_places_say_is_said_once_and_means_the_same() -> None:
    shared = roots()
    definitions = share(shared)
    assert [opened(each, definitions) for each in shared] == roots()
    text = line([*shared, definitions])
    assert len(text) < len(line(roots()))
    assert text.count("1000000") == 1
    assert text.count('"maxItems"') == 1
    assert text.count("Its step.") == 1


def test_what_stands_once_or_is_short_stays_where_it_is() -> None:
    once = [{"properties": {"a": MANY, "b": {"type": "null"}, "c": {"type": "null"}}}]
    kept = copy.deepcopy(once)
    share(kept)
    assert kept[0]["properties"]["b"] == {"type": "null"}
    alone = [{"properties": {"a": {"type": "array", "description": "x" * 200}}}]
    kept = copy.deepcopy(alone)
    assert share(kept) == {}
    assert kept == alone
