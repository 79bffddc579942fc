"""The notebooks on the site: their cells, as they are kept, without outputs."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"


def pages() -> dict[str, str]:
    """Return the page of each notebook by its path in the repository."""
    return {f"docs/notebooks/{path.name}": _page(path) for path in sorted(FOLDER.glob("*.ipynb"))}


def _page(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = [
        text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
        for cell in cells
        for text in ["".join(cell["source"])]
    ]
    title, *rest = "\n\n".join(parts).split("\n\n")
    about = f"*A notebook of `docs/notebooks`: open `{path.name}` in Jupyter to run it.*"
    return "\n\n".join([title, about, *rest]) + "\n"
