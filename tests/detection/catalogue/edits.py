"""Edits of emitted Python source: each is a fault that a port may have, at one place."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Edit(NamedTuple):
    """What stands from one place of a text to another, replaced."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Source:
    """An emitted file."""

    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    def at(self, line: int, column: int) -> int:
        """Return the place of a line and a column, which counts bytes."""
        start = self._starts[line - 1]
        text = self.text[start : self._starts[line]]
        return start + len(text.encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        first = self.at(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return first, self.at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def told(self, node: ast.AST) -> str:
        first, last = self.span(node)
        return self.text[first:last]

    @cached_property
    def _untouched(self) -> list[tuple[int, int]]:
        """Docstrings, comments, and what draws first weights, which the file then replaces."""
        found = []
        for node in ast.walk(self.tree):
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_law = isinstance(node, ast.FunctionDef) and node.name in _LAWS
            if is_text or is_law:
                found.append(self.span(node))
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        comments = (each for each in tokens if each.type == tokenize.COMMENT)
        return [*found, *((self.at(*each.start), self.at(*each.end)) for each in comments)]

    def is_touched(self, place: int) -> bool:
        return not any(first <= place < last for first, last in self._untouched)

    def statement(self, place: int) -> tuple[int, int]:
        """Return the first and the last line of the innermost statement at a place."""
        found = (1, len(self._starts) - 1)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.stmt):
                first, last = self.span(node)
                lines = node.lineno, node.end_lineno or node.lineno
                if isinstance(node, _COMPOUND):
                    lines = node.lineno, max(node.body[0].lineno - 1, node.lineno)
                    last = self._starts[lines[1]]
                if first <= place < last and lines[1] - lines[0] <= found[1] - found[0]:
                    found = lines
        return found

    def enclosing(self, place: int) -> str:
        """Return the innermost class or function at the top of the file, or nothing."""
        for node in self.tree.body:
            first, last = self.span(node)
            if first <= place < last and isinstance(node, ast.ClassDef | ast.FunctionDef):
                return node.name
        return ""

    def changed(self, edit: Edit) -> Source:
        return Source(self.text[: edit.start] + edit.new + self.text[edit.end :])


_LAWS = ("reset_parameters", "glorot_uniform_", "glorot_uniform", "get_config")
_COMPOUND = (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef, ast.ClassDef)
Finder = Callable[[Source], Iterator[Edit]]


def text(old: str, new: str) -> Finder:
    """What matches a pattern is `new`, in which \\1 stands for a group."""

    def find(source: Source) -> Iterator[Edit]:
        for match in re.finditer(old, source.text):
            if source.is_touched(match.start()):
                yield Edit(match.start(), match.end(), match.expand(new))

    return find


def calls(source: Source, names: str) -> Iterator[ast.Call]:
    """Yield the calls of what a pattern matches as a whole."""
    for node in ast.walk(source.tree):
        is_call = isinstance(node, ast.Call) and re.fullmatch(names, ast.unparse(node.func))
        if is_call and source.is_touched(source.span(node)[0]):
            assert isinstance(node, ast.Call)
            yield node


def keyword(names: str, **values: str | None) -> Finder:
    """Calls get other keywords; of None they lose them, and are left alone if they have none."""

    def find(source: Source) -> Iterator[Edit]:
        for call in calls(source, names):
            given = {each.arg: source.told(each.value) for each in call.keywords if each.arg}
            if not all(name in given for name, value in values.items() if value is None):
                continue
            new = {**given, **values}
            if new == given:
                continue
            words = [source.told(each) for each in call.args]
            words += [f"{name}={value}" for name, value in new.items() if value is not None]
            words += [f"**{source.told(each.value)}" for each in call.keywords if not each.arg]
            yield Edit(*source.span(call), f"{source.told(call.func)}({', '.join(words)})")

    return find


def made_by(source: Source, classes: str) -> Iterator[ast.Call]:
    """Yield the calls of modules that their owner makes by a class that a pattern matches."""
    for owner in source.tree.body:
        if not isinstance(owner, ast.ClassDef):
            continue
        names = {
            ast.unparse(node.targets[0])
            for node in ast.walk(owner)
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and re.fullmatch(classes, ast.unparse(node.value.func))
        }
        for node in ast.walk(owner):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
                yield node


def as_call(names: str, new: str, *, least: int = 1) -> Finder:
    """A call is written as `new`, where {0}, {1} are its arguments, {call} and {function} it.

    {rest} is all arguments but the first, {all} all, {receiver} what the function is of.
    """
    return _as(lambda source: calls(source, names), new, least)


def of_module(classes: str, new: str) -> Finder:
    """A call of a module, made by a class of these, is written as `new`: see `as_call`."""
    return _as(lambda source: made_by(source, classes), new, 1)


def _as(found: Callable[[Source], Iterator[ast.Call]], new: str, least: int) -> Finder:
    def find(source: Source) -> Iterator[Edit]:
        for call in found(source):
            if len(call.args) < least:
                continue
            words = [source.told(each) for each in call.args]
            named = [source.told(each) for each in call.keywords]
            receiver = source.told(call.func.value) if isinstance(call.func, ast.Attribute) else ""
            made = new.format(
                *words, call=source.told(call), function=source.told(call.func),
                rest=", ".join([*words[1:], *named]), all=", ".join([*words, *named]),
                receiver=receiver,
            )  # fmt: skip
            if made != source.told(call):
                yield Edit(*source.span(call), made)

    return find


def operator(kind: type[ast.operator], new: str, *, within: str = "forward|logits|call") -> Finder:
    """A sum, a product and so on, within some functions, is written as `new`: {left}, {right}."""

    def find(source: Source) -> Iterator[Edit]:
        for function in ast.walk(source.tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            if not re.fullmatch(within, function.name):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.BinOp) and isinstance(node.op, kind):
                    left, right = source.told(node.left), source.told(node.right)
                    yield Edit(*source.span(node), new.format(left=left, right=right))

    return find


def either(*finders: Finder) -> Finder:
    """Edits of several kinds, which are one kind of fault."""

    def find(source: Source) -> Iterator[Edit]:
        for each in finders:
            yield from each(source)

    return find
