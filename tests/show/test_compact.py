"""The compact JSON Schema: as strict structured output wants it, and what it allows is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.language.writer import plain
from nnspec.layers import LAYERS
from nnspec.show.compact import GROUPS, compact_schema, compact_text
from nnspec.show.examples import HEADER, examples
from tests.golden_files import SPECS as ONES

ROOT = Path(__file__).parents[2]
SPECS = [*ONES, *sorted((ROOT / "specs" / "zoo").glob("*.yaml"))]
SCHEMA = compact_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# What strict structured output knows of JSON Schema.
KEYWORDS = {
    "$defs", "$ref", "additionalProperties", "anyOf", "enum", "items", "properties", "required",
    "type",
}  # fmt: skip


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all within it."""
    yield schema
    for key in ("properties", "$defs"):
        for each in schema.get(key, {}).values():
            yield from schemas(each)
    for each in schema.get("anyOf", []):
        yield from schemas(each)
    if "items" in schema:
        yield from schemas(schema["items"])


def test_it_is_small_and_current() -> None:
    text = compact_text()
    assert len(text.encode()) < 10_000
    assert json.loads(text) == SCHEMA
    printed = CliRunner().invoke(main, ["schema", "--compact"]).stdout
    assert printed == text


def test_it_has_the_form_of_strict_structured_output() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["type"] == "object"
    properties = 0
    for each in schemas(SCHEMA):
        assert each.keys() <= KEYWORDS
        if "$ref" in each:
            assert list(each) == ["$ref"]
            assert each["$ref"].removeprefix("#/$defs/") in SCHEMA["$defs"]
        if each.get("type") == "object":
            assert each["additionalProperties"] is False
            assert each["required"] == list(each["properties"])
            properties += len(each["properties"])
    assert properties < 5000
    words = [word for each in schemas(SCHEMA) for word in each.get("enum", ())]
    assert len(words) <= 1000
    for each in schemas(SCHEMA):
        if len(each.get("enum", ())) > 250:
            assert sum(map(len, each["enum"])) <= 15_000


def test_alternatives_are_told_apart_by_their_first_key() -> None:
    for each in schemas(SCHEMA):
        seen: dict[str, set[str]] = {}
        for option in each.get("anyOf", ()):
            if "properties" not in option:
                continue
            first, value = next(iter(option["properties"].items()))
            words = set(value.get("enum", ()))
            assert words or first not in seen
            assert not words & seen.get(first, set())
            seen.setdefault(first, set()).update(words)


def allows_null(schema: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]}).is_valid(None)


def test_what_need_not_be_given_may_be_null() -> None:
    needed = {
        "nnspec",
        "name",
        "type",
        "inputs",
        "shape",
        "layers",
        "features",
        "input",
        "schedule",
    }
    for each in schemas(SCHEMA):
        for key, value in each.get("properties", {}).items():
            assert allows_null(value) or key in needed


def test_the_example_in_the_docs_is_of_that_form() -> None:
    page = (ROOT / "docs" / "spec-language.md").read_text(encoding="utf-8")
    text = page.partition("```json\n")[2].partition("```")[0]
    VALIDATOR.validate(json.loads(text))
    assert nnspec.loads(text).name == "Net"


def test_every_layer_is_in_it() -> None:
    *groups, use = SCHEMA["$defs"]["layer"]["anyOf"]
    kinds = [kind for group in groups for kind in group["properties"]["type"]["enum"]]
    assert sorted(kinds) == sorted(LAYERS)
    assert use["properties"]["type"] == {"type": "string"}
    for group in groups:
        for key in set(group["properties"]) - {"type", "name", "inputs", "arguments"}:
            kinds = group["properties"]["type"]["enum"]
            assert any(key in LAYERS[kind].model_fields for kind in kinds)
    assert len(groups) == len(GROUPS) + 1


# A spec in the strict form, made of one in the usual form as a language model would write it.


def strict(document: dict[str, Any]) -> dict[str, Any]:
    filled = {
        **document,
        "variables": values(document.get("variables")),
        "inputs": [{"name": name, **each} for name, each in document["inputs"].items()],
        "blocks": [
            {
                "name": name,
                **each,
                "inputs": many(each.get("inputs")),
                "variables": values(each.get("variables")),
                "layers": [layer(inner) for inner in each["layers"]],
                "outputs": many(each.get("outputs")),
            }
            for name, each in document.get("blocks", {}).items()
        ],
        "layers": [layer(each) for each in document["layers"]],
        "outputs": many(document.get("outputs")),
    }
    if "data" in document:
        features = document["data"]["features"].items()
        listed = [{"input": name, "columns": many(each)} for name, each in features]
        filled["data"] = {
            **document["data"],
            "features": listed,
            "target": many(document["data"]["target"]),
        }
    if "training" in document:
        training = filled["training"] = dict(document["training"])
        if isinstance(training.get("optimizer"), str):
            training["optimizer"] = {"type": training["optimizer"]}
        if isinstance(training.get("optimizer"), dict):
            optimizer = dict(training["optimizer"])
            own = {key: optimizer.pop(key) for key in ("type", "learning_rate") if key in optimizer}
            training["optimizer"] = {**own, "arguments": values(optimizer)}
    result: dict[str, Any] = fill(SCHEMA, filled)
    return result


def many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def values(given: Any) -> Any:
    return [{"name": name, "value": each} for name, each in given.items()] if given else None


def record(given: Any) -> Any:
    """Return a record that is a value: its type, and its keys as a list."""
    if not isinstance(given, dict):
        return given
    others = {key: record(each) for key, each in given.items() if key != "type"}
    return {"type": given["type"], "arguments": values(others)}


