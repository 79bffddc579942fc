"""YAML 1.2 and JSON are read to the same values, each with its place."""

import json
import math

import pytest
import yaml

from nnspec.errors import Mark
from nnspec.language.source import parse
from nnspec.language.tree import Map, Sequence, SourceError

# https://yaml.org/spec/1.2.2/#103-core-schema
PLAIN = {
    "no": "no",
    "yes": "yes",
    "on": "on",
    "Off": "Off",
    "true": True,
    "True": True,
    "FALSE": False,
    "tRUE": "tRUE",
    "null": None,
    "~": None,
    "": None,
    "nULL": "nULL",
    "010": 10,
    "0o14": 12,
    "0x1F": 31,
    "0b11": "0b11",
    "-7": -7,
    "+7": 7,
    "1_000": "1_000",
    "12:30": "12:30",
    "1e-3": 0.001,
    "1e3": 1000.0,
    "1.": 1.0,
    ".5": 0.5,
    "+.5": 0.5,
    "-.5e1": -5.0,
    ".": ".",
    "-": "-",
    "1.2.3": "1.2.3",
    "2025-01-01": "2025-01-01",
    ".inf": math.inf,
    "-.Inf": -math.inf,
    "<<": "<<",
    "${a}": "${a}",
}


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_scalar_means_what_the_core_schema_says(text: str) -> None:
    value = parse(f"- {text}\n" if text != "-" else '- "-"\n')[0]
    assert value == PLAIN[text]
    assert type(value) is type(PLAIN[text])


def test_not_a_number() -> None:
    assert math.isnan(parse("- .nan")[0])


@pytest.mark.parametrize("text", ["'10'", '"10"', ">-\n  10", "|-\n  10"])
def test_a_quoted_or_block_scalar_is_a_text(text: str) -> None:
    assert parse(f"- {text}\n") == ["10"]


def test_a_key_is_what_was_written() -> None:
    assert list(parse("{1: a, null: b, true: c, 010: d}")) == ["1", "null", "true", "010"]


TREES: list[object] = [
    None,
    [],
    {},
    {"a": [1, 2.5, "x", None, True, {"b": []}], "": {"ü": "\U0001f600 \n\t\\"}},
    [[[1]], -0.0, 1e300, 2**63 - 1, -(2**63) + 1],
]


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("indent", [None, 2])
def test_yaml_and_json_have_one_meaning(tree: object, indent: int | None) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=False)
    assert parse(text, is_json=True) == tree
    assert parse(text) == tree
    assert parse(yaml.safe_dump(tree, indent=indent)) == tree


def test_every_value_has_its_place() -> None:
    text = 'a: 12\nbc:\n  - x\n  - {d: "efg"}\n'
    tree = parse(text)
    assert isinstance(tree, Map)
    assert tree.marks["a"] == (Mark(0, 0, 1), Mark(0, 3, 2))
    assert tree.marks["bc"][0] == Mark(1, 0, 2)
    assert isinstance(tree["bc"], Sequence)
    assert tree["bc"].marks == [Mark(2, 4, 1), Mark(3, 4, 1)]
    assert tree["bc"][1].marks["d"] == (Mark(3, 5, 1), Mark(3, 8, 5))


def test_json_has_the_same_places_as_yaml() -> None:
    text = '{"a": 12,\n "bc": ["x",\n  {"d": "efg"}]}'
    first, second = parse(text), parse(text, is_json=True)
    assert first.marks == second.marks
    assert first["bc"].marks == second["bc"].marks
    assert first["bc"][1].marks == second["bc"][1].marks


def test_an_alias_stands_for_its_anchor_and_counts_what_it_holds() -> None:
    tree = parse("a: &a [1, {b: 2}]\nc: [*a, *a]\n")
    assert tree["c"] == [[1, {"b": 2}]] * 2
    assert tree["a"].size == 5
    assert tree["c"].size == 11
    assert tree["c"].height == 3


NO_JSON = [
    *("", "{", "[1,]", "{a: 1}", "[1 2]", '{"a" 1}', "[}", '{"a":1,}', "1 2", "\ufeff\ufeff1"),
    *("01", "+1", "1.", ".5", "-", "0x1", "NaN", "tru", "'a'", '"a', '"\\x"', '"\t"', "// a\n1"),
]


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text, is_json=True)
    assert caught.value.problems[0].code == "json-syntax"


def test_every_duplicate_key_is_found() -> None:
    for is_json in (False, True):
        with pytest.raises(SourceError) as caught:
            parse('{"a": 1, "b": {"c": 1, "c": 2}, "a": 2}', is_json=is_json)
        assert [problem.code for problem in caught.value.problems] == ["duplicate-key"] * 2
