"""The JSON Schema that editors use says what the loader says, as far as one value can show it."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import nnspec
from nnspec.language.schema import Call
from nnspec.language.source import parse
from nnspec.layers import LAYERS
from nnspec.show.jsonschema import schema_text, spec_schema

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "specs").glob("*.yaml"), *(ROOT / "specs" / "zoo").glob("*.yaml")])
# Mistakes that show in one value alone, without knowing what else is in the spec.
VISIBLE = """
activation_with_inputs bad_optimizer empty layer_is_a_word layer_without_type missing_argument
missing_layers missing_version misspelt_argument negative_size no_layers no_mapping out_of_range
repeat_of_layer repeat_zero surplus_argument unknown_activation unknown_initializer unknown_key
unknown_loss unknown_optimizer unknown_task unsupported_version wrong_kernel_size wrong_type
wrong_value zero_size
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = spec_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_schema_is_current() -> None:
    published = ROOT / "docs" / "nnspec.schema.json"
    assert published.read_text(encoding="utf-8") == schema_text(), (
        "run: nnspec schema -o docs/nnspec.schema.json"
    )


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_example_is_valid(path: Path, validator: Any) -> None:
    validator.validate(parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", VISIBLE.split())
def test_a_mistake_that_one_value_shows_is_found(name: str, validator: Any) -> None:
    text = (ROOT / "specs" / "invalid" / f"{name}.yaml").read_text(encoding="utf-8")
    assert not validator.is_valid(parse(text))


def test_it_is_small_for_all_its_descriptions() -> None:
    text = schema_text()
    assert len(text.encode()) < 200_000
    assert json.loads(text) == spec_schema()
    # A line for each definition, so that a difference shows which ones it is about.
    assert len(text.splitlines()) > len(LAYERS)


OF_ITEMS = ("name", "inputs", "repeat", "unroll", "time_distributed", "when")
"""Keys of every item of `layers`, described once for all of them."""


def test_every_layer_is_an_alternative_with_its_fields_described() -> None:
    schema = spec_schema()
    item = schema["$defs"]["layer"]
    references = [each["$ref"] for each in item["oneOf"]]
    assert references == [*(f"#/$defs/l_{kind}" for kind in LAYERS), "#/$defs/call"]

    def description(field: dict[str, Any]) -> object:
        shared = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
        return field.get("description") or shared.get("description")

    assert list(item["properties"]) == [*OF_ITEMS]
    for key, field in item["properties"].items():
        fields = LAYERS["dense"].model_fields if key in ("name", "inputs") else Call.model_fields
        assert description(field) == fields[key].description
    for kind, layer in LAYERS.items():
        definition = schema["$defs"][f"l_{kind}"]
        assert definition["description"]
        assert definition["properties"]["type"] == {"const": kind}
        ((pattern, field),) = definition["patternProperties"].items()
        assert field is True
        of_items = {key for key in OF_ITEMS if re.search(pattern, key)}
        assert not re.search(pattern, "names")
        assert {*definition["properties"], *of_items} == {*layer.model_fields, *OF_ITEMS}
        for key, field in definition["properties"].items():
            if key != "type":
                assert description(field) == layer.model_fields[key].description


def test_no_value_of_a_key_hides_what_the_key_says_of_itself() -> None:
    schema = spec_schema()

    def described(value: dict[str, Any]) -> bool:
        """Whether a value that is no record has a description, which an editor shows first."""
        held = schema["$defs"][value["$ref"].rpartition("/")[2]] if "$ref" in value else value
        inner = any(described(each) for each in held.get("anyOf", ()))
        return inner or ("description" in held and "properties" not in held)

    for name, definition in schema["$defs"].items():
        for record in (definition, *definition.get("anyOf", ())):
            for key, field in record.get("properties", {}).items():
                for value in field.get("anyOf", ()) if field is not True else ():
                    assert not described(value), (name, key, value)


HEAD = {"nnspec": 1, "name": "Net", "inputs": {"features": {"shape": [4]}}}
FITTING = [
    {"type": "dense", "units": "${width * 2}", "use_bias": "${flag}"},
    {"type": "dense", "units": 3, "inputs": "features", "activation": {"type": "gelu"}},
    {"type": "conv2d", "filters": 3, "kernel_size": ["${k}", 3], "padding": [[1, 2], 3]},
    {"type": "my_block", "anything": [1, {"a": None}], "repeat": "${n}"},
    {"type": "reshape", "shape": "${sizes}"},
    {"type": "dense", "units": 3, "name": "a", "repeat": 2, "unroll": True, "when": "${deep}"},
]
MISFITTING = [
    {"type": "dense", "units": "three"},
    {"type": "dense", "units": 3, "anything": 4},
    {"type": "dense", "units": 3, "activation": {"type": "gelu", "approximat": True}},
    {"type": "my_block", "repeat": 0},
    {"type": "relu", "name": 3},
    {"type": "relu", "repeat": 0},
    {"type": "relu", "unroll": [1]},
    {"units": 3},
    "relu",
]


@pytest.mark.parametrize("layer", FITTING, ids=str)
def test_what_fits(layer: object, validator: Any) -> None:
    validator.validate({**HEAD, "layers": [layer]})


@pytest.mark.parametrize("layer", MISFITTING, ids=str)
def test_what_does_not_fit(layer: object, validator: Any) -> None:
    assert not validator.is_valid({**HEAD, "layers": [layer]})
    with pytest.raises(nnspec.SpecError):
        nnspec.loads(json.dumps({**HEAD, "layers": [layer]}), is_json=True)
