"""Builds the site of the documentation into build/site: `python -m scripts.site [FOLDER]`.

Pages of docs/, a page for each word of the spec language and for each network of the zoo, and the
files that they link to, made into HTML by MkDocs with Material. A link that leads nowhere is an
error. No page loads anything from the network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.site import notebooks, words, zoo
from scripts.site.links import ROOT, Links

DOCS = ROOT / "docs"
FAMILIES = ("mlp", "cnn", "recurrent", "transformer", "gan")
"""Tutorials, in their order."""
SECTIONS = {
    "Guides": "training tables texts images series sequences autoencoders likeness "
    "coming-from runtimes mcp",
    "Proof": "verification judging certificate detection divergences continuous-integration "
    "domain upstream",
    "Language": "spec-language rules support",
    "Project": "architecture add-a-layer add-a-loss add-an-optimizer add-a-check add-a-backend",
}
"""The pages of docs/ in the navigation."""
OWN = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
GENERATED = ("layers.md", "blocks.md")
"""Pages of docs/ that have a page for each of their sections here."""


def pages() -> dict[str, str]:
    """Return all pages and pictures by their places."""
    sources = {path.relative_to(ROOT).as_posix(): path for path in sorted(DOCS.rglob("*.md"))}
    places = {
        source: source.removeprefix("docs/")
        for source, path in sources.items()
        if path.name not in GENERATED
    }
    places |= OWN | {f"specs/zoo/{name}.yaml": f"zoo/{name}.md" for name in zoo.specs()}
    noted = notebooks.pages()
    places |= {source: f"notebooks/{Path(source).stem}.md" for source in noted}
    known = [word for kind in words.grouped().values() for each in kind.values() for word in each]
    # A name that two kinds have leads to the first, as it does in docs/layers.md.
    links = Links(places, {word.name: words.path_of(word) for word in reversed(known)})
    found = {"reference/index.md": words.index(), **zoo.pages()}
    found |= {words.path_of(word): words.page(word) for word in known}
    for source, place in places.items():
        if source.endswith(".md"):
            text = (ROOT / source).read_text(encoding="utf-8")
            found[place] = links.rewritten(text, source)
    found |= {links.places[source]: links.rewritten(noted[source], source) for source in noted}
    while links.wanted:
        meant = links.wanted.pop()
        place = links.places[meant]
        is_copied = not place.endswith(".md")
        found[place] = (ROOT / meant).read_text("utf-8") if is_copied else links.shown(meant)
    return found


def navigation(known: dict[str, str]) -> list[Any]:
    """Return the navigation, in which every page stands but those of linked files."""
    sections = {
        title: [f"{page}.md" for page in names.split()] for title, names in SECTIONS.items()
    }
    files = sorted(each for each in known if each.startswith("files/"))
    project = [*sections.pop("Project"), "contributing.md", "changelog.md", {"Files": files}]
    noted = [f"notebooks/{Path(source).stem}.md" for source in notebooks.pages()]
    zoos = ["zoo/index.md", *(f"zoo/{name}.md" for name in zoo.specs())]
    return [
        {"Start": "index.md"},
        {"Tutorials": [*(f"tutorials/{name}.md" for name in FAMILIES), *noted]},
        *({title: paths} for title, paths in sections.items()),
        {"Reference": words.navigation()},
        {"Zoo": zoos},
        {"Project": project},
    ]


def build(folder: Path) -> None:
    """Build into `folder/html`; raises CalledProcessError, after what MkDocs has said."""
    shutil.rmtree(folder, ignore_errors=True)
    made = pages()
    for place, text in made.items():
        path = folder / "docs" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    here = Path(__file__).parent
    (folder / "docs" / "assets").mkdir()
    shutil.copy(here / "wide.css", folder / "docs" / "assets")
    settings = {"docs_dir": "docs", "site_dir": "html", "nav": navigation(made)}
    lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
    config = (here / "mkdocs.yml").read_text(encoding="utf-8") + "\n" + "\n".join(lines) + "\n"
    (folder / "mkdocs.yml").write_text(config, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", "mkdocs.yml"],
        cwd=folder,
        check=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    try:
        build(where)
    except subprocess.CalledProcessError as failed:
        raise SystemExit(failed.returncode) from None
    print(f"{where / 'html' / 'index.html'}")
