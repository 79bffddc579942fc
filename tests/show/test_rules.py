"""Every code of `nnspec check` is explained, by specs that get it and mended ones that do not."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import nnspec
from nnspec.cli import main
from nnspec.errors import Problem
from nnspec.network.fixing import mend
from nnspec.network.loader import load_any, loads_any
from nnspec.show.jsonschema import TABLES
from nnspec.show.rules import rules

ROOT = Path(__file__).parents[2]
RULES = rules()
WITHOUT_SPEC = {
    # Of files and rows, not of specs; or of texts that are long by nature.
    "not-text", "unreadable-file", "wrong-data", "too-deep", "too-many-problems",
    "unbalanced-classes", "long-schedule", "late-average",
}  # fmt: skip
FAULTLESS = {"saturating-stack": ["specs/zoo/autoencoder.yaml"]}
"""Of the specs that ship, those that a rule is right to speak of: Hinton and Salakhutdinov had to
train each layer of their autoencoder by itself first, because the gradient vanishes in it."""


def found_in(text: str) -> tuple[Problem, ...]:
    try:
        return loads_any(text).advice
    except nnspec.SpecError as error:
        return error.problems


@pytest.mark.parametrize("code", [code for code in RULES if code not in WITHOUT_SPEC])
def test_a_bad_spec_gets_its_code_and_the_mended_one_nothing(code: str) -> None:
    rule = RULES[code]
    found = found_in(rule.bad)
    assert [each.code for each in found] == [code]
    assert found[0].severity == rule.severities[0]
    assert found_in(rule.mended) == ()


def test_only_what_no_short_spec_shows_has_none() -> None:
    assert {code for code, rule in RULES.items() if not rule.bad} == WITHOUT_SPEC


def test_every_code_in_the_source_is_explained() -> None:
    """Each text that stands where a code does is one."""
    codes = {f"unknown-{kind}" for kind in TABLES} | {"shape-mismatch"}
    for path in (ROOT / "nnspec").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("Problem", "add", "advise", "advice", "tell") and len(node.args) > 1:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    codes.update(re.findall(r"\A[a-z]+(?:-[a-z0-9]+)+\Z", first.value))
    assert codes <= {*RULES}
    told = {code for code in RULES if f'"{code}"' in _source() or f'"{code}: ' in _source()}
    assert {*RULES} - codes <= told


def _source() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (ROOT / "nnspec").rglob("*.py"))


@pytest.mark.parametrize(
    "folder", ["specs", "specs/zoo", "specs/digits", "specs/sequences", "tests/networks"]
)
def test_advice_is_silent_on_the_specs_that_ship(folder: str) -> None:
    known = {
        # Language models are deployed with logits.
        "specs/zoo/gpt2.yaml": {"output-activation"},
        "specs/zoo/llama.yaml": {"output-activation"},
        **{path: {code} for code, paths in FAULTLESS.items() for path in paths},
    }
    for path in sorted((ROOT / folder).glob("*.yaml")):
        name = str(path.relative_to(ROOT))
        found = {each.code for each in load_any(path).advice}
        assert found == known.get(name, set()), name


def test_explain_prints_a_rule_and_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explain", "redundant-bias"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "redundant-bias (advice)" in text
    assert "use_bias: false" in text
    with pytest.raises(SystemExit) as ended:
        main(["explain", "redundent-bias"])
    assert ended.value.code == 2
    assert 'did you mean "redundant-bias"' in capsys.readouterr().err


def test_rules_lists_every_code_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rules"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*RULES]
    with pytest.raises(SystemExit):
        main(["rules", "--json"])
    listed = json.loads(capsys.readouterr().out)["rules"]
    assert [each["code"] for each in listed] == [*RULES]
    assert {key for each in listed for key in each} == {
        "code", "severities", "means", "why", "mend", "bad", "mended",
    }  # fmt: skip


def test_a_code_of_the_page_is_one_that_check_prints() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert re.findall(r"^### `([a-z0-9-]+)`", page, re.MULTILINE) == [
        *(code for code, rule in RULES.items() if rule.severities[0] == "error"),
        *(code for code, rule in RULES.items() if rule.severities[0] == "advice"),
        *(code for code, rule in RULES.items() if rule.severities[0] == "note"),
    ]


NORMED = """nnspec: 1
name: Net
inputs: {x: {shape: [4]}}
blocks:
  part:
    variables: {is_normed: true}
    layers:
      - {type: dense, units: 4}
      - {type: batch_normalization, when: "${is_normed}"}
      - {type: relu}
layers:
"""


def test_a_redundant_bias_is_mended_where_all_that_stands_there_has_one() -> None:
    mended = mend(NORMED + "  - {type: part}\n  - {type: part}\n")
    assert [each.code for each in mended.fixed] == ["redundant-bias"]
    assert "{type: dense, units: 4, use_bias: false}" in mended.text
    assert mended.problems == ()
    # Another use has no normalisation, and needs its bias.
    needed = NORMED + "  - {type: part}\n  - {type: part, is_normed: false}\n"
    assert mend(needed).text == needed


def test_a_fix_of_advice_that_is_only_likely_is_asked_for() -> None:
    text = RULES["selu-dropout"].bad
    assert mend(text).text == text
    assert "alpha_dropout" in mend(text, unsafe=True).text
