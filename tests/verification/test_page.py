"""The page of a report is as wide as its window, whatever stands in it."""

import base64
import re
import shlex
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.judge.found import Fault
from nnspec.judge.judgement import Judgement
from nnspec.show.plot import svg
from nnspec.verification.checks import Check, NotChecked
from nnspec.verification.page import _STYLE, Cell
from nnspec.verification.report import Report
from nnspec.verification.report_page import matrix
from nnspec.verification.several import Reports

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
    assert "0" * 64 in texts


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


def test_the_matrix_holds_each_pair_once_with_its_worst_check_in_words() -> None:
    found = report()
    (one, other) = found.checks[0].pair
    found.checks.append(Check("export", (other, one), "float32", 2e-6, 1e-6, False))
    found.checks.append(Check("forward", ("onnx", other), "float32", 1e-7, 1e-6, passed=True))
    found.not_checked.append(NotChecked("export", ("onnx", one), "left out"))
    told = matrix(found)
    assert told.cells == {
        (one, other): Cell("DIFFERS in 2 of 3", "1e+06 times the tolerance", "differs"),
        ("onnx", other): Cell("same, 1 of 1", "10.0% of the tolerance", "same"),
        ("onnx", one): Cell("not checked", "", "open"),
    }
    page = found.to_html()
    assert "DIFFERS in 2 of 3" in page
    assert 'role="region" tabindex="0" aria-label="Matrix of pairs of Net &amp; co"' in page


SPEC = """
nnspec: 1
name: Net
inputs: {x: {shape: [4]}}
blocks:
  twice:
    layers:
      - {type: dense, units: 4}
      - {type: relu}
layers:
  - {type: twice, name: body, repeat: 3}
  - {type: dense, units: 2, name: last}
"""


def test_the_graph_marks_the_layers_to_blame_where_they_are_drawn() -> None:
    spec = nnspec.loads(SPEC)
    paths = [at.path for at in spec.graph.walk()]
    blamed = next(path for path in paths if path.startswith("body.2."))
    found = report()
    found.checks.append(Check("forward", ("a", "b"), "float64", 1.0, 1e-12, False, blamed))
    page = found.to_html(spec)
    alt, data = re.findall('<img alt="(.*?)" src="data:image/svg.xml;base64,(.*?)">', page)[0]
    picture = base64.b64decode(data).decode()
    assert f"DIVERGES: {blamed}" in picture
    assert "DIVERGES inside" in picture
    assert picture.count(" marked") == 2  # the block, and the layer
    assert alt.endswith(f"{blamed}.")
    found.checks = [check for check in found.checks if check.passed]
    assert "No layer is found to diverge" in found.to_html(spec)
    assert "DIVERGES" not in svg(spec.graph)


def test_a_fault_that_is_not_sure_marks_no_layer() -> None:
    spec = nnspec.loads(SPEC)
    first, *_, last = (at.path for at in spec.graph.walk())
    found = Judgement("Net", "0" * 64, {}, 0, faults=[Fault(first, "dense", is_sure=False)])
    assert "No layer is found to diverge." in found.to_html(spec)
    found.faults.append(Fault(last, "dense"))
    assert f"Diverging: {last}." in found.to_html(spec)


def test_nothing_is_cut_off_on_paper() -> None:
    rules = dict(re.findall(r"([^{}]+){([^{}]*)}", _STYLE.partition("@media print{")[2]))
    assert rules[".scroll"] == "max-height:none;overflow:visible"
    assert rules[".scroll img"] == "max-width:100%;height:auto"
    assert "overflow-wrap:anywhere" in rules["\n .matrix th,.matrix td"]


def test_several_networks_are_one_page_that_says_how_to_get_it_again() -> None:
    reports = Reports("two", "1" * 64, {"first": report(), "second": report()})
    text = reports.to_html(None, "nnspec verify 'a <b>.yaml'")
    assert text.count("<main>") == text.count("<h1>") == text.count("<!doctype") == 1
    assert "<h2>first</h2>" in text
    assert "nnspec verify &#x27;a &lt;b&gt;.yaml&#x27;" in text
    assert not Page(text).open


def test_a_notebook_shows_the_report_of_every_network() -> None:
    reports = Reports("two", "1" * 64, {"first": report(), "second": report()})
    assert reports._repr_html_() == 2 * report()._repr_html_()


def test_the_command_holds_what_the_call_took(tmp_path: Path) -> None:
    spec = tmp_path / "my net.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    page = tmp_path / "page.html"
    call = ["verify", str(spec), "--backends", "torch,onnx", "--level", "interface", "--batch=3"]
    result = CliRunner().invoke(main, [*call, "--no-processes", "--report", str(page)])
    assert page.exists(), result.output
    found = re.findall('<dd class="command">(.*?)</dd>', page.read_text(encoding="utf-8"))
    words = shlex.split(unescape(found[0]))
    assert words[:8] == ["nnspec", *call]
    assert words[-4:] == ["--steps", "5", "--seed", "0"]
