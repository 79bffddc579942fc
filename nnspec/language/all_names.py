"""Reports every wrong name of a spec that is wrong elsewhere too, so that one look is enough.

A mistake may keep a block, or all that stands after it, from being read; names are read without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnspec.errors import Mark
from nnspec.language.names import report_name
from nnspec.language.problems import Problems
from nnspec.language.tree import Map, Sequence


def report_names(tree: object, problems: Problems) -> None:
    """Report what is wrong with any name of the spec and has not been reported."""
    if not isinstance(tree, Mapping):
        return
    if "name" in tree:
        _report(tree["name"], "network", _value_mark(tree, "name"), problems)
    for name, mark in _keys(tree, "variables"):
        _report(name, "variable", mark, problems)
    inputs = list(_keys(tree, "inputs"))
    for name, mark in inputs:
        _report(name, "input", mark, problems)
        given = tree["inputs"][name]
        for size, place in _items(given.get("shape") if isinstance(given, Mapping) else None):
            if isinstance(size, str):
                _report(size, "axis", place, problems)
    _report_layers(tree, {name for name, _ in inputs}, problems)
    for name, mark in _keys(tree, "blocks"):
        _report(name, "block", mark, problems)
        block = tree["blocks"][name]
        if not isinstance(block, Mapping):
            continue
        for variable, place in _keys(block, "variables"):
            _report(variable, "variable", place, problems)
        own = list(_items(block.get("inputs")))
        for given, place in own:
            _report(given, "input", place, problems)
        _report_layers(block, {str(given) for given, _ in own} or {"x"}, problems)


def _report_layers(body: Mapping[str, Any], inputs: set[str], problems: Problems) -> None:
    known: set[str] = set()
    for item, _ in _items(body.get("layers")):
        name = item.get("name") if isinstance(item, Mapping) else None
        if name is None:
            continue
        mark = _value_mark(item, "name")
        if not _report(name, "layer", mark, problems) and (name in known or name in inputs):
            what = "an input" if name in inputs else "another layer"
            problems.add(
                "duplicate-name",
                f'the name "{name}" belongs to {what} already',
                mark,
                "give each its own name",
            )
        known.add(str(name))


def _report(name: object, what: str, mark: Mark | None, problems: Problems) -> bool:
    """Report what is wrong with a name; return whether anything is, or may be."""
    is_computed = isinstance(name, str) and "${" in name
    return is_computed or report_name(name, what, mark, problems)


def _keys(holder: Mapping[str, Any], key: str) -> Iterator[tuple[Any, Mark | None]]:
    """Yield the keys of a mapping in the mapping, with their places."""
    inner = holder.get(key)
    if isinstance(inner, Mapping):
        for name in inner:
            marks = inner.marks.get(name) if isinstance(inner, Map) else None
            yield name, marks[0] if marks else None


def _items(given: object) -> Iterator[tuple[Any, Mark | None]]:
    """Yield the items of a list with their places."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list | tuple):
        marks = given.marks if isinstance(given, Sequence) else ()
        for i, item in enumerate(given):
            yield item, marks[i] if i < len(marks) else None


def _value_mark(holder: Mapping[str, Any], key: str) -> Mark | None:
    return holder.marks[key][1] if isinstance(holder, Map) and key in holder.marks else None
