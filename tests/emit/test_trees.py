"""Expressions are trees: written once, as Python would read them, and never searched as text."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from nnspec.emit.code import begins_with_input, printed
from nnspec.emit.tree import CALLED, Input, Inputs, Items, Literal, X, apply, replaced, walk
from tests.source_trees import tree_of

ROOT = Path(__file__).parents[2]
READERS = {"archive.py", "scripted.py"}  # of files of others, whose text is all there is
WRITERS = sorted(
    path
    for folder in ("nnspec/emit", "backends")
    for path in (ROOT / folder).rglob("*.py")
    if path.parent.name != "emitted"  # what emitted files define is code of its own
    and path.name not in READERS
)
SEARCHED = {"expression", "forward", "line", "lines", "source", "template", "text"}

TEXTS = [
    "({0} + {1}) / 2",
    "{0} + {1} / 2",
    "{0} - ({1} - 2)",
    "({0} - {1}) - 2",
    "-{0}",
    "{0}**-1.5",
    "({0} + 1)**2",
    "(-{0})**2",
    "{0}[:, None, 1:-1, ::2, ..., [1, 0]]",
    "{0}[: {0}.shape[1]]",
    "{module}({0}, mask={1})[0].sum(dim=(1,))",
    "torch.where({0} <= {1}, {0}, {1})",
    'ops.pad({0}, ((0, 0), (1, 2)), mode="reflect")',
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_tree_is_written_as_python_reads_it(text: str) -> None:
    def plain(source: str) -> str:
        return ast.dump(ast.parse(source.replace("{", "_").replace("}", "_")))

    assert plain(printed(tree_of(text))) == plain(text)


def test_values_of_other_source_are_other_values() -> None:
    assert Literal(1) != Literal(1.0)
    assert Literal(1) != Literal(True)
    assert Literal(0.0) != Literal(-0.0)
    assert Literal(2.5) == Literal(2.5)
    assert len({Literal(1), Literal(1.0), Literal(True), Literal(1)}) == 3


def test_all_inputs_take_the_place_of_one() -> None:
    joined = apply("cat", Items((Inputs(),)), dim=1)
    given = [tree_of("a"), tree_of("b(c)")]
    assert printed(replaced(joined, lambda part: None, given)) == "cat((a, b(c)), dim=1)"
    assert Input(0) in set(walk(CALLED))


@pytest.mark.parametrize(
    ("text", "begins"),
    [("{0} + 1", True), ("{0} * 2 + 1", True), ("({0} + 1) * 2", False), ("1 + {0}", False)],
)
def test_a_sum_that_begins_with_its_input_may_go_on_a_line(text: str, begins: bool) -> None:
    assert begins_with_input(tree_of(text)) == begins
    assert not begins_with_input(X)


@pytest.mark.parametrize("path", WRITERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_emitted_text_is_searched_for_meaning(path: Path) -> None:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names) if any(alias.name == "re" for alias in names):
                found.append(node)
            case ast.Call(func=ast.Attribute(attr="replace"), args=[ast.Constant(), *_]):
                found.append(node)
            case ast.Call(func=ast.Attribute(value=held, attr="startswith" | "find" | "count")):
                if getattr(held, "attr", getattr(held, "id", "")) in SEARCHED:
                    found.append(node)
            case ast.Compare(left=ast.Constant(value=str()), ops=[ast.In() | ast.NotIn()]):
                held = node.comparators[0]
                if getattr(held, "attr", getattr(held, "id", "")) in SEARCHED:
                    found.append(node)
    assert not found, [f"line {node.lineno}: {ast.unparse(node)}" for node in found]
