"""The page of a report is as wide as its window, whatever stands in it."""

import re
from html.parser import HTMLParser

from nnspec.verification.checks import Check, NotChecked
from nnspec.verification.page import _STYLE
from nnspec.verification.report import Report

LONG = "a_layer_of_a_very_long_path." * 20


class Page(HTMLParser):
    """The texts of a page, each with the classes of the elements around it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.texts: list[tuple[str, str, str]] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert "style" not in given
        self.tags.add(tag)
        if tag not in ("meta",):
            self.open.append((tag, given.get("class") or ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open:
            self.texts.append((*self.open[-1], data))


def report() -> Report:
    pair = (f"keras<{LONG}", "torch")
    return Report(
        spec="Net & co",
        spec_sha256="0" * 64,
        versions={"torch": "2"},
        steps=5,
        checks=[
            Check("forward", pair, "float64", 1e-13, 1e-12, passed=True),
            Check("gradient", pair, "float32", 1.0, 1e-6, False, LONG, "moved"),
        ],
        not_checked=[NotChecked("export", ("onnx",), "left out, as asked")],
        notes=[LONG],
    )


def test_the_page_holds_all_of_the_report_and_no_line_is_as_long_as_its_text() -> None:
    page = Page(report().to_html())
    assert not page.open
    # What is set as it is written, or never broken, would make the page wider than its window.
    assert not page.tags & {"pre", "code", "img"}
    assert "overflow-wrap:anywhere" in _STYLE
    for tag, kind, text in page.texts:
        if tag in ("td", "th") and "number" in kind:
            assert len(text) <= 9  # the only ones that are not broken
    texts = [text for *_, text in page.texts]
    assert any(LONG in text and "DIFFERS" in text for text in texts)
    assert "1.0e-13" in texts
    assert "not checked" in texts
    assert any("left out, as asked" in text for text in texts)
    assert any("1 of 2 checks passed" in text for text in texts)
    assert "spec " + "0" * 64 in texts


def test_only_numbers_are_kept_in_one_line() -> None:
    rules = _STYLE.replace("\n", "").split("}")
    kept = [rule.partition("{")[0] for rule in rules if "nowrap" in rule]
    assert kept == [".number"]
    assert not re.search(r"(?<!max-)width:\d+px", _STYLE)


def test_a_bar_shows_the_error_against_its_tolerance() -> None:
    bars = re.findall(
        r'aria-label="the error is (\S+) of the tolerance">.*?class="fill" width="(\S+)"',
        report().to_html(),
    )
    assert bars == [("1.0e-01", "72.0"), ("1.0e+06", "100.0")]
