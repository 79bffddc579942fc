"""The pages of what is emitted for each layer, loss, ...: as kept, and none left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nnspec import compile
from nnspec.layers import FAMILIES
from tests import golden_rows
from tests.formatting import assert_clean
from tests.golden_files import GOLDEN
from tests.golden_rows import REWRITES, pages, rows


@pytest.mark.parametrize(("path", "made"), [pytest.param(*each, id=each[0]) for each in pages()])
def test_a_page_is_the_golden_one(path: str, made: Callable[[], str]) -> None:
    kept = (GOLDEN / path).read_text(encoding="utf-8")
    assert made() == kept, "if the change is meant, run `make golden`"


def test_every_layer_stands_on_the_page_of_its_family() -> None:
    for family, kinds in FAMILIES.items():
        text = (GOLDEN / "layers" / f"{family}.md").read_text(encoding="utf-8")
        shown = [line[3:] for line in text.splitlines() if line.startswith("## ")]
        assert shown == list(kinds)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_every_row_of_a_rewrite_shows_it(rewrite: str) -> None:
    before, after = REWRITES[rewrite]
    for row in rows(f"onnx/{rewrite}"):
        assert len(before.emitted(row.spec)) > len(after.emitted(row.spec))


def test_ruff_accepts_the_files_that_the_rows_are_taken_from(tmp_path: Path) -> None:
    for group in ("LAYERS", "INITIALIZERS", "LOSSES", "OPTIMIZERS", "SCHEDULES"):
        for name, shown in getattr(golden_rows, group).items():
            for i, row in enumerate(shown):
                is_trained = row.spec.model.training is not None
                for to in ("torch", "keras"):
                    source = compile(row.spec, to, training=is_trained).source
                    (tmp_path / f"{name}_{i}_{to}.py").write_text(source, encoding="utf-8")
    assert_clean(tmp_path)
