"""The pages that add a loss, an optimizer and a schedule: what they show stands in real places."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 4
"""Edits that an addition may take."""


def edits(page: str) -> list[tuple[Path, str, str]]:
    """Return of each edit of a page the file, the table that it goes into, and what is added."""
    found = []
    for text in re.findall(r"^```diff\n(.*?)^```", page, re.M | re.S):
        path = re.match(r"--- a/(\S+)\n", text)
        assert path is not None
        table = re.search(r"^@@ (\w+)$", text, re.M)
        added = "\n".join(line[1:] for line in text.split("\n") if line.startswith("+"))
        found.append((ROOT / path[1], table[1] if table else "", added))
    return found


def additions() -> dict[str, str]:
    """Return what each addition's part of its page says."""
    loss = (ROOT / "docs" / "add-a-loss.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "add-an-optimizer.md").read_text(encoding="utf-8")
    _, optimizer, schedule = re.split(r"^## An? (?:optimizer|schedule)$", page, flags=re.M)
    return {"loss": loss, "optimizer": optimizer, "schedule": schedule}


@pytest.mark.parametrize("what", ["loss", "optimizer", "schedule"])
def test_an_addition_takes_few_edits_in_files_that_are_there(what: str) -> None:
    made = edits(additions()[what])
    assert 3 <= len(made) <= MOST
    assert len({path for path, _, _ in made}) == len(made)
    for path, table, added in made:
        text = path.read_text(encoding="utf-8")
        if not table:
            ast.parse(added)
            assert added.split("\n")[0].startswith(("class ", "@keras"))
            continue
        # The rows go into the table as they stand.
        head = re.search(rf"^{table}: .* = {{$", text, re.M)
        assert head is not None, f"{path} has no table {table}"
        ast.parse(text[: head.end()] + "\n" + added + text[head.end() :])
