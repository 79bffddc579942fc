"""The notebooks of docs/notebooks: kept without outputs, and every cell runs."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
HAS_JUPYTER = all(importlib.util.find_spec(name) for name in ("nbclient", "ipykernel"))
SHOWN = {
    "proof": {"Spec", "Picture", "Summary", "Run", "Report", "Predictions"},
    "judge": {"Spec", "Judgement"},
}
"""What each notebook shows by its rich display."""


def cells(path: Path) -> list[dict[str, Any]]:
    return [*json.loads(path.read_text(encoding="utf-8"))["cells"]]


def test_there_are_those_that_are_tested() -> None:
    assert {path.stem for path in NOTEBOOKS} == {*SHOWN}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    found = cells(path)
    assert found[0]["cell_type"] == "markdown"
    assert len({each["id"] for each in found}) == len(found)
    for each in found:
        if each["cell_type"] == "code":
            assert each["outputs"] == []
            assert each["execution_count"] is None
            ast.parse("".join(each["source"]))


@pytest.mark.slow
@pytest.mark.skipif(not HAS_JUPYTER, reason="nbclient and ipykernel are not in requirements.lock")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_shows_what_it_has(path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    shown = {
        output["data"]["text/plain"].removeprefix("<").split()[0]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    }
    assert shown == SHOWN[path.stem]
