"""The zoo on the site: a page for each network, with its figures, its picture and its text."""

from __future__ import annotations

import re
from pathlib import Path

from nnspec.network.loader import load
from nnspec.network.spec import Spec
from nnspec.show.plot import svg
from nnspec.show.summary import summarize

ROOT = Path(__file__).parents[2]


def specs() -> dict[str, Path]:
    """Return the files of the zoo by their names."""
    return {path.stem: path for path in sorted((ROOT / "specs" / "zoo").glob("*.yaml"))}


def pages() -> dict[str, str]:
    """Return every page and picture by its place."""
    loaded = {name: load(path) for name, path in specs().items()}
    found = {"zoo/index.md": _index(loaded)}
    for name, spec in loaded.items():
        found[f"zoo/{name}.svg"] = svg(spec.graph)
        found[f"zoo/{name}.md"] = _page(name, spec)
    return found


def _index(loaded: dict[str, Spec]) -> str:
    rows = []
    for name, spec in loaded.items():
        made = summarize(spec)
        rows.append(
            f"| [{spec.name}]({name}.md) | {_cell(_description(name))} | {made.parameters:,} "
            f"| {made.multiply_adds:,} |"
        )
    head = ["| network | | parameters | multiply-adds |", "| --- | --- | ---: | ---: |"]
    about = "Networks of the field as specs, in `specs/zoo`. Each is verified at full size."
    return f"# The zoo\n\n{about}\n\n" + "\n".join([*head, *rows]) + "\n"


def _cell(text: str) -> str:
    first, *_ = re.split(r"(?<=[^ .]{3}\.)(?= [A-Z])", text.strip(), maxsplit=1)
    return first.replace("|", "\\|")


def _description(name: str) -> str:
    """Return what the first comment of a spec says, after the line that is for editors."""
    text = specs()[name].read_text(encoding="utf-8")
    lines = [line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#")]
    return " ".join(line for line in lines if not line.startswith("yaml-language-server"))


def _page(name: str, spec: Spec) -> str:
    text = specs()[name].read_text(encoding="utf-8").rstrip()
    return (
        "\n\n".join(
            [
                f"# {spec.name}",
                _description(name),
                f"```\nnnspec verify specs/zoo/{name}.yaml\n```",
                f"## The spec\n\n```yaml\n{text}\n```",
                f"## Layers\n\n```text\n{str(summarize(spec)).rstrip()}\n```",
                f"## The picture\n\n![The network {spec.name}, from its inputs down]({name}.svg)"
                "{ .network }",
            ]
        )
        + "\n"
    )
