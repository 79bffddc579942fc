"""What the pages say is so: links lead somewhere, commands exist, specs load, output is real."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

import nnspec
from nnspec.cli import main
from nnspec.network.loader import loads_any

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


class Fence(NamedTuple):
    """A fenced piece of a page; `language` is empty where none is given."""

    page: Path
    line: int
    language: str
    text: str


def fences(page: Path) -> list[Fence]:
    found: list[Fence] = []
    opened: tuple[int, str] | None = None
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            if opened is None:
                opened, lines = (number, line[3:].strip()), []
            else:
                found.append(Fence(page, *opened, "\n".join(lines) + "\n"))
                opened = None
        elif opened is not None:
            lines.append(line)
    assert opened is None, f"{page.name}: the fence of line {opened} does not end"
    return found


FENCES = [fence for page in PAGES for fence in fences(page)]
SPECS = [f for f in FENCES if f.language == "yaml" and re.search("^nnspec: 1", f.text, re.M)]
COMMANDS = [
    (fence, line.split("  #")[0].strip())
    for fence in FENCES
    for line in fence.text.splitlines()
    if fence.language in ("", "sh", "bash", "console") and line.startswith("nnspec ")
] + [
    (Fence(page, 0, "", ""), command)
    for page in PAGES
    for command in re.findall(r"`(nnspec [a-z]+ [^`]*)`", page.read_text(encoding="utf-8"))
]


def place(value: object) -> str:
    if isinstance(value, Fence):
        return f"{value.page.name}:{value.line}"
    return value.name if isinstance(value, Path) else str(value)


def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives the headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}"


@pytest.mark.parametrize(("fence", "command"), COMMANDS, ids=place)
@pytest.mark.usefixtures("toy")  # of which the pages tell
def test_commands_parse(fence: Fence, command: str) -> None:
    name, *arguments = shlex.split(command)[1:]
    # click keeps the names that the first context of a command gave its help option.
    context = click.Context(main, **main.context_settings)
    found = main.get_command(context, name)
    assert found is not None, f"no command {name}"
    parameters = found.get_params(context)
    known = {option for parameter in parameters for option in parameter.opts} | {"--help"}
    known |= {option for parameter in parameters for option in parameter.secondary_opts}
    assert {word for word in arguments if word.startswith("-") and word != "-"} <= known
    # A sentence may name a command without saying on which spec.
    if fence.line:
        found.make_context(name, list(arguments), parent=context)


@pytest.mark.parametrize("fence", SPECS, ids=place)
def test_specs_load(fence: Fence) -> None:
    wrong = re.match(r"# (wrong\.yaml)\n", fence.text)
    if wrong is None:
        assert not loads_any(fence.text).advice
        return
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(fence.text, path=wrong[1])
    printed = next(f.text for f in FENCES if f.page == fence.page and f.line > fence.line)
    assert printed.startswith(str(caught.value) + "\n")


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_emitted_source_in_the_readme_is_real(backend: str) -> None:
    readme = [fence for fence in FENCES if fence.page.name == "README.md"]
    spec = next(fence for fence in readme if fence.language == "yaml")
    source = nnspec.compile(nnspec.loads(spec.text, path="digits.yaml"), backend).source
    assert source in [fence.text for fence in readme if fence.language == "python"]


def test_every_code_of_a_mistake_is_explained() -> None:
    page = (ROOT / "docs" / "spec-language.md").read_text(encoding="utf-8")
    table = page.partition("| code | the mistake |")[2]
    shown: set[str] = set()
    for path in (ROOT / "specs" / "invalid").glob("*.txt"):
        shown.update(re.findall(r"error\[([a-z-]+)\]", path.read_text(encoding="utf-8")))
    cells = re.findall(r"^\| (.*?) \|", table.partition("\n\n")[0], re.M)
    assert shown == {code for cell in cells for code in re.findall(r"`([a-z-]+)`", cell)}


def test_the_readme_starts_with_the_two_commands() -> None:
    first = next(fence for fence in FENCES if fence.page.name == "README.md")
    assert re.findall(r"^make (\w+)", first.text, re.M) == ["demo", "test"]


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of the docstrings of a file, those below assignments among them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        is_documented = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        before: list[ast.stmt | None] = [None, *body[:-1]]
        for last, statement in zip(before, body, strict=False):
            match statement:
                case ast.Expr(ast.Constant(str(text))) if isinstance(
                    last, ast.Assign | ast.AnnAssign
                ) or (last is None and is_documented):
                    yield statement.lineno, text


def test_docstrings_name_a_thing_or_say_what_it_does() -> None:
    question = re.compile(r"\s*(what|how|which|where|whose|who|why|when)\b", re.IGNORECASE)
    files = [file for part in ("nnspec", "backends") for file in (ROOT / part).rglob("*.py")]
    assert [
        f"{file.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for file in files
        for line, text in docstrings(file)
        if question.match(text)
    ] == []
