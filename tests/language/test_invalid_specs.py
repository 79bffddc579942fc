"""Each file of specs/invalid has one kind of mistake; beside it stands what nnspec says of it."""

import ast
import os
import re
from itertools import chain
from pathlib import Path

import pytest

import nnspec

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "specs" / "invalid"
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".yaml", ".json"))

# The rooms that find mistakes; every text of theirs that looks like a code is one.
READERS = ("language", "layers", "network")
OTHERS = ("advice", "fields", "gradients", "records")
"""Files of theirs with texts that look like codes of mistakes and are none."""


def message_of(path: Path) -> str:
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.load(path.relative_to(ROOT))
    return str(caught.value) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_message_is_what_stands_beside_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    expected = path.with_suffix(".txt")
    message = message_of(path)
    if os.environ.get("NNSPEC_WRITE_MESSAGES"):
        expected.write_text(message, encoding="utf-8")
    assert message == expected.read_text(encoding="utf-8")


def test_every_code_has_a_file() -> None:
    shown = set()
    for path in FILES:
        shown.update(re.findall(r"error\[([a-z-]+)\]", path.with_suffix(".txt").read_text()))
    assert shown == codes_in_the_source()


def codes_in_the_source() -> set[str]:
    from nnspec.show.jsonschema import TABLES

    codes = {f"unknown-{kind}" for kind in TABLES}
    rooms = [(ROOT / "nnspec" / room).glob("*.py") for room in READERS]
    for path in [ROOT / "nnspec" / "errors.py", *chain(*rooms)]:
        if path.stem in OTHERS:
            continue
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        advice = {
            id(node.args[0])
            for node in nodes
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "advise"
        }
        for node in nodes:
            if id(node) in advice:
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                codes.update(re.findall(r"\A[a-z]+(?:-[a-z]+)+\Z", node.value))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_report = node.func.attr == "add" and len(node.args) > 2
                if is_report and isinstance(node.args[0], ast.Constant):
                    codes.add(str(node.args[0].value))
    return codes