def layer(given: dict[str, Any]) -> dict[str, Any]:
    kind = given["type"]
    groups = SCHEMA["$defs"]["layer"]["anyOf"]
    group = next(each for each in groups if kind in each["properties"]["type"].get("enum", [kind]))[
        "properties"
    ]
    own = {key: each for key, each in given.items() if key in group}
    others = {key: record(each) for key, each in given.items() if key not in group}
    if "inputs" in own:
        own["inputs"] = many(own["inputs"])
    if "activation" in own:
        own["activation"] = record(own["activation"])
    return {**dict.fromkeys(group), **own, "arguments": values(others)}


def fill(schema: dict[str, Any], value: Any) -> Any:
    """Return a value with null for every key of the schema that it has not."""
    if "$ref" in schema:
        return fill(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], value)
    if isinstance(value, dict):
        if "anyOf" in schema:
            options = [each for each in schema["anyOf"] if each != {"type": "null"}]
            if len(options) > 1:
                return value
            return fill(options[0], value)
        keys = schema["properties"]
        return {
            **dict.fromkeys(keys),
            **{key: fill(keys[key], each) for key, each in value.items()},
        }
    if isinstance(value, list) and "items" in schema:
        return [fill(schema["items"], each) for each in value]
    return value


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_example_in_the_strict_form_is_valid_and_read_as_the_same(path: Path) -> None:
    spec = nnspec.load(path)
    document = strict(plain(spec.model))
    VALIDATOR.validate(document)
    again = nnspec.loads(json.dumps(document), is_json=True, path=path)
    assert again.sha256 == spec.sha256
    assert plain(again.model.training) == plain(spec.model.training)
    assert plain(again.model.data) == plain(spec.model.data)


def test_every_example_of_a_layer_in_the_strict_form_is_valid_and_read_as_the_same() -> None:
    for shown in examples("layer", LAYERS).values():
        for text in shown:
            spec = nnspec.loads(HEADER + text)
            document = strict(plain(spec.model))
            VALIDATOR.validate(document)
            assert nnspec.loads(json.dumps(document), is_json=True).sha256 == spec.sha256


NET = {"nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [8]}}}


def test_null_for_what_is_not_set_is_as_if_it_stood_not_there() -> None:
    usual = {**NET, "layers": [{"type": "dense", "units": 3}, {"type": "relu"}]}
    nulls: dict[str, Any] = {
        **dict.fromkeys(nnspec.Model.model_fields),
        **NET,
        "inputs": {"x": {"shape": [8], "dtype": None}},
        "layers": [
            {**dict.fromkeys(LAYERS["dense"].model_fields), "type": "dense", "units": 3},
            # A key that another layer has.
            {"type": "relu", "name": None, "inputs": None, "negative_slope": None},
        ],
        "training": {**dict.fromkeys(nnspec.Training.model_fields), "task": "regression"},
    }
    spec = nnspec.loads(json.dumps(nulls))
    assert spec.sha256 == nnspec.loads(json.dumps(usual)).sha256
    assert spec.model.training == nnspec.Training(task="regression")


@pytest.mark.parametrize(
    ("layer", "code", "at"),
    [
        ({"type": "dense", "units": None, "use_bias": None}, "missing-argument", "dense"),
        ({"type": "dense", "unit": None, "units": 3, "name": None}, "unknown-key", "unit"),
        (
            {"type": "dense", "units": 3, "activation": "rel", "name": None},
            "unknown-activation",
            "rel",
        ),
        ({"type": "dense", "units": 0, "arguments": None}, "bad-size", "0"),
        ({"type": "dense", "arguments": [{"name": "units", "value": 0}]}, "bad-size", "0"),
        ({"type": "dens", "units": 3, "arguments": []}, "unknown-layer", "dens"),
    ],
    ids=str,
)
def test_a_mistake_in_the_strict_form_is_told_at_its_place(
    layer: dict[str, Any], code: str, at: str
) -> None:
    text = json.dumps(
        {**NET, "inputs": [{"name": "x", "shape": [8], "dtype": None}], "layers": [layer]}
    )
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(text)
    (problem,) = caught.value.problems
    assert problem.code == code
    assert problem.mark is not None
    assert text[problem.mark.column :].lstrip('"').startswith(at)


def test_a_variable_is_set_in_the_strict_form_too() -> None:
    document = {
        **NET,
        "variables": [{"name": "width", "value": 3}],
        "layers": [{"type": "dense", "units": "${width}"}],
    }
    spec = nnspec.loads(json.dumps(document), variables={"width": 5})
    assert spec.graph.types[spec.graph.outputs[0]].shape == (5,)


def test_null_as_the_value_of_a_variable_stays() -> None:
    document = {
        **NET,
        "blocks": {"unit": {"variables": {"act": "relu"}, "layers": [
            {"type": "dense", "units": 3, "activation": "${act}"},
        ]}},
        "layers": [{"type": "unit", "act": None, "repeat": None}],
    }  # fmt: skip
    graph = nnspec.loads(json.dumps(document)).graph
    (at,) = graph.walk()
    assert at.node.layer.output_activation is None


def test_wrong_specs_are_refused_by_the_schema() -> None:
    document = strict(plain(nnspec.load(SPECS[0]).model))
    for change in (
        {"name": None},
        {"layers": None},
        {"surplus": 1},
        {"layers": [{"type": "dense", "units": 3}]},
        {"layers": [{**document["layers"][0], "unit": 3}]},
        {"inputs": {"x": {"shape": [3]}}},
    ):
        assert not VALIDATOR.is_valid({**document, **change})
    assert not VALIDATOR.is_valid({key: document[key] for key in document if key != "outputs"})
