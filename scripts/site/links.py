"""Links of the repository's pages, as they are on the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOWN = 200_000
"""Characters of a file that is shown as a page."""
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.M | re.S)
_LANGUAGES = {".sh": "bash", ".py": "python", ".yaml": "yaml", ".toml": "toml", ".json": "json"}
_LISTED = (".md", ".yaml", ".sh")
"""Files of a folder that its page leads to."""
_AS_THEY_ARE = (".txt", ".json")
"""Files of docs/ that are no pages, and are copied."""


class Links:
    """Rewrites links, and collects the files that they lead to and that are no pages yet.

    places: page of the repository -> where the site has it. words: name -> page on the site, in the
    place of the sections of docs/layers.md and docs/blocks.md.
    """

    def __init__(self, places: Mapping[str, str], words: Mapping[str, str]) -> None:
        self.places = dict(places)
        self.words = words
        self.wanted: list[str] = []

    def rewritten(self, text: str, source: str) -> str:
        """Return the text of a page with its links as those of the site.

        source: its path in the repository.
        """
        own = self.places[source]
        parts = _CODE.split(text)  # code stays as it is
        parts[::2] = [
            _LINK.sub(lambda link: self._target(link[1], source, own), part) for part in parts[::2]
        ]
        return "".join(parts)

    def _target(self, link: str, source: str, own: str) -> str:
        if re.match(r"[a-z]+:", link) or link.startswith("#"):
            return link
        path, _, anchor = link.partition("#")
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if meant in ("docs/layers.md", "docs/blocks.md"):
            place, anchor = self.words.get(anchor, "reference/index.md"), ""
        else:
            place = self.place(meant)
        relative = posixpath.relpath(place, posixpath.dirname(own) or ".")
        return f"{relative}#{anchor}" if anchor else relative

    def place(self, meant: str) -> str:
        """Return where the site has a file of the repository, and have it shown there."""
        if meant not in self.places:
            path = ROOT / meant
            assert path.exists(), f"a page links to {meant}"
            if meant.startswith("docs/") and path.suffix in _AS_THEY_ARE:
                self.places[meant] = meant.removeprefix("docs/")
            elif path.is_dir():
                self.places[meant] = f"files/{meant}/index.md"
            elif path.suffix == ".md":
                self.places[meant] = f"files/{meant}"
            else:
                self.places[meant] = f"files/{meant}.md"
            self.wanted.append(meant)
        return self.places[meant]

    def shown(self, meant: str) -> str:
        """Return the page that shows a file or a folder that is linked to."""
        path = ROOT / meant
        if path.is_dir():
            names = sorted(each.name for each in path.iterdir() if each.suffix in _LISTED)
            rows = "\n".join(f"- [{name}]({name})" for name in names)
            self.places[f"{meant}/."] = self.places[meant]
            return self.rewritten(f"# {meant}\n\n{rows}\n", f"{meant}/.")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".md":
            return self.rewritten(text, meant)
        assert len(text) <= SHOWN, f"{meant} is too long for a page"
        language = _LANGUAGES.get(path.suffix, "text")
        return f"# {meant}\n\n````{language}\n{text.rstrip()}\n````\n"
