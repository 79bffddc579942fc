"""Definitions that stand in real Python files, of which an emitted file gets those that it uses.

The files are read as text and never imported: what they define may need a framework. They are
linted, typed and tested where they stand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple


class Import(NamedTuple):
    """A statement that imports one name."""

    module: str
    statement: str


@dataclass(frozen=True, eq=False)
class Snippet:
    """A class or function of such a file: its text, with decorators and the comments above it.

    names: what its module defines and imports. imported: how, for what emitted files import too.
    """

    name: str
    text: str
    node: ast.ClassDef | ast.FunctionDef
    names: frozenset[str]
    imported: Mapping[str, Import]

    @cached_property
    def uses(self) -> frozenset[str]:
        """The names of its module that it uses."""
        return _free_names(self.node) & self.names - {self.name}

    @cached_property
    def imports(self) -> Mapping[str, Import]:
        """The names that it uses and an emitted file has to import."""
        return {name: self.imported[name] for name in sorted(self.uses & self.imported.keys())}


class Snippets(Mapping[str, Snippet]):
    """The definitions of these modules of a package by name, in the order of the files.

    A file is parsed when the first of its definitions is asked for: most networks need none.
    """

    def __init__(self, package: str, modules: Iterable[str]) -> None:
        self._package = package
        self._modules: dict[str, str] = {}
        for module in modules:
            for name in _names(_text_of(package, module)):
                assert name not in self._modules, f"{name} is defined twice"
                self._modules[name] = module

    def __getitem__(self, name: str) -> Snippet:
        return _read(self._package, self._modules[name])[name]

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


@cache
def snippets(package: str, *modules: str) -> Snippets:
    """Return the definitions of these modules of a package."""
    return Snippets(package, modules)


def with_used(names: Iterable[str], known: Mapping[str, Snippet]) -> set[str]:
    """Return the names, and those of all definitions that these use, at first or second hand."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += known[name].uses & known.keys()
    return found


@cache
def _text_of(package: str, module: str) -> str:
    return files(package).joinpath(f"{module}.py").read_text(encoding="utf-8")


def _names(text: str) -> Iterator[str]:
    """Yield the names of a file's definitions; it is formatted, so that each begins a line."""
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("class", "def"):
            yield rest[: min(rest.find(end) for end in "(:" if end in rest)]


@cache
def _read(package: str, module: str) -> Mapping[str, Snippet]:
    found = definitions_in(_text_of(package, module), package)
    return {snippet.name: snippet for snippet in found}


def definitions_in(text: str, package: str = "") -> tuple[Snippet, ...]:
    """Return the definitions of a file of this text; what is beside it is not imported."""
    tree = ast.parse(text)
    lines = text.splitlines()
    imported = dict(_imports(tree, package))
    definitions = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    names = frozenset([*_imported(tree), *(node.name for node in definitions)])
    return tuple(Snippet(n.name, _text(n, lines), n, names, imported) for n in definitions)


def _text(node: ast.ClassDef | ast.FunctionDef, lines: list[str]) -> str:
    start = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
    while start and lines[start - 1].startswith("#"):
        start -= 1
    return "\n".join(lines[start : node.end_lineno])


def _free_names(node: ast.AST) -> frozenset[str]:
    """Return the names that a definition reads and does not bind itself."""
    read: set[str] = set()
    bound: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            (read if isinstance(each.ctx, ast.Load) else bound).add(each.id)
        elif isinstance(each, ast.arg):
            bound.add(each.arg)
    return frozenset(read - bound)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (_bound(alias) for alias in node.names)


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[str, Import]]:
    """Yield each name that is imported from elsewhere than the files beside, and its statement."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            if not package or not node.module.startswith(package):
                for alias in node.names:
                    one = ast.ImportFrom(node.module, [alias], 0)
                    yield _bound(alias), Import(node.module, ast.unparse(one))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield _bound(alias), Import(alias.name, ast.unparse(ast.Import([alias])))


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]
