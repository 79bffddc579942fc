"""Leaves out parameters that no specialised definition reads any more, and what calls give them."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nnspec.emit.code import wrap


def without_unread(definitions: Sequence[str]) -> list[str]:
    """Return functions of one file without the parameters that they do not read.

    They call each other by position. A header is broken anew, a call within its line.
    """
    texts = list(definitions)
    while True:
        unread = {name: places for text in texts for name, places in _unread(text).items()}
        if not unread:
            return texts
        texts = [_without(text, unread) for text in texts]


def parameters_of(text: str) -> list[str]:
    """Return the names of the parameters of a function, in their order."""
    return [argument.arg for argument in _function(text).args.args]


def _function(text: str) -> ast.FunctionDef:
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    return node


def _unread(text: str) -> dict[str, list[int]]:
    """Return the places of parameters that a function does not read, by its name."""
    node = _function(text)
    read = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    places = [i for i, each in enumerate(node.args.args) if each.arg not in read]
    return {node.name: places} if places else {}


def _without(text: str, unread: dict[str, list[int]]) -> str:
    node = _function(text)
    lines = text.splitlines()
    calls = [
        each
        for each in ast.walk(node)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in unread
    ]
    # From the last on, so that the places of those before stay.
    for call in sorted(calls, key=lambda each: (each.lineno, each.col_offset), reverse=True):
        assert isinstance(call.func, ast.Name)
        for i in reversed(unread[call.func.id]):
            argument, before = call.args[i], call.args[i - 1]
            assert argument.end_lineno == before.end_lineno == argument.lineno
            line = lines[argument.lineno - 1]
            start, end = before.end_col_offset, argument.end_col_offset
            assert start is not None
            assert end is not None
            lines[argument.lineno - 1] = line[:start] + line[end:]
    places = unread.get(node.name)
    if places is None:
        return "\n".join(lines)
    kept = [ast.unparse(each) for i, each in enumerate(node.args.args) if i not in places]
    returned = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    header = wrap(f"def {node.name}({', '.join(kept)}){returned}:")
    return "\n".join([*header, *lines[node.body[0].lineno - 1 :]])
