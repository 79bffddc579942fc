"""docs/upstream.md: every entry has a script that pins its versions, and a test of ours."""

from __future__ import annotations

import ast
import re

import pytest

from tests.golden_files import ROOT

PAGE = ROOT / "docs" / "upstream.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and "findings/" in line
]


def test_there_are_at_least_ten() -> None:
    assert len({row[3] for row in ROWS}) == len(ROWS) >= 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[3][1 : row[3].index("]")])
def test_an_entry_has_a_script_and_a_test(row: list[str]) -> None:
    _, versions, right, script, guard = row
    assert right
    found = re.fullmatch(r"\[(\w+)\]\(\.\./findings/\1\.sh\)", script)
    assert found, script
    text = (ROOT / "findings" / f"{found[1]}.sh").read_text(encoding="utf-8")
    assert "nnspec" not in text
    for each in versions.split(", "):
        name, _, version = each.partition(" ")
        assert f"{name}=={version}" in text, f"{script} pins no {each}"
    path, _, test = guard.strip("`| ").partition("::")
    names = {
        node.name
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert test in names
