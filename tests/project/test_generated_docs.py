"""The pages of docs/ that are generated are those that the code gives today."""

from __future__ import annotations

import runpy

from tests.golden_files import ROOT


def test_generated_pages_are_current() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "generate_docs.py"))
    pages = script["pages"]()
    assert script["STUB"].read_text(encoding="utf-8") == script["layers_stub"]()
    for name, text in pages.items():
        kept = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert kept == text, f"docs/{name} is out of date: run `make docs`"


def test_every_class_that_trains_is_ours_or_has_a_reason() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "generate_docs.py"))
    tables = [script["table_of"](*script["TRAINED"][kind])[2:] for kind in ("losses", "optimizers")]
    tables.append(script["table_of"](*script["TRAINED"]["schedules"])[2:])
    assert all(len(table) > 15 for table in tables)
    for line in (line for table in tables for line in table):
        _, _, theirs, ours, note, _ = line.split("|", 5)
        assert ours.strip() != "none" or len(note.split()) > 2, theirs
