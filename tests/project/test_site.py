"""The site: a page for every word, whose links lead somewhere, and nothing from the network."""

from __future__ import annotations

import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nnspec.show.reference import KINDS, words
from scripts.site import zoo
from scripts.site.__main__ import build
from scripts.site.links import Links
from scripts.site.words import path_of


def test_links_lead_to_pages_of_the_site() -> None:
    links = Links({"docs/a.md": "a.md", "README.md": "index.md"}, {"dense": "reference/dense.md"})
    text = (
        "[x](layers.md#dense) [y](../README.md#x) [z](https://a.b) `[k](../no)`\n[f](../Makefile)"
    )
    assert links.rewritten(text, "docs/a.md") == (
        "[x](reference/dense.md) [y](index.md#x) [z](https://a.b) `[k](../no)`\n"
        "[f](files/Makefile.md)"
    )
    assert links.wanted == ["Makefile"]
    assert links.rewritten("[a](docs/a.md)", "README.md") == "[a](a.md)"
    with pytest.raises(AssertionError, match=r"a page links to docs/no\.md$"):
        links.rewritten("[a](docs/no.md)", "README.md")


class Page(HTMLParser):
    """The links of a page, its names, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in given}
        self.names.add(attributes.get("id", ""))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag == "link":
            self.loaded.append(attributes["href"])
        elif "src" in attributes:
            self.loaded.append(attributes["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(folder)
    return folder / "html"


@pytest.mark.slow
def test_every_word_and_network_has_a_page(site: Path) -> None:
    for kind in KINDS:
        for word in words(kind):
            page = (site / path_of(word)).with_suffix(".html").read_text(encoding="utf-8")
            for argument in word.arguments:
                assert f"<code>{argument.name}</code>" in page
            # A block shows its text, and everything else an example.
            assert 'class="highlight"' in page
    for name in zoo.specs():
        assert f'src="{name}.svg"' in (site / "zoo" / f"{name}.html").read_text(encoding="utf-8")
    dense = (site / "reference" / "layers" / "core" / "dense.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]*>", "", dense)
    assert "self.dense_1 = nn.Linear(8, 4)" in text
    assert 'layers.Dense(4, name="dense_1")' in text


@pytest.mark.slow
def test_links_of_the_built_pages_lead_somewhere_and_nothing_is_loaded(site: Path) -> None:
    paths = sorted(site.rglob("*.html"))
    pages = {path.relative_to(site).as_posix(): Page(path.read_text("utf-8")) for path in paths}
    dead = []
    for name, page in pages.items():
        if name == "404.html":  # whose links are those of a site at the root of a server
            continue
        assert not [each for each in page.loaded if re.match(r"(https?:)?//", each)], name
        for each in page.loaded:
            assert (site / posixpath.join(posixpath.dirname(name), each)).exists(), (name, each)
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            target = name if not path else target
            is_there = (site / target).exists()
            if is_there and anchor and target in pages:
                is_there = anchor in pages[target].names
            if not is_there:
                dead.append((name, link))
    assert not dead
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(|@import )['\"]?https?:", styles)
