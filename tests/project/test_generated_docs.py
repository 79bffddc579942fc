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
